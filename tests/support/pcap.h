// SPDX-License-Identifier: Apache-2.0
//
// Captured frames as test input: reads pcap and pcapng files, little-endian, Ethernet.
//
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway::support {

using FrameBytes = std::vector<std::uint8_t>;

struct Capture {
  std::string name;  // the file's, without its extension
  std::vector<FrameBytes> frames;
};

// The frames of one file, in order. Throws std::runtime_error, naming the file, when it is not a
// capture of Ethernet frames.
std::vector<FrameBytes> ReadPcap(const std::filesystem::path& path);

// Those of real boot clients, in tests/captures, sorted by name.
std::vector<Capture> Captures();

}  // namespace slipway::support
