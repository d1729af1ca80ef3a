// SPDX-License-Identifier: Apache-2.0
//
// What is shared on the path of a packet: cache lines that one of two workers of an appliance
// stores to and the other touches, while both send images over TLS. There is none. Every load and
// store of their rounds is looked at
// (tests/support/access_trace.h), system headers and libraries included.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>
#include <latch>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "bench/lab/team.h"
#include "tests/support/access_trace.h"

namespace slipway::bench {
namespace {

constexpr unsigned kRounds = 10;  // traced of each worker

// " (PROGRAM+0x1234)", as addr2line takes it.
std::string Place(std::uintptr_t instruction) {
  Dl_info info{};
  if (dladdr(std::bit_cast<const void*>(instruction), &info) == 0) return "";
  return absl::StrFormat(" (%s+%#x)", info.dli_fname,
                         instruction - std::bit_cast<std::uintptr_t>(info.dli_fbase));
}

// What is known of a line: who did what to it, and where it lies.
std::string Story(std::uintptr_t line, const std::array<TouchedLines, 2>& touched) {
  std::string text = absl::StrFormat("\n%#x:", line * 64);
  for (unsigned i = 0; i < 2; ++i) {
    if (const auto by = touched[i].stored_by.find(line); by != touched[i].stored_by.end())
      absl::StrAppendFormat(&text, " stored by %d%s", i, Place(by->second));
    if (std::ranges::binary_search(touched[i].loaded, line))
      absl::StrAppendFormat(&text, " loaded by %d", i);
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string mapping; std::getline(maps, mapping);) {
    std::istringstream words(mapping);
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    words >> std::hex >> start >> dash >> end;
    if (start <= line * 64 && line * 64 < end) text += " in " + mapping;
  }
  return text;
}

storm::FarmOptions Machines() {
  storm::FarmOptions options;
  options.workloads = {{.mode = storm::Mode::kDownload, .machines = 4}};
  options.personalities = {{storm::Firmware::kLinux, 1}};
  options.url = storm::Url::Parse("https://10.50.0.1/image");
  options.first_address = Ipv4Address(10, 50, 1, 0);
  options.server = kServerAddress;
  options.limit = std::chrono::hours(1);
  options.verify_every = 0;
  return options;
}

// Runs two workers in turns and traces kRounds busy rounds of each, once downloads are under way.
class Tracer {
 public:
  void Round(unsigned index, dataplane::Worker& worker, Time now) {
    const bool under_way = worker.statistics().payload_bytes > 0 && ++warm_[index] > 2000;
    if (!under_way || rounds_[index] == kRounds) {
      static_cast<void>(worker.RunOnce(now));
      return;
    }
    const std::uint64_t before = worker.statistics().payload_bytes;
    const TouchedLines lines = TraceAccesses([&] { static_cast<void>(worker.RunOnce(now)); });
    const std::uint64_t gained = worker.statistics().payload_bytes - before;
    sent[index] += gained;
    touched[index].Add(lines);
    // Where its machines stand still for a while, as other programs have their core, none count.
    if (gained > 0 && ++rounds_[index] == kRounds) done_.count_down();
  }
  void Wait() { done_.wait(); }

  std::array<TouchedLines, 2> touched;
  std::array<std::uint64_t, 2> sent{};

 private:
  std::array<unsigned, 2> rounds_{};
  std::array<unsigned, 2> warm_{};
  std::latch done_{2};
};

TEST(SharedLines, AreFoundWhereTheyAre) {
  if (!CanTraceAccesses()) GTEST_SKIP() << "needs x86-64 and no address or thread sanitizer";
  struct alignas(64) Lines {
    std::array<int, 16> first{};   // stored to by both
    std::array<int, 16> second{};  // stored to by one, loaded by the other
    std::array<int, 16> third{};   // loaded by both
    std::array<int, 16> fourth{};  // stored to by one alone
  };
  auto lines = std::make_unique<Lines>();
  const auto trace = [](const std::function<void()>& work) {
    TouchedLines touched;
    std::thread([&] { touched = TraceAccesses(work); }).join();
    return touched;
  };
  // Through volatile, so that every access is made.
  const auto load = [](const int& from) { return static_cast<const volatile int&>(from); };
  const auto store = [](int& to, int value) { static_cast<volatile int&>(to) = value; };
  const TouchedLines a = trace([&] {
    store(lines->first[0], 1);
    store(lines->second[0], load(lines->third[0]));
    store(lines->fourth[0], 1);
  });
  const TouchedLines b =
      trace([&] { store(lines->first[15], load(lines->second[15]) + load(lines->third[15])); });
  const std::uintptr_t base = std::bit_cast<std::uintptr_t>(lines.get()) / 64;
  const auto shared = SharedWritten(a, b);
  EXPECT_TRUE(std::ranges::binary_search(shared, base));
  EXPECT_TRUE(std::ranges::binary_search(shared, base + 1));
  EXPECT_FALSE(std::ranges::binary_search(shared, base + 2));
  EXPECT_FALSE(std::ranges::binary_search(shared, base + 3));
  EXPECT_TRUE(std::ranges::binary_search(a.stored, base + 3));
}

TEST(SharedLines, AreNoneOnThePathOfAPacket) {
  if (!CanTraceAccesses()) GTEST_SKIP() << "needs x86-64 and no address or thread sanitizer";
  std::mutex turns;
  Tracer tracer;
  auto team = Team::Start({.name = "lines",
                           .cores = {0, 1},
                           .image_bytes = std::size_t{16} << 20,
                           .machines = Machines(),
                           .turns = &turns,
                           .round = [&](unsigned index, dataplane::Worker& worker, Time now) {
                             tracer.Round(index, worker, now);
                           }});
  ASSERT_TRUE(team.ok()) << team.status().message();
  (*team)->Run();
  tracer.Wait();
  (*team)->Rest();
  for (unsigned i = 0; i < 2; ++i) {
    EXPECT_GT(tracer.sent[i], 100'000u) << "worker " << i;
    EXPECT_GT(tracer.touched[i].stored.size(), 1000u) << "worker " << i;
  }
  const auto shared = SharedWritten(tracer.touched[0], tracer.touched[1]);
  std::string stories;
  for (const std::uintptr_t line : shared) stories += Story(line, tracer.touched);
  EXPECT_TRUE(shared.empty()) << stories;
}

}  // namespace
}  // namespace slipway::bench
