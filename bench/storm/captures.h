// SPDX-License-Identifier: Apache-2.0
//
// Captures (classic pcap, Ethernet) of what a storm is made of, for tools that replay frames, such
// as pktgen: a DHCP storm, a SYN flood, ARP questions, and garbage of 64 bytes. Seeded: the same
// command line writes the same file.
#pragma once

#include "absl/status/status.h"
#include "bench/storm/command_line.h"

namespace slipway::storm {

// Writes line.pcap: line.pcap_frames frames of line.pcap_kind.
absl::Status WriteCapture(const CommandLine& line);

}  // namespace slipway::storm
