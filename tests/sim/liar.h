// SPDX-License-Identifier: Apache-2.0
//
// Liar: a client behind which stands an honest one, and which changes what that one says on its way
// out: windows that shrink, acknowledgments split, repeated or ahead of what arrived (Savage et
// al., "TCP congestion control with a misbehaving receiver"), SACK blocks of text that never came,
// of text never sent, and taken back (RFC 2018 8).
//
// All but `optimistic` leave the cumulative acknowledgment honest, so the stream must arrive. Its
// wire must not damage frames: it reads them strictly.
#pragma once

#include <algorithm>
#include <deque>

#include "tests/support/station.h"

namespace slipway::sim {

struct Lies {
  bool shrinks = false;      // the window, at times to nothing
  bool splits = false;       // one acknowledgment becomes several smaller steps
  bool repeats = false;      // duplicates that nothing caused
  bool forges_sack = false;  // blocks anywhere, and forgets the true ones
  bool optimistic = false;   // acknowledges what may not have arrived, and what was not sent
};

class Liar final : public Endpoint {
 public:
  Liar(Endpoint& honest, const Ends& ends, const Lies& lies, std::uint64_t seed)
      : honest_(honest), ends_(ends), lies_(lies), random_(seed) {}

  void Receive(Bytes frame, Time now) override {
    const Seen seen = See(frame);
    if (seen.tcp) {
      const tcp::SeqNum end = seen.tcp->seq + seen.tcp->length();
      if (seen.tcp->flags.syn || highest_.Before(end)) highest_ = end;
    }
    honest_.Receive(frame, now);
  }
  std::optional<Buffer> Emit(Time now) override {
    if (leaving_.empty()) {
      const auto frame = honest_.Emit(now);
      if (!frame) return std::nullopt;
      Change(*frame);
    }
    Buffer frame = std::move(leaving_.front());
    leaving_.pop_front();
    return frame;
  }
  Time Deadline() const override { return honest_.Deadline(); }
  void Expire(Time now) override { honest_.Expire(now); }

 private:
  void Change(const Buffer& frame) {
    const Seen seen = See(frame);
    if (!seen.tcp || seen.tcp->flags.syn || seen.tcp->flags.rst || !seen.tcp->flags.ack) {
      if (seen.tcp && seen.tcp->flags.syn) sack_ = seen.tcp->options.sack_permitted;
      leaving_.push_back(frame);
      return;
    }
    tcp::Segment segment = *seen.tcp;
    const tcp::SeqNum from = told_.value_or(segment.ack);
    if (!told_ || told_->Before(segment.ack)) told_ = segment.ack;
    if (lies_.shrinks) Shrink(segment);
    if (lies_.forges_sack && sack_) Forge(segment);
    const bool alone = segment.text.empty() && !segment.flags.fin;
    if (alone && lies_.optimistic && random_.Below(3) == 0) {
      segment.ack = highest_ + static_cast<std::uint32_t>(random_.Below(8) * 1460);
    } else if (alone && lies_.splits) {
      Split(segment, from);
    }
    Leave(segment);
    if (alone && lies_.repeats && random_.Below(8) == 0) {
      for (std::uint64_t again = random_.Below(6); again > 0; --again) Leave(segment);
    }
  }

  void Shrink(tcp::Segment& segment) {
    if (grip_left_-- == 0) {
      // Closed for longer, it would be a stalled peer, which is reset.
      grip_ = grip_ != 0 && random_.Below(4) == 0 ? 0 : 16 + random_.Below(240);
      grip_left_ = random_.Below(grip_ == 0 ? 4 : 20);
    }
    segment.window = static_cast<std::uint16_t>(segment.window * grip_ / 256);
  }

  void Forge(tcp::Segment& segment) {
    const std::size_t room = segment.options.timestamps ? 3 : 4;
    if (random_.Below(2) == 0) segment.options.sack = {};  // takes back what it said
    for (std::uint64_t more = random_.Below(room + 1); more > 0; --more) {
      const auto start = static_cast<std::uint32_t>(random_.Below(100'000));
      const auto size = static_cast<std::uint32_t>(random_.Below(20'000));
      segment.options.sack.Add({segment.ack + start - 2000, segment.ack + start - 2000 + size});
    }
    segment.options.sack.Shorten(room);
  }

  void Split(const tcp::Segment& whole, tcp::SeqNum from) {
    const std::int32_t distance = whole.ack - from;
    if (distance < 2) return;
    tcp::Segment part = whole;
    for (std::int32_t i = 1; i < 4; ++i) {
      part.ack = from + static_cast<std::uint32_t>(distance / 4 * i + 1);
      if (part.ack.Before(whole.ack)) Leave(part);
    }
  }

  void Leave(const tcp::Segment& segment) { leaving_.push_back(TcpFrame(ends_, segment)); }

  Endpoint& honest_;
  Ends ends_;
  Lies lies_;
  SeededEntropy random_;
  std::deque<Buffer> leaving_;
  std::optional<tcp::SeqNum> told_;
  tcp::SeqNum highest_;  // one past what has come from the server
  bool sack_ = false;
  std::uint64_t grip_ = 256;  // of 256 parts of the window
  std::uint64_t grip_left_ = 0;
};

}  // namespace slipway::sim
