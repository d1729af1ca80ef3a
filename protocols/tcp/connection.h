// SPDX-License-Identifier: Apache-2.0
//
// Connection: the transmission control block (RFC 9293 3.3.1), and the glue between the parts that
// work on it: receive.h (segment arrival), send.h (what is due), timers.h (what has passed).
//
// The sending side counts in positions: 64 bits that never wrap. Position 0 is our SYN, 1 the first
// byte of the source, and the byte after the last is our FIN. `At` turns a position into a sequence
// number, `PositionOf` a sequence number near SND.UNA into a position.
//
// HotConnection is what a transfer touches for each segment, at most 256 bytes; what is seldom used
// stands behind it.
//
// Invariants: una <= nxt <= max; nxt < max means that text is being sent again from nxt on, to a
// peer that does not select (nxt stays at max for one that does: the scoreboard knows what is
// lost); a timer is armed while anything is outstanding; the advertised right edge never moves
// left.
#pragma once

#include <cstdint>

#include "protocols/base/check.h"
#include "protocols/base/time.h"
#include "protocols/source/byte_source.h"
#include "protocols/tcp/congestion.h"
#include "protocols/tcp/four_tuple.h"
#include "protocols/tcp/out_of_order.h"
#include "protocols/tcp/pacing.h"
#include "protocols/tcp/prr.h"
#include "protocols/tcp/rack.h"
#include "protocols/tcp/rtt.h"
#include "protocols/tcp/scoreboard.h"
#include "protocols/tcp/settings.h"
#include "protocols/tcp/state.h"
#include "protocols/tcp/undo.h"

namespace slipway::tcp {

inline constexpr std::uint64_t kNoPosition = ~std::uint64_t{0};
inline constexpr std::uint16_t kMssDefault = 536;  // RFC 9293 3.7.1: when the peer offers none
inline constexpr std::uint16_t kMssMin = 216;      // below this an offer or a path is not believed
inline constexpr std::uint8_t kWindowScaleMax = 14;

enum class Recovery : std::uint8_t {
  kOpen,     // no loss known
  kFast,     // fast recovery up to recovery_point (RFC 6582; RFC 8985 and RFC 9937)
  kTimeout,  // sending again from una up to recovery_point after a timeout
};

// What retransmit_at is for.
enum class Awaits : std::uint8_t {
  kTimeout,     // RFC 6298; or probing a closed window, when persisting
  kTailProbe,   // RFC 8985 7.2: something that draws an answer, before the timeout
  kReordering,  // RFC 8985 6.2: what has not arrived by then is lost
};

// RFC 5682: waits for the first, then the second acknowledgment after a timeout.
enum class Frto : std::uint8_t { kNone, kFirst, kSecond };

// Of the sending side, what every segment and every ACK touches.
struct SendState {
  std::uint64_t una = 0;
  std::uint64_t nxt = 0;
  std::uint64_t max = 0;              // one past the highest position ever sent
  std::uint64_t fin = kNoPosition;    // where our FIN stands, once it was sent
  std::uint64_t timed = kNoPosition;  // acknowledging this ends the round trip being measured
  Time timed_since{};
  SeqNum iss;
  std::uint32_t ts_offset = 0;      // of our timestamp clock
  std::uint32_t window = 0;         // what the peer granted, in bytes, from una on
  std::uint32_t window_max = 0;     // the largest it ever granted
  SeqNum wl1;                       // the segment that last updated the window; it acknowledged una
  std::uint16_t mss = kMssDefault;  // payload of a full segment, options subtracted
  std::uint8_t scale = 0;           // Snd.Wind.Shift
  std::uint8_t duplicate_acks = 0;
  std::uint8_t retries = 0;     // timeouts since una moved
  std::uint8_t keepalives = 0;  // probes since the peer was heard
  Recovery recovery = Recovery::kOpen;
  Awaits awaits = Awaits::kTimeout;
  bool syn_due : 1 = false;
  bool front_due : 1 = false;  // send one segment from una again, now
  bool probe_due : 1 = false;  // zero window, or silly window override
  bool keepalive_due : 1 = false;
  bool persisting : 1 = false;      // retransmit_at probes the window
  bool tail_probe_due : 1 = false;  // send something that draws an answer
  bool tail_probed : 1 = false;     // it was sent, and its answer is awaited
  bool paced : 1 = false;           // the next quantum waits for pacer.release_at()
  bool cwr_due : 1 = false;         // the next new text says that the window was reduced
};

// What only losses touch.
struct LossState {
  Rack rack;
  std::uint64_t recovery_point = 0;  // RFC 6582 "recover", plus one
  std::uint64_t reduce_from = 0;     // una below this: duplicates are no sign of a new loss
  std::uint64_t reduced_at = 0;      // max at the last reduction: what was sent before had its one
  Time last_resent{};
  std::uint64_t tail_end = 0;     // TLP.end_seq, with send.tail_probed
  std::uint32_t tail_stamp = 0;   // the timestamp that went with it
  bool tail_resent = false;       // TLP.is_retrans
  bool reduced_for_echo = false;  // ... and it was for an echo, not a loss
  bool partial_seen = false;      // a partial acknowledgment in this fast recovery
  Frto frto = Frto::kNone;
  Prr prr;
  Undo undo;
};

struct ReceiveState {
  Time ts_recent_at{};
  SeqNum nxt;
  SeqNum edge;   // RCV.NXT + RCV.WND, the highest that was advertised
  SeqNum taken;  // the application has everything below
  SeqNum last_ack_sent;
  std::uint32_t room = 0;
  std::uint32_t ts_recent = 0;
  OutOfOrderStore::Queue queue;
  std::uint16_t rounded = 0;        // what rounding up to units of the scale added to edge
  std::uint8_t scale = 0;           // Rcv.Wind.Shift
  std::uint8_t unacknowledged = 0;  // segments of text since the last ACK
  bool fin_known = false;
  bool ack_due = false;

