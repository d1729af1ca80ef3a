// SPDX-License-Identifier: Apache-2.0
//
// What a farm is told to do: which machines of which kind do what, for how long, over which wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/storm/personality.h"
#include "bench/storm/web_text.h"
#include "protocols/base/ipv4.h"

namespace slipway::storm {

enum class Mode : std::uint8_t {
  kBoot,        // DHCP, ARP, DNS, and the files of a boot, once
  kDownload,    // a fixed address; ranges of one file, over and over, from different offsets
  kHandshake,   // a fixed address; connections that end when TLS stands
  kDhcp,        // DHCP's four messages, over and over
  kSynFlood,    // SYNs from addresses that answer nothing
  kSlowReader,  // a fixed address; one file, read at a trickle
  kRequests,    // a fixed address; small files over one kept connection
};
inline constexpr std::size_t kModes = 7;
std::string_view Name(Mode mode);
std::optional<Mode> ModeNamed(std::string_view name);

struct Workload {
  Mode mode = Mode::kBoot;
  std::uint32_t machines = 1;
  double frames_per_second = 0;  // of a flood; 0: as fast as it goes
};

struct FarmOptions {
  std::vector<Workload> workloads;
  // Dealt out to the machines of each workload in turn, by weight.
  std::vector<std::pair<Firmware, std::uint32_t>> personalities;

  std::optional<Url> url;                   // of machines that DHCP tells none
  std::vector<std::string> files;           // of a boot, after the first: absolute, or beside it
  Ipv4Address first_address{10, 77, 1, 0};  // of machines with fixed addresses
  std::uint8_t prefix_length = 16;
  Ipv4Address gateway;
  Ipv4Address server;       // where names lead; unspecified: DNS says
  Ipv4Address name_server;  // of machines with fixed addresses

  Duration power_on{};       // machines start evenly spread over this
  Duration limit{};          // of the run; 0: until all boots are done
  bool await_server = true;  // nobody is powered on before it answers, if its address is known
  Duration warm_up{};        // at the beginning, left out of rates
  std::uint64_t bytes = 0;   // a run of downloads ends after so many; 0: by time
  std::uint64_t range_bytes = std::uint64_t{64} << 20;
  std::uint64_t slow_bytes_per_second = 4096;

  std::uint32_t verify_every = 1;  // each n-th machine; 0: none
  std::string authority_file;
  std::string digest;

  double loss = 0;  // of frames, each way
  std::uint64_t seed = 1;
  std::uint16_t mtu = 1500;
  std::optional<std::uint32_t> window;  // instead of the personality's
  std::optional<Duration> offer_wait;
  std::optional<Duration> patience;

  bool firmware_receiver = false;
  Duration poll_turn = std::chrono::microseconds(10);
  Duration deaf = std::chrono::milliseconds(10);  // for each 16 KiB decrypted
};

}  // namespace slipway::storm
