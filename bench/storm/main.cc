// SPDX-License-Identifier: Apache-2.0
//
// slipway-storm: the machine farm on a DPDK port and a core of its own. Exit codes: 0 when nothing
// failed, 1 when a machine did or something could not be started, 2 for a bad command line.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "bench/storm/captures.h"
#include "bench/storm/command_line.h"
#include "bench/storm/farm.h"
#include "bench/storm/report.h"
#include "dataplane/clock.h"
#include "dataplane/eal.h"
#include "dataplane/port.h"

namespace slipway::storm {
namespace {

constexpr Duration kServerPatience = std::chrono::seconds(60);

std::atomic<bool> stop_wanted{false};

int Fail(const std::string& what, int code) {
  std::fprintf(stderr, "slipway-storm: %s\n", what.c_str());
  return code;
}

void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_wanted.store(true); };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void Pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof set, &set));
}

absl::Status AddReferences(const CommandLine& line, Farm& farm) {
  for (const auto& [path, file] : line.references) {
    if (!farm.library().AddFile(path, file)) {
      return absl::NotFoundError("cannot read the reference " + file);
    }
  }
  return absl::OkStatus();
}

// Rounds until the farm is finished; tells of each second.
Time RunFarm(const CommandLine& line, Farm& farm) {
  const dataplane::Clock clock;
  Time now = clock.Now();
  Time next_progress = now + std::chrono::seconds(1);
  std::uint64_t bytes_before = 0;
  while (!farm.finished() && !stop_wanted.load(std::memory_order_relaxed)) {
    now = clock.Now();
    farm.RunOnce(now);
    if (farm.started_at() == kNever && now > Time(kServerPatience)) return now;
    if (line.quiet || now < next_progress || farm.started_at() == kNever) continue;
    PrintProgress(farm, now, bytes_before, stderr);
    bytes_before = farm.tally().body_bytes;
    next_progress += std::chrono::seconds(1);
  }
  return now;
}

bool WaitForLink(dataplane::Undi& port) {
  const dataplane::Clock clock;
  while (!port.GetStatus().link_up) {
    if (stop_wanted.load() || clock.Now() > Time(std::chrono::seconds(30))) return false;
  }
  return true;
}

int Deliver(const CommandLine& line, const Report& report) {
  PrintTable(report, stdout);
  if (!line.json.empty()) {
    std::FILE* file = std::fopen(line.json.c_str(), "w");
    if (file == nullptr) return Fail("cannot write " + line.json, 1);
    std::fputs(ToJson(report).c_str(), file);
    std::fclose(file);
  }
  return report.tally.failed == 0 && report.boots == report.boots_wanted ? 0 : 1;
}

int Run(const CommandLine& line) {
  constexpr std::uint16_t kLinkBytes = 18;
  const dataplane::PacketPoolOptions pool_options{
      .name = "storm",
      .packets = line.frames,
      .packet_bytes =
          std::max<std::uint16_t>(2048, static_cast<std::uint16_t>(line.farm.mtu + kLinkBytes)),
      .handles = 64};
  constexpr std::size_t kOwnMib = 64;
  dataplane::EalOptions eal_options{.cores = {line.core}, .hugepages = line.hugepages};
  eal_options.file_prefix = "storm";
  eal_options.memory_mib = line.memory_mib;
  if (line.memory_mib == 0) {
    eal_options.memory_mib = (dataplane::PacketPool::MemoryNeeded(pool_options) >> 20) + kOwnMib;
  }
  const auto name = dataplane::ParsePortName(line.port, {.mtu = line.farm.mtu});
  if (!name.ok()) return Fail(std::string(name.status().message()), 2);
  if (name->is_pci()) eal_options.pci.push_back(name->device);
  const auto eal = dataplane::EalGuard::Start(eal_options);
  if (!eal.ok()) return Fail(std::string(eal.status().message()), 1);
  const auto pool = dataplane::PacketPool::Create(pool_options);
  if (!pool.ok()) return Fail(std::string(pool.status().message()), 1);
  dataplane::DpdkPort port(line.port);
  const dataplane::InitializeRequest request{.mtu = line.farm.mtu,
                                             .pools = {pool->get()},
                                             .receive_descriptors = 1024,
                                             .transmit_descriptors = 1024};
  if (auto status = port.Initialize(request); !status.ok()) {
    return Fail(std::string(status.message()), 1);
  }
  static_cast<void>(port.ReceiveFilters({.promiscuous = true}));
  auto farm = Farm::Create(line.farm, {.port = &port, .queue = 0, .pool = pool->get()});
  if (!farm.ok()) return Fail(std::string(farm.status().message()), 2);
  if (auto status = AddReferences(line, **farm); !status.ok()) {
    return Fail(std::string(status.message()), 2);
  }
  Pin(line.core);
  if (!WaitForLink(port)) return Fail("the port's link does not come up", 1);
  const Time end = RunFarm(line, **farm);
  if ((*farm)->started_at() == kNever) return Fail("the server does not answer by ARP", 1);
  const Report before_stop = Summarise(**farm, end, port.Statistics());
  (*farm)->Stop(end);
  Report report = before_stop;  // rates of the run, failures of its end too
  report.tally = (*farm)->tally();
  const int code = Deliver(line, report);
  farm->reset();
  port.Shutdown();
  return code;
}

}  // namespace
}  // namespace slipway::storm

int main(int argc, char** argv) {
  using namespace slipway::storm;  // NOLINT(google-build-using-namespace)
  const auto line = ParseCommandLine({argv + 1, argv + argc});
  if (!line.ok()) return Fail(std::string(line.status().message()) + "; --help tells more", 2);
  if (line->help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (!line->pcap.empty()) {
    const auto status = WriteCapture(*line);
    return status.ok() ? 0 : Fail(std::string(status.message()), 2);
  }
  StopOnSignals();
  return Run(*line);
}
