// SPDX-License-Identifier: Apache-2.0
//
// What the simulator's test programs share: seeds, wires as bad as their seed says, a conversation
// whose bytes are a function of their offset. SLIPWAY_SEED=N replays run N alone, SLIPWAY_RUNS=N
// makes N runs of each kind, SLIPWAY_FIRST=N begins with another seed.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/world.h"
#include "tests/support/appliance.h"
#include "tests/support/seeded_openssl.h"
#include "tests/support/station.h"

namespace slipway::sim {

inline constexpr Ends kMachine{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                               .to = dataplane::kApplianceMac,
                               .source = Ipv4Address(10, 77, 0, 9),
                               .destination = dataplane::kApplianceAddress};
inline constexpr Ends kServer{.from = kMachine.to,
                              .to = kMachine.from,
                              .source = kMachine.destination,
                              .destination = kMachine.source};
inline constexpr std::string_view kGet = "GET /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";

inline std::uint64_t NumberOf(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Runs `body` with each seed, and stops at the first that fails.
template <class Body>
void ForSeeds(std::uint64_t runs, Body&& body) {
  const bool replays = std::getenv("SLIPWAY_SEED") != nullptr;
  const std::uint64_t base = NumberOf("SLIPWAY_SEED", NumberOf("SLIPWAY_FIRST", 20261122));
  if (replays) runs = 1;
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(base),
              static_cast<unsigned long long>(base + runs - 1));
  for (std::uint64_t seed = base; seed < base + runs; ++seed) {
    body(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "replay with SLIPWAY_SEED=" << seed;
  }
}

// A wire as bad as the seed says: each trouble is there in about half of the runs.
Wire WireOf(std::uint64_t seed);

// Serves `size` bytes that are a function of their offset to whoever connects.
class Pattern final : public dataplane::Application, public ByteSource {
 public:
  explicit Pattern(std::uint64_t size, std::uint32_t room = 65535) : size_(size), room_(room) {}
  static std::uint8_t At(std::uint64_t offset) {
    return static_cast<std::uint8_t>(offset * 7 + (offset >> 8) * 13 + (offset >> 16));
  }

  ByteSource& output() override { return *this; }
  dataplane::Reaction Receive(Bytes text, Time) override {
    for (const std::uint8_t byte : text) wrong_ += byte != At(received_++) ? 1U : 0U;
    return {};
  }
  dataplane::Reaction Finish(Time) override {
    finished_ = true;
    return {.close = true};
  }
  std::uint32_t receive_room() const override { return room_; }

  std::uint64_t length() const override { return size_; }
  bool finished() const override { return true; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    SLIPWAY_CHECK(offset >= released_ && offset + out.size() <= size_);
    for (std::uint8_t& byte : out) byte = At(offset++);
  }
  void Release(std::uint64_t offset) override { released_ = offset; }

  std::uint64_t received() const { return received_; }
  bool Got(std::uint64_t size) const { return wrong_ == 0 && received_ == size && finished_; }

 private:
  std::uint64_t size_;
  std::uint32_t room_;
  std::uint64_t released_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t wrong_ = 0;
  bool finished_ = false;
};

// Options on and off, by the seed.
tcp::Settings SettingsOf(std::uint64_t seed);

// Compares `table` with the reviewed one of that name beside this file, line by line;
// SLIPWAY_WRITE_TABLE=1 writes it anew.
void ExpectTable(const std::string& name, const std::string& table);

// Of the station's conversation; nothing before it and after.
std::optional<tcp::Info> InfoOf(Station& station);
using slipway::TimerIsArmed;
bool TimerIsArmed(Station& station);

}  // namespace slipway::sim
