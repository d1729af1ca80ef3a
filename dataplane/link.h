// SPDX-License-Identifier: Apache-2.0
//
// Link: one worker's end of one port: the queue pair it owns there, which of its frames are which
// interface's (interface.h), and the frames that wait for room in the transmit ring.
//
// Where a port has fewer queues than there are workers, some have none. Such a worker receives what
// others hand over (handover.h) and sends through the ring of the worker that owns queue 0.
//
// The port's ring is the clock: Emit fills the outbox only as far as the last Transmit found room,
// so nothing is dropped locally and one connection's burst cannot push out another's. What must
// not wait (ARP: firmware asks twice, 5 ms apart) goes to the front.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/capture_tap.h"
#include "dataplane/frame_ring.h"
#include "dataplane/options.h"
#include "dataplane/packet_pool.h"
#include "dataplane/trace.h"
#include "dataplane/undi.h"
#include "protocols/base/mac.h"
#include "protocols/base/strong.h"

namespace slipway::dataplane {

class Link {
 public:
  // Frames that may wait before connections pause; what answers a frame may still use the rest.
  static constexpr std::size_t kOutboxMax = 256;
  static constexpr std::size_t kOutboxCapacity = 512;
  static constexpr std::uint16_t kNoInterface = 0xffff;

  struct End {
    Undi* port = nullptr;
    std::uint16_t queue = 0;
    std::uint16_t index = 0;             // of Options::ports
    FrameRing* through = nullptr;        // no queue of its own: frames leave by this ring
    std::vector<FrameRing*> for_others;  // frames of workers without a queue, to be sent by us
    bool spread = false;                 // RSS, and a queue for every worker
  };

  Link(const End& end, const PortOptions& options, PacketPool& pool)
      : end_(end),
        pool_(pool),
        trace_(options.trace_every),
        cuts_(end.port->Capabilities().hardware.tcp_segmentation),
        run_max_(cuts_ ? CutTextMax(end.port->Capabilities(), pool) : kRunTextMax) {}

  Undi& port() const { return *end_.port; }
  std::uint16_t index() const { return end_.index; }
  PacketPool& pool() const { return pool_; }
  MacAddress station() const { return end_.port->StationAddress(); }

  // Whose the frames of a VLAN are from now on.
  void SetInterface(VlanId vlan, std::uint16_t interface) { by_vlan_[vlan.value()] = interface; }
  // Index of Options::interfaces; kNoInterface: the VLAN is not configured here. VlanId{}:
  // untagged.
  std::uint16_t InterfaceOf(VlanId vlan) const { return by_vlan_[vlan.value()]; }

  // The port keeps each connection on one queue, and every worker has one.
  bool spreads_by_itself() const { return end_.spread; }

  // The port cuts a run of segments by itself (TSO).
  bool cuts() const { return cuts_; }
  // Text of one run: what an IPv4 packet with its headers and the buffers of one frame hold, or,
  // cut here, what TCP allows.
  std::uint32_t run_max() const { return run_max_; }

  // Room for frames of connections, which can wait where they are.
  std::size_t room() const { return waiting_ >= kOutboxMax ? 0 : kOutboxMax - waiting_; }
  // And for those that cannot: what is beyond is lost.
  std::size_t room_for_answers() const { return kOutboxCapacity - waiting_; }
  // Whether an answer may take some of it that costs little to lose: a flood's. Answers come
  // before connections' turns, so while the ring is full they get one in eight of the places it
  // gives up, or nobody would be served. Whoever then sends one takes its place.
  bool has_cheap_room() const { return room() > 0 && (!ring_full_ || given_up_ >= kCheapShare); }
  void TakeCheapRoom() {
    if (ring_full_) given_up_ -= kCheapShare;
  }

  std::size_t Receive(std::span<Frame> frames) {
    if (end_.through != nullptr) return 0;
    const std::size_t received = end_.port->Receive(end_.queue, frames);
    trace_.See(Trace::Way::kReceived, frames.first(received));
    if (tap_.active()) [[unlikely]]
      tap_.Received(frames.first(received));
    return received;
  }
  // False, and the frame is gone, when the outbox is full: count Drop::kTransmitRingFull.
  [[nodiscard]] bool Send(Frame frame);
  [[nodiscard]] bool SendFirst(Frame frame);
  // The same for a run: how many there was room for; the others are left.
  std::size_t SendRun(std::span<Frame> frames);
  std::size_t waiting() const { return waiting_; }

  // Bytes of our queue's frames so far: none where there is no queue.
  QueueBytes bytes() const {
    return end_.through == nullptr ? end_.port->BytesOf(end_.queue) : QueueBytes{};
  }
  // Times the ring took less than it was given, and the most frames that waited since this was
  // last asked.
  std::uint64_t ring_full() const { return ring_full_count_; }
  std::size_t TakePeak() { return std::exchange(peak_, waiting_); }

  // Hands the outbox to the port as far as it has room; returns how many frames left.
  std::size_t Flush();

  // Of the port, so what other workers send through us is among it.
  CaptureTap& tap() { return tap_; }

 private:
  static constexpr std::size_t kVlans = 4096;  // a number has 12 bits
  static constexpr std::uint32_t kRunTextMax = 1 << 20;

  static std::uint32_t CutTextMax(const Capabilities& port, const PacketPool& pool);
  std::size_t Leave(std::span<Frame> frames);
  std::size_t LeaveSeen(std::span<Frame> frames);
  void TakeForOthers();

  End end_;
  PacketPool& pool_;
  std::vector<std::uint16_t> by_vlan_ = std::vector<std::uint16_t>(kVlans, kNoInterface);
  Trace trace_;
  bool cuts_;
  std::uint32_t run_max_;
  std::array<Frame, kOutboxCapacity> outbox_;  // a ring
  std::size_t first_ = 0;
  std::size_t waiting_ = 0;
  std::size_t peak_ = 0;
  std::uint64_t ring_full_count_ = 0;
  // A ring that was full is left alone for some rounds (about a microsecond): to offer it frames
  // one by one as it empties costs more than the frames.
  static constexpr unsigned kRests = 16;
  static constexpr std::size_t kCheapShare = 8;
  bool ring_full_ = false;
  unsigned rests_ = 0;
  std::size_t given_up_ = 0;  // places of the ring not yet shared out
  CaptureTap tap_;            // last: large, and cold while nobody captures but for its first word
};

}  // namespace slipway::dataplane
