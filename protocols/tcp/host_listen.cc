// SPDX-License-Identifier: Apache-2.0
//
// Host, continued: segments that belong to no connection (RFC 9293 3.10.7.1 CLOSED, 3.10.7.2
// LISTEN), SYN cookies (RFC 4987), and TIME-WAIT (3.10.7.4 as far as it applies; RFC 6191).
#include <algorithm>
#include <utility>

#include "protocols/tcp/ecn.h"
#include "protocols/tcp/host.h"

namespace slipway::tcp {

void Host::SendStray(const FourTuple& tuple, Segment segment) {
  if (stray_count_ == strays_.size()) {
    ++counters_.strays_lost;
    return;
  }
  Outgoing& out = strays_[(stray_first_ + stray_count_++) % strays_.size()];
  out = Outgoing{.segment = segment, .tuple = tuple};
  out.segment.text = {};
}

std::optional<Outgoing> Host::EmitStray(Time) {
  if (stray_count_ == 0) return std::nullopt;
  const std::size_t at = stray_first_;
  stray_first_ = (stray_first_ + 1) % strays_.size();
  --stray_count_;
  return strays_[at];
}

// 3.10.7.1: so that the peer finds it acceptable.
void Host::SendReset(const Segment& offending, const FourTuple& tuple) {
  Segment reset{
      .source = tuple.local_port, .destination = tuple.remote_port, .flags = {.rst = true}};
  if (offending.flags.ack) {
    reset.seq = offending.ack;
  } else {
    reset.flags.ack = true;
    reset.ack = offending.seq + offending.length();
  }
  SendStray(tuple, reset);
}

Delivery Host::ReceiveClosed(const Segment& segment, const FourTuple& tuple, Time) {
  if (!segment.flags.rst) SendReset(segment, tuple);
  return {.drop = Drop::kTcpPortClosed};
}

// 3.10.7.2: RST, then ACK, then SYN.
Delivery Host::ReceiveListen(const Segment& segment, const FourTuple& tuple, Time now) {
  if (segment.flags.rst) return {.drop = Drop::kTcpResetUnacceptable};
  if (segment.flags.ack && !segment.flags.syn) return AcceptCookie(segment, tuple, now);
  if (segment.flags.ack) {
    SendReset(segment, tuple);
    return {.drop = Drop::kTcpAckUnacceptable};
  }
  if (!segment.flags.syn) return {.drop = Drop::kTcpFlagsInvalid};
  // A SYN alone, whose source anybody may have written, takes nothing from anybody.
  if (backlog_full() || (full() && MayCrowdOut(tuple.remote_address))) {
    SendCookie(segment, tuple, now);
    return {};
  }
  if (full()) return {.drop = Drop::kTcpConnectionLimit};
  return Accept(segment, tuple, now, InitialSequence(tuple, now));
}

Delivery Host::ReceiveKnown(const Segment& syn, const FourTuple& tuple, Time now) {
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  const std::uint32_t hash = table_.HashOf(tuple);
  const bool is_new = !table_.FindHashed(hash, same) && !time_wait_.FindHashed(tuple, hash);
  // Three quarters of the connections at most: who is known need not be honest.
  const bool is_allowed = !full() && half_open_ < settings_.connections_max / 4 * 3;
  if (!is_new || !backlog_full() || !is_allowed || !listener_.IsOpen(tuple.local_port)) {
    return Receive(syn, tuple, now);
  }
  Reap();
  return Accept(syn, tuple, now, InitialSequence(tuple, now));
}

// Whether a peer that holds more connections than this one will with the next has to give way.
// Who holds a few boots with them, and keeps them: many addresses in one hand must not end that.
bool Host::MayCrowdOut(Ipv4Address address) const {
  constexpr std::uint32_t kFew = 8;
  const std::uint32_t few = std::min(kFew, settings_.connections_max / 64);
  return holders_.most() > std::max(holders_.CountOf(address) + 1, few);
}

// Of those of the peer that holds the most: what is half open, else what moved nothing for the
// longest. Where it holds very many, of those not looked at for the longest.
std::uint32_t Host::GivesWay() {
  constexpr std::uint32_t kLookedAtMax = 64;  // each a line that is not in any cache
  const auto rank = [this](std::uint32_t index) {
    const Connection& c = connections_[index];
    return std::pair(c.state != State::kSynReceived, c.timers.idle_from);
  };
  std::uint32_t chosen = kNone;
  holders_.LookAtMost(kLookedAtMax, [&](std::uint32_t index) {
    if (chosen == kNone || rank(index) < rank(chosen)) chosen = index;
  });
  return chosen;
}

Delivery Host::Accept(const Segment& syn, const FourTuple& tuple, Time now, SeqNum iss) {
  const std::uint32_t index = Allocate(tuple, now);
  if (index == kNone) return {.drop = Drop::kTcpConnectionLimit};
  Connection& c = connections_[index];
  Move<State::kClosed, State::kSynReceived>(c.state);
  ++half_open_;
  c.passive = true;
  c.send.iss = iss;
  c.send.syn_due = true;
  c.ecn = c.ect = settings_.ecn && AsksForEcn(syn);
  Negotiate(settings_, syn.options, c);
  StartCongestion(settings_, c);
  c.irs = syn.seq;
  c.receive.nxt = c.receive.taken = c.receive.last_ack_sent = syn.seq + 1;
  c.receive.edge = c.receive.nxt;
  if (c.timestamps) {
    c.receive.ts_recent = syn.options.timestamps->value;
    c.receive.ts_recent_at = now;
  }
  Ready(IdOf(index));
  Touch(index);
  return {.connection = IdOf(index)};
}

// The options as SynOptions() gives them to a connection that has a slot: both ways of answering
// look the same.
SynAnswer Host::AnswerByCookie(const SynOffer& syn, const FourTuple& tuple, Time now) {
  ++counters_.cookies_sent;
  const bool sack = settings_.sack && syn.sack_permitted;
  const bool ecn = settings_.ecn && syn.ecn;
  SynAnswer answer{
      .seq = listener_.cookies().Make(
          tuple, syn.seq,
          {.mss = syn.mss, .window_scale = syn.window_scale, .sack_permitted = sack, .ecn = ecn},
          now),
      .ack = syn.seq + 1,
      .window =
          static_cast<std::uint16_t>(std::min<std::uint32_t>(settings_.receive_window, 0xffff)),
      .mss = settings_.mss,
      .sack_permitted = sack,
      .ecn = ecn};
  if (syn.window_scale) answer.window_scale = std::min(settings_.window_scale, kWindowScaleMax);
  if (settings_.timestamps && syn.timestamp) {
    const auto offset = static_cast<std::uint32_t>(Hash(isn_key_, tuple) >> 32);
    answer.timestamps = Timestamps{.value = TimestampAt(offset, now), .echo = *syn.timestamp};
  }
  return answer;
}

void Host::SendCookie(const Segment& syn, const FourTuple& tuple, Time now) {
  SynOffer offer{.seq = syn.seq,
                 .mss = syn.options.mss.value_or(kMssDefault),
                 .window_scale = syn.options.window_scale,
                 .sack_permitted = syn.options.sack_permitted,
                 .ecn = AsksForEcn(syn)};
  if (syn.options.timestamps) offer.timestamp = syn.options.timestamps->value;
  const SynAnswer answer = AnswerByCookie(offer, tuple, now);
  SendStray(tuple, {.source = tuple.local_port,
                    .destination = tuple.remote_port,
                    .seq = answer.seq,
                    .ack = answer.ack,
                    .flags = {.syn = true, .ack = true, .ece = answer.ecn},
                    .window = answer.window,
                    .options = {.mss = answer.mss,
                                .window_scale = answer.window_scale,
                                .sack_permitted = answer.sack_permitted,
                                .timestamps = answer.timestamps}});
}

std::size_t Host::AnswerSyn(const SynInPlace& syn, Time now) {
  if (!backlog_full()) return 0;
  auto offer = ReadSyn(Bytes(syn.room).first(syn.size));
  if (!offer || !listener_.IsOpen(offer->destination)) return 0;
  const FourTuple tuple{.local_address = syn.destination,
                        .local_port = offer->destination,
                        .remote_address = syn.source,
                        .remote_port = offer->source};
  const std::uint32_t hash = syn.hash ? *syn.hash : table_.HashOf(tuple);
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  if (table_.FindHashed(hash, same) || time_wait_.FindHashed(tuple, hash)) return 0;
  offer->ecn = offer->ecn && syn.ecn == Ecn::kNotCapable;
  return WriteSynAnswer(AnswerByCookie(*offer, tuple, now), tuple, syn.room);
}

// The connection is made as if its SYN had just been accepted, and then gets this very segment.
Delivery Host::AcceptCookie(const Segment& segment, const FourTuple& tuple, Time now) {
  const SeqNum peer_iss = segment.seq - 1;
  const SeqNum cookie = segment.ack - 1;
  const auto options = listener_.cookies().Check(tuple, peer_iss, cookie, now);
  if (!options) {
    SendReset(segment, tuple);
    return {.drop = Drop::kTcpCookieInvalid};
  }
  std::uint32_t loser = kNone;
  if (full()) {
    if (free_.empty() || !MayCrowdOut(tuple.remote_address)) {
      return {.drop = Drop::kTcpConnectionLimit};
    }
    loser = GivesWay();
    ++counters_.crowded_out;
  }
  Segment syn{.seq = peer_iss, .flags = {.syn = true, .ece = options->ecn, .cwr = options->ecn}};
  syn.options.mss = options->mss;
  syn.options.window_scale = options->window_scale;
  syn.options.sack_permitted = options->sack_permitted;
  syn.options.timestamps = segment.options.timestamps;
  const Delivery accepted = Accept(syn, tuple, now, cookie);
  if (!accepted.connection.valid()) return accepted;
  Connection& c = connections_[accepted.connection.index];
  c.send.syn_due = false;
  c.send.nxt = c.send.max = 1;
  c.receive.edge = c.receive.nxt + std::min<std::uint32_t>(settings_.receive_window, 0xffff);
  ++counters_.cookies_accepted;
  Delivery delivery = ReceiveConnection(accepted.connection.index, segment, now);
  if (loser != kNone) delivery.crowded_out = IdOf(loser);
  return delivery;
}

void Host::SendTimeWaitAck(std::uint32_t entry, Time now) {
  const TimeWait& value = time_wait_.at(entry);
  Segment ack{.source = value.tuple.local_port,
              .destination = value.tuple.remote_port,
              .seq = value.send_next,
              .ack = value.receive_next,
              .flags = {.ack = true},
              .window = value.window};
  if (value.timestamps) {
    ack.options.timestamps =
        Timestamps{.value = TimestampAt(value.ts_offset, now), .echo = value.ts_recent};
  }
  SendStray(value.tuple, ack);
}

Delivery Host::ReceiveTimeWait(std::uint32_t entry, const Segment& segment, const FourTuple& tuple,
                               Time now) {
  const TimeWait value = time_wait_.at(entry);
  if (TimeWaitTable::MayReuse(value, segment, settings_.timestamps) &&
      listener_.IsOpen(tuple.local_port)) {
    // Above everything the old connection used, and as unpredictable as before.
    SeqNum iss = InitialSequence(tuple, now);
    if (iss.AtOrBefore(value.send_next + 0xffff)) iss = value.send_next + 0x1ffff;
    time_wait_.Remove(entry);
    if (full()) return ReceiveListen(segment, tuple, now);
    ++counters_.time_wait_reused;
    return Accept(segment, tuple, now, iss);
  }
  Delivery delivery{.drop = Drop::kTcpTimeWait};
  if (segment.flags.rst) {
    if (value.syn_answered && segment.seq == value.receive_next) time_wait_.Remove(entry);
    return delivery;
  }
  time_wait_.at(entry).syn_answered = segment.flags.syn && !segment.flags.ack;
  // Only the peer's FIN, again, restarts the wait.
  if (segment.flags.fin && segment.seq + segment.length() == value.receive_next) {
    time_wait_.Restart(entry, now);
  }
  // A bare acceptable ACK needs no answer; answering it could answer an answer for ever.
  if (segment.length() != 0 || segment.seq != value.receive_next) SendTimeWaitAck(entry, now);
  return delivery;
}

}  // namespace slipway::tcp
