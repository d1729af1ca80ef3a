// SPDX-License-Identifier: Apache-2.0
//
// What an acknowledgment tells the sender: what arrived (RFC 2018, RFC 2883), round trips (RFC
// 6298, RFC 7323 4), the peer's window (RFC 9293 3.10.7.4, fifth). What it means for recovery is
// recovery.cc's.
#include <algorithm>

#include "protocols/tcp/receive.h"
#include "protocols/tcp/recovery.h"

namespace slipway::tcp {

void Arrival::TakeAcknowledgment(std::uint64_t position) {
  SendState& s = c_.send;
  Acknowledged ack{.bytes = position - s.una,
                   .earlier = earlier_,
                   .flight = c_.outstanding(),
                   .advanced = position > s.una};
  if (c_.timestamps && segment_.options.timestamps) ack.echo = segment_.options.timestamps->echo;
  ack.congestion = segment_.flags.ece && c_.ect && !segment_.flags.syn;
  if (c_.sack && !segment_.options.sack.empty()) TakeSackBlocks(position, ack);
  if (ack.advanced) {
    Advance(position, ack);
  } else if (!c_.sack && c_.outstanding() != 0 && !s.persisting) {
    ack.duplicate = segment_.length() == 0 && window_ == s.window;
  }
  if (ack.advanced || ack.duplicate || ack.selected || ack.duplicated != 0 || s.tail_probed ||
      ack.congestion) {
    TakeAcknowledged(context_, c_, ack);
  }
  UpdateWindow(ack.advanced);
}

// What an acceptable reset acknowledges has arrived all the same: firmware that has all it wants
// says so by nothing else. That there is progress is not told: nothing goes on.
void Arrival::TakeLastAcknowledgment() {
  if (!segment_.flags.ack || c_.state == State::kSynReceived) return;
  const std::int64_t position = c_.PositionOf(segment_.ack);
  if (position <= static_cast<std::int64_t>(c_.send.una) ||
      position > static_cast<std::int64_t>(c_.send.max)) {
    return;
  }
  Acknowledged ack;
  Advance(static_cast<std::uint64_t>(position), ack);
  outcome_.progressed = false;
}

void Arrival::TakeSackBlocks(std::uint64_t position, Acknowledged& ack) {
  const auto edge = static_cast<std::int64_t>(std::max(position, c_.send.una));
  bool first = true;
  for (const SackBlock& block : segment_.options.sack) {
    const std::int64_t start = c_.PositionOf(block.start);
    const std::int64_t end = c_.PositionOf(block.end);
    const bool inside = start > 0 && start < end && end <= static_cast<std::int64_t>(c_.send.max);
    if (inside && first && IsDuplicate(start, end, edge)) {
      ack.duplicated = static_cast<std::uint64_t>(end - start);
    } else if (inside && start >= edge) {
      ack.selected |= c_.scoreboard.Select(
          {.start = static_cast<std::uint64_t>(start), .end = static_cast<std::uint64_t>(end)},
          ack.delivered);
    }
    first = false;
  }
}

// RFC 2883 4: the first block lies below the acknowledgment, or within the second.
bool Arrival::IsDuplicate(std::int64_t start, std::int64_t end, std::int64_t edge) const {
  if (end <= edge) return edge - start <= static_cast<std::int64_t>(c_.send.window_max);
  const SackBlocks& blocks = segment_.options.sack;
  return blocks.size() > 1 && c_.PositionOf(blocks[1].start) <= start &&
         end <= c_.PositionOf(blocks[1].end);
}

// What acknowledges more is newer, whatever its sequence number: RFC 9293 would keep the old window
// when the peer sends lost text again, and the right edge would move by what it acknowledges.
void Arrival::UpdateWindow(bool advanced) {
  SendState& s = c_.send;
  if (!advanced && segment_.seq.Before(s.wl1)) return;
  s.window = window_;
  s.window_max = std::max(s.window_max, s.window);
  s.wl1 = segment_.seq;
  if (!s.persisting) return;
  // A window that is open but silly does not end the persist state, nor the stalled deadline.
  const std::uint64_t worthwhile =
      std::min<std::uint64_t>({s.mss, s.window_max / 2, c_.end() + 1 - s.una});
  if (s.window < std::max<std::uint64_t>(worthwhile, 1)) return;
  // The probe's byte, if the peer refused it, goes again with what follows it.
  s.persisting = s.probe_due = false;
  SendAgain(c_);
  c_.rtt.EndBackOff();
  c_.timers.retransmit_at = kNever;
  if (c_.outstanding() != 0) ArmRetransmit(context_, c_);
}

// RFC 6298 3 and 5.3; with timestamps also after retransmissions (RFC 7323 4.1), but only from an
// echo of what was sent since: a peer that had the text already does not take the timestamp of its
// second copy (5.3 R2 before R3), and the old echo would measure the timeout instead of the path.
void Arrival::MeasureRoundTrip() {
  SendState& s = c_.send;
  if (s.timed != kNoPosition) {
    if (s.una < s.timed) return;
    c_.rtt.Sample(context_.now - s.timed_since);
    s.timed = kNoPosition;
  } else if (c_.timestamps && segment_.options.timestamps) {
    const std::uint32_t echo = segment_.options.timestamps->echo;
    if (static_cast<std::int32_t>(echo - TimestampAt(c_, c_.loss.last_resent)) < 0) return;
    const auto milliseconds = static_cast<std::int32_t>(TimestampAt(c_, context_.now) - echo);
    if (milliseconds >= 0) c_.rtt.Sample(std::chrono::milliseconds(milliseconds), true);
  }
}

void Arrival::Advance(std::uint64_t position, Acknowledged& ack) {
  SendState& s = c_.send;
  s.una = position;
  s.nxt = std::max(s.nxt, s.una);
  if (c_.sack) c_.scoreboard.Acknowledge(s.una, ack.delivered);
  if (c_.source != nullptr && s.una > 1) {
    c_.source->Release(std::min(s.una - 1, c_.source->length()));
  }
  outcome_.progressed = true;
  c_.timers.progress = c_.timers.idle_from = context_.now;
  s.retries = 0;
  MeasureRoundTrip();
  s.duplicate_acks = 0;
}

}  // namespace slipway::tcp
