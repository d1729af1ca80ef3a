// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/send.h"

#include <algorithm>

#include "protocols/tcp/send_syn.h"

namespace slipway::tcp {
namespace {

// How finely the scoreboard tells when text left: a window is at most about so many runs.
constexpr int kRunsPerRoundTrip = 16;

bool IsFar(const Settings& settings, const Connection& connection) {
  return settings.pacing && connection.rtt.smoothed() > Pacer::kTick;
}

// One call of NextSegment. The methods stand in the order they are tried.
class Sender {
 public:
  Sender(const Context& context, Connection& connection, std::uint32_t payload_max)
      : context_(context),
        c_(connection),
        s_(connection.send),
        payload_max_(std::max<std::uint32_t>(payload_max, connection.send.mss)) {}

  std::optional<Outgoing> Next();

 private:
  std::optional<Outgoing> Probe();
  std::optional<Outgoing> TailProbe();
  std::optional<Outgoing> Front();
  std::optional<Outgoing> NextLost();
  std::optional<Outgoing> Text();
  std::optional<Outgoing> Acknowledgment();
  std::optional<Outgoing> Keepalive();
  bool MayLeave();
  bool IsPaced() const;

  std::uint64_t Segments() const;
  std::uint64_t PeerWindowLeft() const;
  std::uint64_t CongestionWindowLeft() const;
  std::uint64_t Sendable(std::uint64_t available, std::uint64_t peer, std::uint64_t congestion);
  void ExtendSource(std::uint64_t peer, std::uint64_t congestion);
  void WaitForWindow();
  void ValidateWindow();
  // Text [position, position + length) and perhaps FIN, with the bookkeeping of having sent it.
  Outgoing Range(std::uint64_t position, std::uint64_t length, bool fin);
  Outgoing Resend(std::uint64_t position, std::uint64_t limit, std::uint64_t length_max);
  Outgoing Bare(std::uint64_t position);

