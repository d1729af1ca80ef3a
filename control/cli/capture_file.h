// SPDX-License-Identifier: Apache-2.0
//
// CaptureFile: pcapng as it arrives in pieces (draft-ietf-opsawg-pcapng section 3.1), passed on in
// whole blocks, and counted. Only what slipwayd writes: little endian.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::control {

class CaptureFile {
 public:
  // Gives `write` every whole block in what has arrived. False: it is no pcapng, or `write` gave
  // false.
  bool Take(std::string_view bytes, const std::function<bool(std::string_view)>& write);

  std::uint64_t frames() const { return frames_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t bytes() const { return bytes_; }  // passed on
  // It has the end that says what was lost in all.
  bool complete() const { return complete_; }

 private:
  void Look(std::string_view block);

  std::string rest_;  // the beginning of a block
  std::uint64_t frames_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t bytes_ = 0;
  bool complete_ = false;
};

}  // namespace slipway::control
