// SPDX-License-Identifier: Apache-2.0
//
// Captured frames as pcapng (draft-ietf-opsawg-pcapng): functions from values to blocks, which are
// bytes. A file is BeginPcapng(), any number of frames and pauses, and EndPcapng().
//
// One section, little endian, of unknown length; an interface for each worker's end of each port,
// Ethernet, nanoseconds. A frame has its direction and whom it was sent to (epb_flags), how many
// were lost before it (epb_dropcount), and a comment where the port still cut it into segments.
// Blocks are whole: whoever ends a file between two has a file that can be read.
//
// Left out: checks on reading (tests let tshark do it), frame check sequences (NICs keep them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dataplane/capture.h"

namespace slipway::control {

struct PcapngInterface {
  std::string name;
  std::string description;
};

struct PcapngStart {
  std::string hardware;  // and the two that follow: of the section, in words
  std::string operating_system;
  std::string comment;
  std::uint32_t bytes_max = 0;  // kept of each frame; 0: all
};
std::string BeginPcapng(const PcapngStart& start, std::span<const PcapngInterface> interfaces);

// `interface`: index into those. `lost`: frames of that interface since the one before.
void AppendFrame(const dataplane::CapturedFrame& frame, std::uint32_t interface, std::uint64_t lost,
                 std::string& to);

// A block that says nothing: a reader that has gone is found by writing to it.
std::string PcapngPause();

struct PcapngStatistics {
  std::int64_t began_unix_nanoseconds = 0;
  std::int64_t ended_unix_nanoseconds = 0;
  std::uint64_t frames = 0;  // given and lost
  std::uint64_t lost = 0;
};
// One for each interface.
std::string EndPcapng(std::span<const PcapngStatistics> statistics);

}  // namespace slipway::control
