// SPDX-License-Identifier: Apache-2.0
//
// Captured frames as test input: reads pcap and pcapng files, little-endian, Ethernet; writes pcap.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
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

struct TimedFrame {
  std::int64_t microseconds = 0;
  FrameBytes bytes;
};
// Writes `frames` as one file; false where it cannot be written.
bool WritePcap(const std::filesystem::path& path, std::span<const TimedFrame> frames);

// Those of real boot clients, in tests/captures, sorted by name.
std::vector<Capture> Captures();

}  // namespace slipway::support
