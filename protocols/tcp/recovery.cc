// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/recovery.h"

#include <algorithm>

namespace slipway::tcp {
namespace {

// PRR: the window until the next acknowledgment.
void LetOut(Connection& c, std::uint64_t delivered, bool safe) {
  c.congestion.SetWindow(c.loss.prr.Window({.delivered = delivered,
                                            .flying = c.scoreboard.flying(),
                                            .threshold = c.congestion.threshold(),
                                            .mss = c.send.mss,
                                            .safe = safe}));
}

// What was in flight together is answered once (RFC 3168 6.1.2), and the next new text says so.
void NoteReduction(Connection& c, bool for_echo = false) {
  c.loss.reduced_at = c.send.max;
  c.loss.reduced_for_echo = for_echo;
  c.send.cwr_due = c.ect;
}

void EnterFastRecovery(const Context& context, Connection& c, std::uint64_t inflation) {
  SendState& s = c.send;
  LossState& l = c.loss;
  l.undo.Begin(c.congestion, c.growth);
  s.recovery = Recovery::kFast;
  s.tail_probed = s.tail_probe_due = false;
  l.recovery_point = l.reduce_from = s.max;
  l.partial_seen = false;
  ++c.fast_recoveries;
  // Not again where an echo has reduced the window that this was lost from.
  if (!l.reduced_for_echo || s.una >= l.reduced_at) {
    c.congestion.LossDetected(c.outstanding(), s.mss, c.growth);
  }
  NoteReduction(c);
  if (c.sack) {
    l.prr.Begin(c.scoreboard.flying() + c.scoreboard.lost());
    LetOut(c, 0, false);  // the fast retransmit
  } else {
    s.nxt = s.max;
    s.front_due = true;
    c.congestion.Inflate(inflation);
  }
  if (s.awaits == Awaits::kTailProbe) ArmRetransmit(context, c);
}

// RFC 4015: nothing was lost.
void Undone(Connection& c) {
  SendState& s = c.send;
  c.congestion.Restore(c.loss.undo.window(), c.loss.undo.threshold());
  c.growth = c.loss.undo.growth();
  c.loss.undo.Forget();
  c.loss.frto = Frto::kNone;
  if (c.sack) {
    c.scoreboard.Revive();
  } else {
    s.nxt = s.max;
  }
  s.recovery = Recovery::kOpen;
  s.front_due = false;
  c.rtt.EndBackOff();
  ++c.undone;
}

bool HasNewText(const Connection& c) {
  const SendState& s = c.send;
  return SendsText(c.state) && s.fin == kNoPosition && c.end() > s.max &&
         s.una + s.window >= s.max + s.mss;
}

// RFC 5682 2.1 steps 2 and 3, 3.1 for peers that select: after the first acknowledgment that moves
// una, new text goes out instead of old; if the next tells of text that was sent once only, it was
// all on its way. True: the timeout was spurious.
bool TimeoutWasSpurious(Connection& c, const Acknowledged& ack) {
  SendState& s = c.send;
  LossState& l = c.loss;
  if (l.frto == Frto::kFirst) {
    const bool goes_on = ack.advanced && s.una < l.recovery_point && HasNewText(c);
    l.frto = goes_on ? Frto::kSecond : Frto::kNone;
    if (goes_on) {
      if (!c.sack) s.nxt = s.max;
      c.congestion.SetWindow(c.Flight() + std::uint64_t{2} * s.mss);
    }
    return false;
  }
  l.frto = Frto::kNone;
  if (c.sack ? ack.delivered.lowest_once <= l.recovery_point : ack.advanced) return true;
  c.congestion.SetWindow(std::uint64_t{3} * s.mss);
  if (!c.sack) s.nxt = s.una;
  return false;
}

bool LossWasNone(Connection& c, const Acknowledged& ack) {
  if (ack.duplicated != 0 && c.loss.undo.Duplicated(ack.duplicated)) return true;
  if (c.send.recovery == Recovery::kOpen) return false;
  if (ack.advanced && ack.echo && c.loss.undo.EchoIsOlder(*ack.echo)) return true;
  return c.send.recovery == Recovery::kTimeout && c.loss.frto != Frto::kNone &&
         (ack.advanced || ack.duplicate || ack.selected) && TimeoutWasSpurious(c, ack) &&
         c.loss.undo.possible();
}

// RFC 8985 7.4.2. Beyond it: an echo tells at once which of the two was answered, and of a peer
// that does not select the oldest segment was sent again (send.cc): if that closed a hole with more
// behind it, the rest is lost as well.
void TakeProbesAnswer(const Context& context, Connection& c, const Acknowledged& ack) {
  SendState& s = c.send;
  const LossState& l = c.loss;
  if (s.una < l.tail_end) {
    if (!c.sack && ack.advanced && l.tail_resent) EnterFastRecovery(context, c, 0);
    return;
  }
  const bool older = ack.echo && static_cast<std::int32_t>(*ack.echo - l.tail_stamp) <
                                     0;  // the first was answered
  const bool needless = ack.duplicated != 0 || older || (!ack.advanced && !ack.selected);
  const bool repaired = !needless && (s.una > l.tail_end || ack.echo || !c.sack);
  if (l.tail_resent && !needless && !repaired) return;
  s.tail_probed = false;
  if (l.tail_resent && repaired && s.recovery == Recovery::kOpen) {
    c.congestion.LossDetected(ack.flight, s.mss, c.growth);
    NoteReduction(c);
  }
}

// RFC 5681 3.2, RFC 6582 3.2.
void TakeDuplicate(const Context& context, Connection& c) {
  SendState& s = c.send;
  if (s.recovery == Recovery::kFast) c.congestion.Inflate(s.mss);  // RFC 6582 3.2 (3)
  if (s.recovery != Recovery::kOpen) return;
  if (s.duplicate_acks < 0xff) ++s.duplicate_acks;
  if (s.duplicate_acks >= Rack::kDuplicateThreshold && s.una >= c.loss.reduce_from) {
    EnterFastRecovery(context, c, Rack::kDuplicateThreshold * std::uint64_t{s.mss});
  }
}

void Grow(const Context& context, Connection& c, const Acknowledged& ack, std::uint64_t bytes) {
  const Scoreboard::Delivered& d = ack.delivered;
  c.congestion.Acknowledged({.bytes = bytes,
                             .mss = c.send.mss,
                             .una = c.send.una,
                             .nxt = c.send.nxt,
                             .rtt = d.bytes != 0 && !d.again ? context.now - d.sent : Duration{},
                             .smoothed_rtt = c.rtt.smoothed(),
                             .now = context.now},
                            c.growth);
}

// Each of several that were joined for itself. A window that was not used says nothing about the
// network. Half of it counts as used (RFC 7661 4.1): slow start doubles it in a round trip, and
// pacing keeps a share of it back.
void GrowIfUsed(const Context& context, Connection& c, const Acknowledged& ack) {
  std::uint64_t flight = ack.flight;
  std::uint64_t bytes = ack.bytes;
  const auto used = [&] { return 2 * (flight + c.send.mss) >= c.congestion.window(); };
  for (const std::uint32_t earlier : ack.earlier) {
    if (used()) Grow(context, c, ack, earlier);
    flight -= earlier;
    bytes -= earlier;
  }
  if (used()) Grow(context, c, ack, bytes);
}

// What the progress means in each state of recovery. False: the timer runs on.
bool TakeProgress(const Context& context, Connection& c, const Acknowledged& ack) {
  SendState& s = c.send;
  // Not asked where nothing is lost: it stands with the cold.
  const auto over = [&] { return s.una >= c.loss.recovery_point; };
  switch (s.recovery) {
    case Recovery::kFast:
      if (over()) {
        s.recovery = Recovery::kOpen;
        s.front_due = false;
        c.congestion.Recovered(c.sack ? c.congestion.threshold() : c.outstanding(), s.mss);
        c.loss.rack.LeftRecovery();
      } else if (!c.sack) {
        // A partial acknowledgment: the next hole. Only the first restarts the timer ("impatient").
        const bool first = !c.loss.partial_seen;
        c.loss.partial_seen = s.front_due = true;
        c.congestion.Deflate(ack.bytes, s.mss);
        return first;
      }
      return true;
    case Recovery::kTimeout:
      if (c.loss.frto != Frto::kSecond && !ack.congestion) Grow(context, c, ack, ack.bytes);
      if (over()) {
        s.recovery = Recovery::kOpen;
        c.loss.rack.LeftRecovery();
      }
      return true;
    case Recovery::kOpen:
      // RFC 5681 3.1: not for the SYN's.
      if (!ack.congestion && s.una > 1) GrowIfUsed(context, c, ack);
      return true;
  }
  return true;
}

void TakeSelected(const Context& context, Connection& c, const Acknowledged& ack) {
  LossState& l = c.loss;
  const bool older =
      ack.echo && static_cast<std::int32_t>(*ack.echo - TimestampAt(c, ack.delivered.sent)) < 0;
  l.rack.Delivered(ack.delivered, c.rtt, older, context.now);
  const std::uint64_t lost = c.scoreboard.lost();
  DetectLosses(context, c);
  if (c.send.recovery != Recovery::kFast) return;
  LetOut(c, ack.delivered.bytes, ack.advanced && c.scoreboard.lost() <= lost);
}

// RFC 3168 6.1.2: as for one loss, once in a window, and not where a loss has done it already.
// Of what was in flight before this acknowledgment, which need not leave anything.
void TakeEcho(Connection& c, const Acknowledged& ack) {
  if (c.send.recovery != Recovery::kOpen || c.send.una <= c.loss.reduced_at) return;
  c.congestion.EchoReceived(ack.flight, c.send.mss, c.growth);
  NoteReduction(c, /*for_echo=*/true);
  ++c.marks_answered;
}

}  // namespace

void TakeAcknowledged(const Context& context, Connection& c, const Acknowledged& ack) {
  SendState& s = c.send;
  if (s.tail_probed) TakeProbesAnswer(context, c, ack);
  // A mark has paid for the reduction, whatever becomes of the loss (RFC 3168 6.1.2): it stands.
  if (ack.congestion) c.loss.undo.Forget();
  if (ack.duplicated != 0) c.loss.rack.NeedlessResend(s.una, s.max);
  if (LossWasNone(c, ack)) {
    Undone(c);
  } else if (ack.duplicate) {
    TakeDuplicate(context, c);
  }
  if (ack.advanced) {
    s.tail_probe_due = false;
    const bool rearm = TakeProgress(context, c, ack);
    if (c.outstanding() == 0) {
      c.timers.retransmit_at = kNever;
      s.persisting = false;
    } else if (rearm) {
      ArmRetransmit(context, c);
    }
  }
  if (ack.delivered.bytes != 0) TakeSelected(context, c, ack);
  if (ack.congestion) TakeEcho(c, ack);
}

void DetectLosses(const Context& context, Connection& c) {
  SendState& s = c.send;
  const Rack::View view{.rtt = c.rtt, .recovering = s.recovery != Recovery::kOpen, .mss = s.mss};
  const Scoreboard::Sweep sweep = c.loss.rack.DetectLosses(c.scoreboard, view, context.now);
  // Also what was lost during the recovery that has just ended.
  const bool beyond = c.scoreboard.lost() != 0 && s.una >= c.loss.reduce_from;
  if (s.recovery == Recovery::kOpen && (sweep.lost || beyond)) EnterFastRecovery(context, c, 0);
  if (!sweep.waiting) return;
  const Time at = sweep.latest + c.loss.rack.timeout();
  if (at >= c.timers.retransmit_at) return;
  c.timers.retransmit_at = at;
  s.awaits = Awaits::kReordering;
}

// RFC 6298 5.4 to 5.7, RFC 5681 3.1, RFC 6582 3.2 (4), RFC 5682 2.1 step 1.
void TimeOut(Connection& c) {
  SendState& s = c.send;
  LossState& l = c.loss;
  ++c.timeouts;
  // Timestamps tell it sooner (undo.h), and holes say that it was no delay.
  const bool unclear = !c.timestamps && c.scoreboard.held() == 0;
  l.frto = s.recovery == Recovery::kOpen && unclear ? Frto::kFirst : Frto::kNone;
  if (s.recovery == Recovery::kOpen) l.undo.Begin(c.congestion, c.growth);
  c.congestion.TimedOut(c.outstanding(), s.mss, s.retries > 1, c.growth);
  NoteReduction(c);
  s.recovery = Recovery::kTimeout;
  l.recovery_point = s.max;
  l.reduce_from = s.max + 1;
  s.duplicate_acks = 0;
  s.front_due = s.tail_probed = s.tail_probe_due = false;
  s.timed = kNoPosition;
  SendAgain(c);
}

void SendAgain(Connection& c) {
  if (!c.sack) {
    c.send.nxt = c.send.una;
    return;
  }
  // The peer selected what it now does not acknowledge: it gave up what it held (RFC 2018 8).
  if (!c.scoreboard.empty() && c.scoreboard.front().fate() == Scoreboard::Fate::kHeld) {
    c.scoreboard.Renege();
  }
  c.loss.reduce_from = std::max(c.loss.reduce_from, c.send.max);
  c.scoreboard.LoseAll();
}

}  // namespace slipway::tcp
