// SPDX-License-Identifier: Apache-2.0
//
// Trace: prints one of N frames, received and sent, as a line on standard error, through the same
// steps as all others. Off (N = 0) it costs one comparison for each burst.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>

#include "dataplane/frame.h"
#include "protocols/wire/pretty.h"

namespace slipway::dataplane {

class Trace {
 public:
  enum class Way : char { kReceived = '<', kSent = '>' };

  explicit Trace(std::uint32_t every) : every_(every) {}

  void See(Way way, std::span<const Frame> frames) {
    if (every_ == 0) return;
    for (const Frame& frame : frames) {
      if (seen_++ % every_ != 0) continue;
      std::fprintf(stderr, "%c %s\n", static_cast<char>(way), Pretty(frame.bytes()).c_str());
    }
  }

 private:
  std::uint32_t every_;
  std::uint64_t seen_ = 0;
};

}  // namespace slipway::dataplane
