// SPDX-License-Identifier: Apache-2.0
#include "dataplane/link.h"

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway::dataplane {

// Beyond it the port would have the run cut in software.
std::uint32_t Link::CutTextMax(const Capabilities& port, const PacketPool& pool) {
  constexpr std::size_t kIpAndTcp = 120;  // the largest headers
  constexpr std::size_t kLink = 18;
  const std::size_t buffers = port.tcp_segmentation_segments_max * pool.packet_bytes();
  const std::size_t frame = std::min(port.tcp_segmentation_bytes_max, buffers);
  SLIPWAY_CHECK(frame > kLink + kIpAndTcp);
  return static_cast<std::uint32_t>(frame - kLink - kIpAndTcp);
}

bool Link::Send(Frame frame) {
  if (waiting_ == kOutboxCapacity) return false;
  trace_.See(Trace::Way::kSent, std::span(&frame, 1));
  outbox_[(first_ + waiting_++) % kOutboxCapacity] = std::move(frame);
  return true;
}

std::size_t Link::SendRun(std::span<Frame> frames) {
  const std::size_t count = std::min(frames.size(), kOutboxCapacity - waiting_);
  trace_.See(Trace::Way::kSent, frames.first(count));
  for (std::size_t i = 0; i < count; ++i) {
    outbox_[(first_ + waiting_ + i) % kOutboxCapacity] = std::move(frames[i]);
  }
  waiting_ += count;
  return count;
}

bool Link::SendFirst(Frame frame) {
  if (waiting_ == kOutboxCapacity) return false;
  trace_.See(Trace::Way::kSent, std::span(&frame, 1));
  first_ = (first_ + kOutboxCapacity - 1) % kOutboxCapacity;
  outbox_[first_] = std::move(frame);
  ++waiting_;
  return true;
}

std::size_t Link::Leave(std::span<Frame> frames) {
  if (end_.through != nullptr) return end_.through->Push(frames);
  if (tap_.active()) [[unlikely]]
    return LeaveSeen(frames);
  return port().Transmit(end_.queue, frames);
}

// The same while somebody captures: what the port takes is told, and only that.
std::size_t Link::LeaveSeen(std::span<Frame> frames) {
  std::size_t left = 0;
  while (left < frames.size()) {
    const std::size_t size = std::min(CaptureTap::kBurstMax, frames.size() - left);
    const std::span burst = frames.subspan(left, size);
    tap_.Leaving(burst);
    const std::size_t taken = port().Transmit(end_.queue, burst);
    tap_.Left(taken);
    left += taken;
    if (taken < size) break;
  }
  return left;
}

void Link::TakeForOthers() {
  for (FrameRing* ring : end_.for_others) {
    while (waiting_ < kOutboxMax) {
      Frame frame;
      if (ring->Pop(std::span(&frame, 1)) == 0) break;
      static_cast<void>(Send(std::move(frame)));
    }
  }
}

std::size_t Link::Flush() {
  TakeForOthers();
  peak_ = std::max(peak_, waiting_);
  if (ring_full_ && ++rests_ < kRests) return 0;
  rests_ = 0;
  ring_full_ = false;
  std::size_t sent = 0;
  while (waiting_ > 0) {
    // The ring's contiguous front; a second turn takes what wrapped around.
    const std::size_t size = std::min(waiting_, kOutboxCapacity - first_);
    const std::size_t taken = Leave(std::span(outbox_).subspan(first_, size));
    first_ = (first_ + taken) % kOutboxCapacity;
    waiting_ -= taken;
    sent += taken;
    ring_full_ = taken < size;
    if (ring_full_) {
      ++ring_full_count_;
      break;
    }
  }
  given_up_ = std::min(given_up_ + sent, kOutboxMax);
  return sent;
}

}  // namespace slipway::dataplane
