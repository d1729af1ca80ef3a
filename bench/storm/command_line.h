// SPDX-License-Identifier: Apache-2.0
//
// slipway-storm's command line. All that is wrong with it is said in one sentence; nothing is
// guessed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/storm/workload.h"

namespace slipway::storm {

struct CommandLine {
  FarmOptions farm;
  std::string port;  // PCI address or DPDK vdev string
  unsigned core = 0;
  bool hugepages = false;
  std::size_t memory_mib = 0;                                   // 0: as much as the machines need
  std::uint32_t frames = 32768;                                 // packet buffers
  std::vector<std::pair<std::string, std::string>> references;  // path of the URL, file here
  std::string json;
  bool quiet = false;
  bool help = false;
  std::string pcap;  // no run: a capture of what the first workload would send
  std::uint64_t pcap_frames = 1000;
  std::string pcap_kind;  // dhcp, synflood, arp, garbage
};

extern const char* const kUsage;
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

// "64KiB", "1GiB", "512", "8M".
std::optional<std::uint64_t> ParseSize(std::string_view text);
// "1s", "250ms", "10us"; a plain 0.
std::optional<Duration> ParseDuration(std::string_view text);
// "boot:9000,synflood:1Mpps".
absl::StatusOr<std::vector<Workload>> ParseMix(std::string_view text);

}  // namespace slipway::storm
