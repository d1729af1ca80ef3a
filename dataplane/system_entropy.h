// SPDX-License-Identifier: Apache-2.0
//
// SystemEntropy: secret randomness from the kernel (getrandom(2)). Every Fill is a system call: for
// keys and seeds, not for each packet.
#pragma once

#include <sys/random.h>

#include <cerrno>

#include "protocols/base/check.h"
#include "protocols/base/entropy.h"

namespace slipway::dataplane {

class SystemEntropy final : public Entropy {
 public:
  void Fill(MutableBytes out) override {
    while (!out.empty()) {
      const ssize_t got = getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      SLIPWAY_CHECK(got > 0);
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace slipway::dataplane
