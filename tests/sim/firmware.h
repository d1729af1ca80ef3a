// SPDX-License-Identifier: Apache-2.0
//
// FirmwareReceiver: how UEFI firmware takes frames, in front of any endpoint. Frames wait in the
// network driver's ring (64 in OVMF's VirtioNetDxe) and one is taken per turn of the caller's poll
// loop; when the ring is full they are lost. Each time a whole TLS record has come, the caller
// decrypts it and does not poll: only the driver's own timer takes one frame every 10 ms.
//
// Where the figures come from: edk2's HttpIoRecvResponse, MnpPoll, MnpSystemPoll, VNET_MAX_PENDING.
// How long a turn lasts differs from machine to machine; 10 us is that of a fast one.
// Left out: MNP's own queue of 256 packets, which only matters to several readers of one port.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <utility>

#include "tests/support/endpoint.h"

namespace slipway::sim {

struct FirmwareTiming {
  std::size_t ring_frames = 64;
  Duration turn = std::chrono::microseconds(10);
  Duration deaf = std::chrono::milliseconds(10);         // while it decrypts
  Duration system_poll = std::chrono::milliseconds(10);  // between two frames, meanwhile
  std::uint64_t record = std::uint64_t{16} * 1024;

  // What a sender would reach that knows the ring: it is never empty and never full. Nobody waits
  // for the last record; the first frame after each of the others has waited in its stead.
  Duration Best(std::uint64_t bytes, std::uint64_t frames) const {
    const std::uint64_t pauses = (bytes - 1) / record;
    return deaf * pauses + turn * (frames - pauses);
  }
};

class FirmwareReceiver final : public Endpoint {
 public:
  // `taken`: how many bytes of the stream have come in order.
  FirmwareReceiver(Endpoint& machine, std::function<std::uint64_t()> taken,
                   const FirmwareTiming& timing = {})
      : machine_(machine), taken_(std::move(taken)), timing_(timing) {}

  void Receive(Bytes frame, Time now) override {
    ++arrived_;
    if (ring_.size() == timing_.ring_frames) {
      ++dropped_;
      return;
    }
    if (ring_.empty()) SetTurn(now);
    ring_.emplace_back(frame.begin(), frame.end());
    fullest_ = std::max(fullest_, ring_.size());
  }
  std::optional<Buffer> Emit(Time now) override { return machine_.Emit(now); }
  Time Deadline() const override {
    return std::min(machine_.Deadline(), ring_.empty() ? kNever : turn_at_);
  }
  void Expire(Time now) override {
    machine_.Expire(now);
    if (ring_.empty() || now < turn_at_) return;
    const Buffer frame = std::move(ring_.front());
    ring_.pop_front();
    machine_.Receive(frame, now);
    if (const std::uint64_t records = taken_() / timing_.record; records > records_) {
      deaf_until_ =
          std::max(deaf_until_, now) + timing_.deaf * static_cast<std::int64_t>(records - records_);
      records_ = records;
    }
    last_turn_ = now;
    SetTurn(now);
  }

  std::uint64_t arrived() const { return arrived_; }
  std::uint64_t dropped() const { return dropped_; }
  std::size_t fullest() const { return fullest_; }

 private:
  void SetTurn(Time now) {
    turn_at_ = std::max(now, last_turn_ + timing_.turn);
    if (turn_at_ < deaf_until_) {
      turn_at_ = std::min(deaf_until_, std::max(now, last_turn_ + timing_.system_poll));
    }
  }

  Endpoint& machine_;
  std::function<std::uint64_t()> taken_;
  FirmwareTiming timing_;
  std::deque<Buffer> ring_;
  Time turn_at_ = kNever;
  Time last_turn_{};
  Time deaf_until_{};
  std::uint64_t records_ = 0;
  std::uint64_t arrived_ = 0;
  std::uint64_t dropped_ = 0;
  std::size_t fullest_ = 0;
};

}  // namespace slipway::sim
