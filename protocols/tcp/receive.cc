// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/receive.h"

#include <algorithm>

#include "protocols/tcp/ecn.h"

namespace slipway::tcp {
namespace {

// RFC 7323 5.5: after so long a time without a segment an old timestamp proves nothing.
constexpr Duration kTimestampsOutdated = std::chrono::hours(24 * 24);

}  // namespace

Outcome Arrival::Run() {
  if (c_.state == State::kSynSent) {
    SynSent();
    return outcome_;
  }
  if (CheckSequence() && CheckReset() && CheckSyn() && CheckAck() && TakeText()) TakeFin();
  return outcome_;
}

// An ACK goes back, within the limit.
void Arrival::Challenge(Drop drop) {
  outcome_.drop = drop;
  if (MayChallenge(context_, c_)) {
    c_.receive.ack_due = true;
  } else {
    outcome_.drop = Drop::kTcpChallengeLimited;
  }
}

// 3.10.7.3.
void Arrival::SynSent() {
  const Flags& flags = segment_.flags;
  const bool acks_our_syn = flags.ack && segment_.ack == c_.At(c_.send.max) && c_.send.max == 1;
  if (flags.ack && !acks_our_syn) {
    outcome_.drop = Drop::kTcpAckUnacceptable;
    outcome_.answer_reset = !flags.rst;
    return;
  }
  if (flags.rst) {
    outcome_.drop = acks_our_syn ? Drop::kNone : Drop::kTcpResetUnacceptable;
    outcome_.reset = acks_our_syn;
    if (acks_our_syn) outcome_.verdict = Verdict::kClosed;
    return;
  }
  if (!flags.syn) {
    outcome_.drop = Drop::kTcpFlagsInvalid;
    return;
  }
  ReceiveState& r = c_.receive;
  Negotiate(context_.settings, segment_.options, c_);
  StartCongestion(context_.settings, c_);
  AgreeOnEcn();
  c_.irs = segment_.seq;
  r.nxt = r.taken = r.last_ack_sent = segment_.seq + 1;
  r.edge = r.nxt + std::min<std::uint32_t>(r.room, 0xffff);
  if (c_.timestamps) {
    r.ts_recent = segment_.options.timestamps->value;
    r.ts_recent_at = context_.now;
  }
  c_.send.wl1 = segment_.seq;
  c_.timers.heard = c_.timers.idle_from = context_.now;
  if (acks_our_syn) {
    Move<State::kSynSent, State::kEstablished>(c_.state);
    RememberLostSyns();
    TakeAcknowledgment(1);
    r.ack_due = true;
    outcome_.opened = true;
  } else {
    Move<State::kSynSent, State::kSynReceived>(c_.state);
    c_.send.syn_due = true;
  }
  c_.send.window = c_.send.window_max = window_;
}

// RFC 3168 6.1.1. One SYN or SYN-ACK that does not agree ends it, whatever others say.
void Arrival::AgreeOnEcn() {
  const bool agrees = segment_.flags.ack ? GrantsEcn(segment_) : AsksForEcn(segment_);
  c_.ecn = c_.ecn && agrees;
  c_.ect = c_.ect && agrees;
}

// First, 3.10.7.4.
bool Arrival::CheckSequence() {
  if (c_.state == State::kSynReceived && segment_.flags.syn && segment_.seq == c_.irs) {
    AgreeOnEcn();
    if (!segment_.flags.ack) {
      outcome_.drop = Drop::kTcpOldDuplicate;
      c_.send.syn_due = true;
      return false;
    }
    segment_.flags.syn = segment_.flags.ece = false;
    segment_.seq = segment_.seq + 1;
  }
  if (!CheckTimestamps()) return false;
  if (Acceptable()) {
    c_.timers.heard = context_.now;
    c_.send.keepalives = 0;
    if (segment_.options.timestamps && c_.timestamps && !segment_.flags.rst &&
        segment_.seq.AtOrBefore(c_.receive.last_ack_sent)) {
      c_.receive.ts_recent = segment_.options.timestamps->value;
      c_.receive.ts_recent_at = context_.now;
    }
    return true;
  }
  const bool old = (segment_.seq + segment_.length()).AtOrBefore(c_.receive.nxt);
  outcome_.drop = old ? Drop::kTcpOldDuplicate : Drop::kTcpOutOfWindow;
  if (segment_.flags.rst) return false;
  // What carries text or FIN cannot come from an exchange of ACKs: no limit needed against loops.
  if (segment_.length() != 0 && !segment_.flags.syn) {
    c_.receive.ack_due = true;
  } else {
    Challenge(outcome_.drop);
  }
  return false;
}

// RFC 7323 5.3 R1, and 3.2 for what comes without.
bool Arrival::CheckTimestamps() {
  if (!c_.timestamps || segment_.flags.rst) return true;
  if (!segment_.options.timestamps) {
    outcome_.drop = Drop::kTcpTimestampMissing;
    return false;
  }
  const auto age =
      static_cast<std::int32_t>(segment_.options.timestamps->value - c_.receive.ts_recent);
  if (age >= 0 || context_.now - c_.receive.ts_recent_at > kTimestampsOutdated) return true;
  Challenge(Drop::kTcpPaws);
  return false;
}

// The table of 3.10.7.4, with the allowance that a zero window still lets ACKs and RSTs in: the
// text of such a segment, cut to the window, is empty.
bool Arrival::Acceptable() const {
  const SeqNum start = segment_.seq;
  const std::uint32_t length = segment_.length();
  const std::uint32_t window = c_.receive.window();
  if (window == 0) return start == c_.receive.nxt;
  if (start.InWindow(c_.receive.nxt, window)) return true;
  return length != 0 && (start + (length - 1)).InWindow(c_.receive.nxt, window);
}

// Second (RFC 5961 3.2).
bool Arrival::CheckReset() {
  if (!segment_.flags.rst) return true;
  if (segment_.seq == c_.receive.nxt) {
    TakeLastAcknowledgment();
    outcome_.reset = true;
    outcome_.verdict = Verdict::kClosed;
  } else {
    Challenge(Drop::kTcpResetUnacceptable);
  }
  return false;
}

// Fourth (RFC 5961 4.2).
bool Arrival::CheckSyn() {
  if (!segment_.flags.syn) return true;
  if (c_.state == State::kSynReceived && c_.passive) {
    outcome_.drop = Drop::kTcpSynInWindow;
    outcome_.verdict = Verdict::kClosed;  // back to LISTEN
  } else {
    Challenge(Drop::kTcpSynInWindow);
  }
  return false;
}

// Fifth.
bool Arrival::CheckAck() {
  if (!segment_.flags.ack) {
    outcome_.drop = Drop::kTcpAckMissing;
    return false;
  }
  const std::int64_t position = c_.PositionOf(segment_.ack);
  if (c_.state == State::kSynReceived && !CompleteHandshake(position)) return false;
  // RFC 5961 5.2.
  const auto una = static_cast<std::int64_t>(c_.send.una);
  if (position > static_cast<std::int64_t>(c_.send.max)) {
    Challenge(Drop::kTcpAckUnacceptable);
    return false;
  }
  if (position < una - static_cast<std::int64_t>(c_.send.window_max)) {
    Challenge(Drop::kTcpAckTooOld);
    return false;
  }
  if (position >= una) TakeAcknowledgment(static_cast<std::uint64_t>(position));
  FinAcknowledged();
  return outcome_.verdict == Verdict::kOpen;
}

bool Arrival::CompleteHandshake(std::int64_t position) {
  if (position != 1 || c_.send.max < 1) {
    outcome_.drop = Drop::kTcpAckUnacceptable;
    outcome_.answer_reset = true;
    return false;
  }
  Move<State::kSynReceived, State::kEstablished>(c_.state);
  RememberLostSyns();
  c_.send.syn_due = false;
  c_.send.wl1 = segment_.seq;
  c_.send.window = c_.send.window_max = window_;
  c_.timers.idle_from = context_.now;
  outcome_.opened = true;
  return true;
}

// The first windows after SYNs or SYN-ACKs whose timer expired. RFC 5681 3.1 wants one segment
// after one of them; RFC 6928 2 after more than one, as the wire loses one in a hundred by itself.
void Arrival::RememberLostSyns() {
  if (c_.send.retries == 0) return;
  c_.rtt.SynTimedOut();
  if (c_.send.retries > 1) c_.congestion.SetWindow(c_.send.mss);
}

void Arrival::FinAcknowledged() {
  if (!c_.fin_acknowledged()) return;
  if (c_.state == State::kFinWait1) {
    Move<State::kFinWait1, State::kFinWait2>(c_.state);
    if (c_.closing) c_.limit_at = context_.now + context_.settings.fin_wait_2;
  } else if (c_.state == State::kClosing) {
    Move<State::kClosing, State::kTimeWait>(c_.state);
    outcome_.verdict = Verdict::kTimeWait;
  } else if (c_.state == State::kLastAck) {
    outcome_.verdict = Verdict::kClosed;
  }
}

// RFC 3168 6.1.3: a mark is echoed until CWR comes; a marked segment with CWR begins anew. Nothing
// outside of the window comes here (6.1.5). The first echo leaves at once.
void Arrival::TakeMark() {
  if (segment_.flags.cwr) c_.ece = false;
  if (segment_.ecn != Ecn::kExperienced) return;
  ++c_.marks;
  if (!c_.ece) c_.receive.ack_due = true;
  c_.ece = true;
}

// Seventh: the segment's text, cut to the window. False when the connection ends over it.
bool Arrival::TakeText() {
  ReceiveState& r = c_.receive;
  if (segment_.length() == 0 || !TakesText(c_.state)) return true;
  if (c_.ecn && !segment_.text.empty()) TakeMark();
  Bytes text = segment_.text;
  SeqNum start = segment_.seq;
  if (const std::int32_t known = r.nxt - start; known > 0) {
    const auto cut = std::min(static_cast<std::size_t>(known), text.size());
    text = text.subspan(cut);
    start = start + static_cast<std::uint32_t>(known);
  }
  const SeqNum fin = segment_.seq + static_cast<std::uint32_t>(segment_.text.size());
  if (segment_.flags.fin && fin.Before(r.edge) && fin.AtOrAfter(r.nxt) && !r.fin_known) {
    r.fin_known = true;
    c_.peer_fin = fin;
  }
  const SeqNum edge = r.fin_known && c_.peer_fin.Before(r.edge) ? c_.peer_fin : r.edge;
  const std::int32_t space = std::max(edge - start, 0);
  if (text.size() > static_cast<std::size_t>(space)) {
    outcome_.drop = Drop::kTcpOutOfWindow;
    r.ack_due = true;
    text = text.first(static_cast<std::size_t>(space));
  }
  if (text.empty()) {
    if (segment_.flags.fin) r.ack_due = true;  // also one that a zero window keeps out
    return true;
  }
  c_.timers.idle_from = context_.now;
  if (c_.closing) {
    outcome_.drop = Drop::kTcpTextAfterClose;
    r.ack_due = true;
    if (c_.state ==
        State::kFinWait2) {  // RFC 1122 4.2.2.13: our text is safe, say that theirs is not
      outcome_.answer_reset = true;
      outcome_.verdict = Verdict::kClosed;
      return false;
    }
    if (start == r.nxt) r.nxt = r.taken = start + static_cast<std::uint32_t>(text.size());
  } else if (start == r.nxt) {
    TakeInOrder(text);
  } else {
    TakeOutOfOrder(start, text);
  }
  return true;
}

void Arrival::TakeInOrder(Bytes text) {
  ReceiveState& r = c_.receive;
  const bool filling = !r.queue.empty();
  const SeqNum before = r.nxt;
  if (r.taken == r.nxt) {
    outcome_.text = text;
    r.nxt = r.taken = r.nxt + static_cast<std::uint32_t>(text.size());
  } else if (!context_.store.Insert(r.queue, r.nxt, text)) {
    // Older text still waits for TakeText(), and there is no room behind it.
    outcome_.drop = Drop::kTcpOutOfOrderFull;
  }
  if (filling) r.nxt = context_.store.ContiguousEnd(r.queue, r.nxt);
  c_.text_received += static_cast<std::uint64_t>(r.nxt - before);
  // RFC 5681 4.2: at least every second segment, at once when it fills a gap.
  ++r.unacknowledged;
  if (filling || r.unacknowledged >= 2) {
    r.ack_due = true;
  } else if (c_.timers.delayed_ack_at == kNever) {
    c_.timers.delayed_ack_at = context_.now + context_.settings.delayed_ack;
  }
}

void Arrival::TakeOutOfOrder(SeqNum start, Bytes text) {
  ReceiveState& r = c_.receive;
  if (!context_.store.Insert(r.queue, start, text)) outcome_.drop = Drop::kTcpOutOfOrderFull;
  c_.recent = start;
  r.ack_due = true;
}

// Eighth: also when the FIN came earlier and the text before it only now.
void Arrival::TakeFin() {
  ReceiveState& r = c_.receive;
  if (!r.fin_known || r.nxt != c_.peer_fin || !TakesText(c_.state)) return;
  r.nxt = r.nxt + 1;
  r.ack_due = true;
  outcome_.finished = true;
  if (c_.state == State::kEstablished) {
    Move<State::kEstablished, State::kCloseWait>(c_.state);
  } else if (c_.state == State::kFinWait1) {
    Move<State::kFinWait1, State::kClosing>(c_.state);
  } else {
    Move<State::kFinWait2, State::kTimeWait>(c_.state);
    outcome_.verdict = Verdict::kTimeWait;
  }
}

}  // namespace slipway::tcp
