// SPDX-License-Identifier: Apache-2.0
//
// JournalHealth: whether leases can be written to the disk, and so whether any address is given.
// The journal's writer tells it of each try; any thread may ask.
#pragma once

#include <atomic>
#include <cstdint>

namespace slipway::control {

class JournalHealth {
 public:
  // A try failed. True where it is the first since one succeeded.
  bool Fail() {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return !is_failing_.exchange(true, std::memory_order_relaxed);
  }
  // A try succeeded. True where the one before it had failed.
  bool Succeed() { return is_failing_.exchange(false, std::memory_order_relaxed); }

  bool is_failing() const { return is_failing_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> is_failing_{false};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace slipway::control
