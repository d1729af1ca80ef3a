// SPDX-License-Identifier: Apache-2.0
//
// FirmwareReceiver: how a machine's firmware receives (EDK II's network stack over a NIC with a
// ring of 64 buffers): one frame for each turn of the caller's poll loop, and none at all while it
// decrypts a record. What finds the ring full is lost, without a word to anybody.
//
// Time is the real one: `Take` gives what the firmware could have polled by now.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "dataplane/frame.h"
#include "protocols/base/time.h"

namespace slipway::storm {

class FirmwareReceiver {
 public:
  static constexpr std::uint32_t kRing = 64;

  explicit FirmwareReceiver(Duration poll_turn) : poll_turn_(poll_turn) {}

  // False: the ring was full, and the frame is lost.
  bool Put(dataplane::Frame frame, Time now) {
    if (waiting_ == kRing) {
      ++dropped_;
      return false;
    }
    if (waiting_ == 0 && next_poll_ < now) next_poll_ = now;  // it has polled in vain
    ring_[(first_ + waiting_++) % kRing] = std::move(frame);
    if (waiting_ > most_) most_ = waiting_;
    return true;
  }

  // The next frame it has come to by `now`; empty when there is none.
  dataplane::Frame Take(Time now) {
    if (waiting_ == 0 || next_poll_ > now) return {};
    next_poll_ += poll_turn_;
    ++taken_;
    dataplane::Frame frame = std::move(ring_[first_]);
    first_ = (first_ + 1) % kRing;
    --waiting_;
    return frame;
  }

  // It decrypts, and polls nothing for so long.
  void BeDeaf(Duration duration) { next_poll_ += duration; }

  bool empty() const { return waiting_ == 0; }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t dropped() const { return dropped_; }
  std::uint32_t most() const { return most_; }

 private:
  Duration poll_turn_;
  Time next_poll_{};
  std::uint32_t first_ = 0;
  std::uint32_t waiting_ = 0;
  std::uint32_t most_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t dropped_ = 0;
  std::array<dataplane::Frame, kRing> ring_;
};

}  // namespace slipway::storm
