// SPDX-License-Identifier: Apache-2.0
//
// What an acknowledgment means to the sender: round trips (RFC 6298, RFC 7323 4), the peer's window
// (RFC 9293 3.10.7.4, fifth), duplicate ACKs and recovery: NewReno (RFC 6582) for peers without
// SACK, RFC 6675 for the others. The window arithmetic is congestion.h's.
#include <algorithm>

#include "protocols/tcp/receive.h"

namespace slipway::tcp {

void Arrival::TakeAcknowledgment(std::uint64_t position) {
  SendState& s = c_.send;
  const bool news = TakeSackBlocks();
  const bool advances = position > s.una;
  if (advances) {
    Advance(position);
  } else if (c_.outstanding() != 0 && !s.persisting) {
    // RFC 5681 2, "duplicate acknowledgment"; RFC 6675 2 with SACK.
    const std::uint32_t window = std::uint32_t{segment_.window} << s.scale;
    const bool duplicate = c_.sack ? news : segment_.length() == 0 && window == s.window;
    if (duplicate) Duplicate();
  }
  UpdateWindow(advances);
}

bool Arrival::TakeSackBlocks() {
  if (!c_.sack) return false;
  bool news = false;
  for (const SackBlock& block : segment_.options.sack) {
    const std::int64_t start = c_.PositionOf(block.start);
    const std::int64_t end = c_.PositionOf(block.end);
    if (start < static_cast<std::int64_t>(c_.send.una) || start >= end)
      continue;  // D-SACK, nonsense
    if (end > static_cast<std::int64_t>(c_.send.max)) continue;
    news |= c_.scoreboard.Add(
        {.start = static_cast<std::uint64_t>(start), .end = static_cast<std::uint64_t>(end)});
  }
  return news;
}

// What acknowledges more is newer, whatever its sequence number: RFC 9293 would keep the old window
// when the peer sends lost text again, and the right edge would move by what it acknowledges.
void Arrival::UpdateWindow(bool advanced) {
  SendState& s = c_.send;
  if (!advanced && segment_.seq.Before(s.wl1)) return;
  s.window = std::uint32_t{segment_.window} << s.scale;
  s.window_max = std::max(s.window_max, s.window);
  s.wl1 = segment_.seq;
  // A window that is open but silly does not end the persist state, nor the stalled deadline.
  const std::uint64_t worthwhile =
      std::min<std::uint64_t>({s.mss, s.window_max / 2, c_.end() + 1 - s.una});
  if (s.persisting && s.window >= std::max<std::uint64_t>(worthwhile, 1)) {
    // The probe's byte, if the peer refused it, goes again with what follows it.
    s.persisting = s.probe_due = false;
    s.nxt = s.una;
    c_.rtt.EndBackOff();
    c_.timers.retransmit_at = kNever;
    if (c_.outstanding() != 0) ArmRetransmit(context_, c_);
  }
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
    if (milliseconds >= 0) c_.rtt.Sample(std::chrono::milliseconds(milliseconds));
  }
}

void Arrival::Advance(std::uint64_t position) {
  SendState& s = c_.send;
  const std::uint64_t acknowledged = position - s.una;
  const std::uint64_t flight = c_.outstanding();
  s.una = position;
  s.nxt = std::max(s.nxt, s.una);
  c_.scoreboard.Acknowledge(s.una);
  if (c_.source != nullptr && s.una > 1) {
    c_.source->Release(std::min(s.una - 1, c_.source->length()));
  }
  outcome_.progressed = true;
  c_.timers.progress = c_.timers.idle_from = context_.now;
  c_.send.retries = 0;
  MeasureRoundTrip();
  s.duplicate_acks = 0;

  bool rearm = true;
  const std::uint64_t left = c_.outstanding();
  switch (s.recovery) {
    case Recovery::kFast:
      if (s.una >= c_.loss.recovery_point) {
        s.recovery = Recovery::kOpen;
        s.front_due = false;
        c_.congestion.Recovered(c_.sack ? c_.congestion.threshold() : left, s.mss);
      } else if (!c_.sack) {
        // A partial acknowledgment: the next hole. Only the first restarts the timer ("impatient").
        rearm = !c_.loss.partial_seen;
        c_.loss.partial_seen = true;
        s.front_due = true;
        c_.congestion.Deflate(acknowledged, s.mss);
      }
      break;
    case Recovery::kTimeout:
      c_.congestion.Acknowledged(acknowledged, s.mss);
      if (s.una >= c_.loss.recovery_point) s.recovery = Recovery::kOpen;
      break;
    case Recovery::kOpen:
      // A window that was not used says nothing about the network (RFC 7661 4.1's rule of thumb).
      if (2 * flight >= c_.congestion.window()) c_.congestion.Acknowledged(acknowledged, s.mss);
      break;
  }
  if (left == 0) {
    c_.timers.retransmit_at = kNever;
    s.persisting = false;
  } else if (rearm) {
    ArmRetransmit(context_, c_);
  }
}

void Arrival::Duplicate() {
  SendState& s = c_.send;
  if (s.recovery == Recovery::kTimeout) return;
  if (s.recovery == Recovery::kFast) {
    if (!c_.sack) c_.congestion.Inflate(s.mss);  // RFC 6582 3.2 (3)
    return;
  }
  if (s.duplicate_acks < 0xff) ++s.duplicate_acks;
  const bool lost = c_.sack && c_.scoreboard.LostBelow(s.mss) > s.una;
  if ((s.duplicate_acks >= Scoreboard::kDuplicateThreshold || lost) &&
      s.una >= c_.loss.reduce_from) {
    EnterFastRecovery();
  }
}

void Arrival::EnterFastRecovery() {
  SendState& s = c_.send;
  s.recovery = Recovery::kFast;
  c_.loss.recovery_point = c_.loss.reduce_from = s.max;
  c_.loss.high_retransmit = s.una;
  s.nxt = s.max;
  s.front_due = true;
  c_.loss.partial_seen = false;
  ++c_.fast_recoveries;
  c_.congestion.LossDetected(c_.outstanding(), s.mss);
  if (!c_.sack) c_.congestion.Inflate(Scoreboard::kDuplicateThreshold * s.mss);
}

}  // namespace slipway::tcp