  const Context& context_;
  Connection& c_;
  SendState& s_;
  std::uint32_t payload_max_;
};

std::optional<Outgoing> Sender::Next() {
  if (c_.state == State::kSynSent || c_.state == State::kSynReceived) {
    if (s_.syn_due) return NextSyn(context_, c_);
    if (c_.receive.ack_due && c_.state == State::kSynReceived) return Bare(s_.max);
    return std::nullopt;
  }
  // SACK blocks travel on bare ACKs only, so that a full segment has one size.
  if (c_.receive.ack_due && c_.sack && !c_.receive.queue.empty()) return Bare(s_.max);
  if (s_.probe_due) {
    if (auto probe = Probe()) return probe;
  }
  if (c_.burst_left != 0 && !s_.persisting) {
    if (s_.tail_probe_due) {
      if (auto probe = TailProbe()) return probe;
    }
    if (s_.front_due) return Front();
    if (!MayLeave()) return Acknowledgment();
    if (c_.sack && c_.scoreboard.lost() != 0) {
      if (auto lost = NextLost()) return lost;
    }
    if (auto text = Text()) return text;
  }
  return Acknowledgment();
}

std::optional<Outgoing> Sender::Acknowledgment() {
  if (c_.receive.ack_due) return Bare(s_.max);
  if (s_.keepalive_due) return Keepalive();
  return std::nullopt;
}

// Pacing (pacing.h). Fast recovery has its own clock.
bool Sender::MayLeave() {
  if (!IsPaced()) return true;
  const Time now = context_.now;
  if (s_.paced) {
    s_.paced = c_.pacer.release_at() > now;
  } else {
    s_.paced = c_.pacer.Spent(s_.mss, c_.rate(), now);
  }
  return !s_.paced;
}

bool Sender::IsPaced() const {
  return IsFar(context_.settings, c_) && s_.una > 1 && s_.recovery != Recovery::kFast;
}

Outgoing Sender::Bare(std::uint64_t position) {
  ReceiveState& r = c_.receive;
  Outgoing out{.segment = {.source = c_.tuple.local_port,
                           .destination = c_.tuple.remote_port,
                           .seq = c_.At(position),
                           .ack = r.nxt,
                           .flags = {.ack = true, .ece = c_.ece},
                           .window = AdvertiseWindow(context_, c_)},
               .tuple = c_.tuple,
               .offset = position == 0 ? 0 : position - 1,
               .mss = s_.mss};
  if (c_.timestamps) {
    out.segment.options.timestamps =
        Timestamps{.value = TimestampAt(c_, context_.now), .echo = r.ts_recent};
  }
  r.last_ack_sent = r.nxt;
  r.ack_due = false;
  r.unacknowledged = 0;
  c_.timers.delayed_ack_at = kNever;
  if (c_.sack && !r.queue.empty()) {
    out.segment.options.sack = context_.store.Blocks(r.queue, r.nxt, c_.recent);
    if (c_.timestamps) out.segment.options.sack.Shorten(3);  // 40 bytes of options in all
  }
  return out;
}

std::uint64_t Sender::PeerWindowLeft() const {
  const std::uint64_t edge = s_.una + s_.window;
  return edge > s_.nxt ? edge - s_.nxt : 0;
}

std::uint64_t Sender::CongestionWindowLeft() const {
  std::uint64_t window = c_.congestion.window();
  // Limited transmit (RFC 3042). With SACK the pipe shrinks by what was selected instead.
  if (!c_.sack && s_.recovery == Recovery::kOpen) {
    window += std::min<std::uint64_t>(s_.duplicate_acks, 2) * s_.mss;
  }
  const std::uint64_t flight = c_.Flight();
  return window > flight ? window - flight : 0;
}

// What one segment may be made of before port or caller splits it. CWR stands on one alone: on all
// of a run it would end echoes of marks that came between (RFC 3168 6.1.2).
std::uint64_t Sender::Segments() const {
  if (s_.cwr_due) return 1;
  return std::min<std::uint64_t>(payload_max_ / s_.mss, std::max<std::uint32_t>(c_.burst_left, 1));
}

// How much of `available` leaves in one segment now, all or nothing below a full one.
std::uint64_t Sender::Sendable(std::uint64_t available, std::uint64_t peer,
                               std::uint64_t congestion) {
  std::uint64_t length = std::min({available, peer, congestion, Segments() * s_.mss});
  if (length > s_.mss && length != available) length -= length % s_.mss;
  if (length >= s_.mss || length == available) return length;
  // Silly window avoidance (RFC 9293 3.8.6.2.1): a partial segment is cut by the peer's window
  // only if that is half of what it ever was, and by the congestion window only if nothing flies.
  if (length == peer && length >= s_.window_max / 2) return length;
  if (length == congestion && c_.Flight() == 0) return length;
  // Nor is the oldest text held back when it goes again, into a window that shrank meanwhile:
  // nothing else would tell that it opened.
  return s_.nxt == s_.una && s_.nxt < s_.max ? length : 0;
}

void Sender::ExtendSource(std::uint64_t peer, std::uint64_t congestion) {
  if (c_.source == nullptr || c_.closing || !SendsText(c_.state)) return;
  const std::uint64_t waiting = c_.end() - std::min(c_.end(), s_.nxt);
  // A turn's worth: a source that makes its bytes up to the window would have to remember them all.
  const std::uint64_t turn = std::uint64_t{context_.settings.turn_segments_max} * s_.mss;
  const std::uint64_t room = std::min({peer, congestion, turn});
  if (room > waiting) c_.source->Extend(room - waiting);
  // Whether anything waits behind a closed window shows only in asking for it.
  if (peer == 0 && waiting == 0 && c_.outstanding() == 0) c_.source->Extend(1);
}

// RFC 2861: what the window was before a pause says less and less.
void Sender::ValidateWindow() {
  const Duration idle = context_.now - c_.timers.progress;
  const Duration timeout = c_.rtt.Timeout(context_.settings);
  if (idle <= timeout || s_.fin != kNoPosition) return;
  c_.congestion.Restart(Congestion::InitialWindow(context_.settings, s_.mss),
                        static_cast<std::uint64_t>(idle / timeout), c_.growth);
  c_.timers.progress = context_.now;  // the next pause begins
}

// Nothing flies and the window is closed or silly: only a probe finds out that it opened.
void Sender::WaitForWindow() {
  if (c_.outstanding() != 0 || c_.timers.retransmit_at != kNever) return;
  c_.Persist(context_.now);
  c_.timers.progress = context_.now;
  ArmRetransmit(context_, c_);
}

std::optional<Outgoing> Sender::Text() {
  if (c_.outstanding() == 0 && c_.rtt.measured()) ValidateWindow();
  const std::uint64_t peer = PeerWindowLeft();
  const std::uint64_t congestion = CongestionWindowLeft();
  if (s_.nxt < s_.max) {
    // Again, after a timeout or a smaller path.
    const std::uint64_t limit = std::min(s_.max, s_.fin);
    const std::uint64_t length = Sendable(limit - s_.nxt, peer, congestion);
    const bool fin = s_.nxt + length == s_.fin && peer > length;
    if (length == 0 && !fin) return std::nullopt;
    return Range(s_.nxt, length, fin);
  }
  if (!SendsText(c_.state)) return std::nullopt;
  ExtendSource(peer, congestion);
  const std::uint64_t available = c_.end() - s_.nxt;
  const std::uint64_t length = Sendable(available, peer, congestion);
  const bool fin = c_.fin_wanted() && length == available && peer > length;
  if (length != 0 || fin) return Range(s_.nxt, length, fin);
  if ((available != 0 || c_.fin_wanted()) && congestion != 0) WaitForWindow();
  return std::nullopt;
}

Outgoing Sender::Range(std::uint64_t position, std::uint64_t length, bool fin) {
  const bool again = position < s_.max;
  const std::uint64_t outstanding = c_.outstanding();
  Outgoing out = Bare(position);
  out.length = static_cast<std::uint32_t>(length);
  out.retransmission = again;
  // No blocks beside text: a full segment has no room for them.
  out.segment.options.sack = {};
  out.segment.flags.fin = fin;
  out.segment.flags.psh = length != 0 && position + length == c_.end();
  // New text alone (RFC 3168 6.1.4, 6.1.5): neither what goes again nor a window probe (6.1.6).
  if (c_.ect && !again && length != 0 && !s_.persisting) {
    out.segment.ecn = Ecn::kCapable0;
    out.segment.flags.cwr = s_.cwr_due;
    s_.cwr_due = false;
  }
  if (fin && s_.fin == kNoPosition) {
    s_.fin = position + length;
    if (c_.state == State::kEstablished) {
      Move<State::kEstablished, State::kFinWait1>(c_.state);
    } else {
      Move<State::kCloseWait, State::kLastAck>(c_.state);
    }
  }
  const std::uint32_t segments =
      static_cast<std::uint32_t>((length + s_.mss - 1) / s_.mss) + (length == 0 ? 1 : 0);
  const std::uint64_t end = position + length + (fin ? 1 : 0);
  if (position == s_.nxt) s_.nxt = end;
  s_.max = std::max(s_.max, end);
  if (c_.sack) {
    c_.scoreboard.Sent({position, end}, context_.now, c_.rtt.smoothed() / kRunsPerRoundTrip);
    if (s_.recovery == Recovery::kFast) c_.loss.prr.Sent(end - position);
  }
  if (again) {
    c_.loss.last_resent = context_.now;
    if (s_.recovery != Recovery::kOpen) {
      c_.loss.undo.Resent(length, TimestampAt(c_, context_.now));
    }
    if (s_.timed != kNoPosition && s_.timed > position) s_.timed = kNoPosition;  // Karn
    c_.retransmissions += segments;
  } else if (s_.timed == kNoPosition) {
    s_.timed = end;
    s_.timed_since = context_.now;
  }
  if (IsPaced()) c_.pacer.Sent(length, c_.rate(), context_.now);
  if (outstanding == 0) c_.timers.progress = context_.now;
  c_.timers.idle_from = context_.now;
  // One segment alone may wait for a delayed acknowledgment: it is not alone any more.
  const bool joined = s_.awaits == Awaits::kTailProbe && outstanding <= s_.mss;
  if (c_.timers.retransmit_at == kNever || joined) ArmRetransmit(context_, c_);
  c_.burst_left -= std::min(c_.burst_left, segments);
  return out;
}

// At most `length_max` at `position` again, up to `limit`; nxt stays where it is.
Outgoing Sender::Resend(std::uint64_t position, std::uint64_t limit, std::uint64_t length_max) {
  const std::uint64_t text_end = std::min(limit, s_.fin);
  const std::uint64_t length =
      std::min<std::uint64_t>(text_end > position ? text_end - position : 0, length_max);
  const bool fin = position + length == s_.fin && limit > s_.fin;
  const std::uint64_t nxt = s_.nxt;
  Outgoing out = Range(position, length, fin);
  s_.nxt = std::max(nxt, s_.una);
  return out;
}

std::optional<Outgoing> Sender::Front() {
  s_.front_due = false;
  if (c_.outstanding() == 0) return std::nullopt;
  return Resend(s_.una, s_.max, s_.mss);
}

// RFC 8985 7.3: new text, or else the last segment. A peer that does not select tells nothing by
// acknowledging what follows a hole: it gets the oldest again, and its answer moves una.
std::optional<Outgoing> Sender::TailProbe() {
  s_.tail_probe_due = false;
  LossState& l = c_.loss;
  if (c_.outstanding() == 0 || s_.window == 0) return std::nullopt;
  ++c_.tail_probes;
  s_.tail_probed = true;
  l.tail_stamp = TimestampAt(c_, context_.now);
  l.tail_resent = false;
  if (c_.sack && SendsText(c_.state) && c_.Flight() <= c_.congestion.window()) {
    const std::uint64_t peer = PeerWindowLeft();
    ExtendSource(peer, s_.mss);
    const std::uint64_t available = c_.end() - s_.nxt;
    const std::uint64_t length = std::min<std::uint64_t>({available, peer, s_.mss});
    if (length == s_.mss || (length == available && length != 0)) {
      const bool fin = c_.fin_wanted() && length == available && peer > length;
      const Outgoing out = Range(s_.nxt, length, fin);
      l.tail_end = s_.max;
      return out;
    }
  }
  l.tail_end = s_.max;
  l.tail_resent = true;
  if (!c_.sack) return Resend(s_.una, s_.max, std::min<std::uint32_t>(s_.mss, s_.window));
  const std::uint64_t text_end = std::min(s_.max, s_.fin);
  const std::uint64_t start = text_end > s_.mss ? text_end - s_.mss : 0;
  return Resend(std::max(start, s_.una), s_.max, s_.mss);
}

// What the scoreboard calls lost, the lowest first, as far as the windows allow. F-RTO waits.
std::optional<Outgoing> Sender::NextLost() {
  if (c_.loss.frto == Frto::kSecond) return std::nullopt;
  const Scoreboard::Range lost = c_.scoreboard.FirstLost();
  const std::uint64_t edge = s_.una + s_.window;  // it may have shrunk
  const std::uint64_t limit = std::min(lost.end, edge);
  if (lost.start >= limit) return std::nullopt;
  const std::uint64_t congestion = CongestionWindowLeft();
  if (congestion < std::min<std::uint64_t>(limit - lost.start, s_.mss)) return std::nullopt;
  const std::uint64_t segments = std::clamp<std::uint64_t>(congestion / s_.mss, 1, Segments());
  return Resend(lost.start, limit, segments * s_.mss);
}

// RFC 9293 3.8.6.1: at least one byte, whatever the window says.
std::optional<Outgoing> Sender::Probe() {
  s_.probe_due = false;
  if (!c_.sack) s_.nxt = s_.una;
  const std::uint64_t limit = s_.fin != kNoPosition ? s_.fin : c_.end();
  const std::uint64_t available = limit > s_.una ? limit - s_.una : 0;
  const std::uint64_t wanted = std::clamp<std::uint64_t>(s_.window, 1, s_.mss);
  const std::uint64_t length = std::min(available, wanted);
  const bool fin = length == available && (s_.fin != kNoPosition || c_.fin_wanted());
  if (length == 0 && !fin) {
    s_.persisting = false;
    return std::nullopt;
  }
  return Range(s_.una, length, fin);
}

std::optional<Outgoing> Sender::Keepalive() {
  s_.keepalive_due = false;
  return Bare(s_.una - 1);
}

}  // namespace

std::uint32_t TurnOf(const Settings& settings, const Connection& connection) {
  const bool gently = IsFar(settings, connection) || connection.send.recovery != Recovery::kOpen;
  return gently ? settings.paced_turn_segments_max : settings.turn_segments_max;
}

// The edge that is meant moves only when room has come, and never left. What is told is rounded up
// from it, so it varies by less than a unit of the scale (RFC 7323 2.4 expects it) and does not
// creep; what was told once is honoured.
std::uint16_t AdvertiseWindow(const Context& context, Connection& connection) {
  ReceiveState& r = connection.receive;
  const std::uint32_t step =
      std::min<std::uint32_t>(connection.path_mss, context.settings.receive_window / 2);
  const SeqNum wanted = r.nxt + r.room;
  const std::uint32_t units_free = std::min<std::uint32_t>(r.room >> r.scale, 0xffff);
  SeqNum meant = r.edge - r.rounded;
  if (wanted - r.edge >= static_cast<std::int32_t>(std::max<std::uint32_t>(step, 1))) {
    meant = Later(meant, r.nxt + (units_free << r.scale));
  }
  const auto left = static_cast<std::uint32_t>(std::max(meant - r.nxt, 0));
  const std::uint32_t units =
      std::min<std::uint32_t>((left + (1u << r.scale) - 1) >> r.scale, 0xffff);
  r.edge = Later(r.edge, r.nxt + (units << r.scale));
  r.rounded = static_cast<std::uint16_t>(r.edge - meant);
  return static_cast<std::uint16_t>(units);
}

std::optional<Outgoing> NextSegment(const Context& context, Connection& connection,
                                    std::uint32_t payload_max) {
  return Sender(context, connection, payload_max).Next();
}

}  // namespace slipway::tcp