  std::uint32_t window() const {
    const std::int32_t window = edge - nxt;
    return window > 0 ? static_cast<std::uint32_t>(window) : 0;
  }
};

struct TimerState {
  Time retransmit_at = kNever;
  Time delayed_ack_at = kNever;
  Time progress{};   // una moved, or text became outstanding
  Time heard{};      // last acceptable segment
  Time idle_from{};  // the idle deadline counts from here
};

// Everything that a segment of a transfer without losses touches, in four cache lines.
struct alignas(64) HotConnection {
  FourTuple tuple;
  ByteSource* source = nullptr;
  std::uint32_t generation = 0;
  std::uint32_t ready_next = 0;
  std::uint32_t burst_left = 0;
  std::uint16_t path_mss = 0;  // before options: min(settings, peer's offer, path)
  State state = State::kClosed;
  bool passive : 1 = false;     // opened by a listener
  bool closing : 1 = false;     // Close(): no more text is taken, FIN follows what exists
  bool timestamps : 1 = false;  // negotiated
  bool sack : 1 = false;        // negotiated
  bool ecn : 1 = false;         // ecn.h: marks are echoed
  bool ect : 1 = false;         // ... and echoes are answered; or asked for, in SYN-SENT
  bool ece : 1 = false;         // a mark has come, and no CWR since
  bool ready_linked : 1 = false;
  SendState send;
  ReceiveState receive;
  TimerState timers;
  Congestion congestion;
  Rtt rtt;
  Pacer pacer;
};
static_assert(sizeof(HotConnection) <= 256);

// Behind it the cold: opening and closing, loss, attacks, statistics.
struct Connection : HotConnection {
  Scoreboard scoreboard;  // of peers that select; its beginning is not that cold
  LossState loss;
  Growth growth;  // with congestion
  SeqNum irs;
  SeqNum recent;                 // the last out-of-order arrival: first SACK block
  SeqNum peer_fin;               // where the peer's FIN stands, if receive.fin_known
  Time limit_at = kNever;        // FIN-WAIT-2 after Close()
  std::uint32_t challenges = 0;  // in the second that began at challenges_since
  Time challenges_since{};
  Time opened_at{};
  std::uint64_t text_received = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t fast_recoveries = 0;
  std::uint64_t tail_probes = 0;
  std::uint64_t undone = 0;          // losses that were none
  std::uint64_t marks = 0;           // segments that came with one
  std::uint64_t marks_answered = 0;  // windows reduced for an echo
  Time window_closed_at{};           // when the peer's window last left nothing to send
  std::uint32_t window_closures = 0;
  // ICMP said that the peer cannot be reached: una then. It means nothing once una has moved.
  std::uint64_t unreachable_at = kNoPosition;
  std::uint16_t link_mss = 0;  // of the link it came by; 0: the settings'
  Options peer;                // what the SYN offered

  SeqNum At(std::uint64_t position) const {
    return send.iss + static_cast<std::uint32_t>(position);
  }
  // Negative for what lies far before our SYN.
  std::int64_t PositionOf(SeqNum seq) const {
    return static_cast<std::int64_t>(send.una) + (seq - At(send.una));
  }
  // One past the last byte the source has; our FIN's position once it is final.
  std::uint64_t end() const { return 1 + (source == nullptr ? 0 : source->length()); }
  bool fin_wanted() const { return closing || (source != nullptr && source->finished()); }
  // The peer's window is closed, or too small to be worth a segment: it is probed from now on.
  void Persist(Time now) {
    if (send.persisting) return;
    send.persisting = true;
    window_closed_at = now;
    ++window_closures;
  }
  bool fin_acknowledged() const { return send.fin != kNoPosition && send.una > send.fin; }
  Pacer::Rate rate() const {
    return {.window = congestion.window(),
            .round_trip = rtt.smoothed(),
            .gain = congestion.in_slow_start() ? Pacer::kGainSlowStart : Pacer::kGainAvoidance};
  }
  std::uint64_t outstanding() const { return send.max - send.una; }
  // What is in flight, as far as known: RFC 6675's "pipe" where the peer selects, else what is
  // between una and nxt. After a timeout nxt goes back to una, so everything beyond it is lost.
  std::uint64_t Flight() const { return sack ? scoreboard.flying() : send.nxt - send.una; }
};

// What the parts share of their Host during one call.
struct Context {
  const Settings& settings;
  OutOfOrderStore& store;
  Time now;
};

// Takes the peer's SYN options into effect (RFC 9293 3.7.1, RFC 7323 2.2 and 3.2, RFC 2018 2).
void Negotiate(const Settings& settings, const Options& offered, Connection& connection);
// The initial windows, once the options are known.
void StartCongestion(const Settings& settings, Connection& connection);
// Recomputes what a full segment carries after path_mss or the options changed.
void UpdateMss(const Settings& settings, Connection& connection);
// The options of our SYN (answering = false) or SYN-ACK.
Options SynOptions(const Context& context, const Connection& connection);
// Our timestamp clock: milliseconds, offset per connection (RFC 7323 5.4).
std::uint32_t TimestampAt(std::uint32_t offset, Time now);
inline std::uint32_t TimestampAt(const Connection& connection, Time now) {
  return TimestampAt(connection.send.ts_offset, now);
}
// Arms the retransmission timer anew, from now: for a timeout, or for a tail loss probe before it.
void ArmRetransmit(const Context& context, Connection& connection);
// One more challenge ACK within the limit (RFC 5961 10)? Counts it.
bool MayChallenge(const Context& context, Connection& connection);

}  // namespace slipway::tcp
