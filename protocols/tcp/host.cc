// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/host.h"

#include <algorithm>

#include "protocols/tcp/receive.h"
#include "protocols/tcp/recovery.h"

namespace slipway::tcp {
namespace {

// No window says more, and a sequence number further away could not be told from one behind.
constexpr std::uint32_t kReceiveRoomMax = std::uint32_t{1} << 30;

}  // namespace

Host::Host(const Settings& settings, Entropy& entropy, std::pmr::memory_resource* pages)
    : settings_(settings),
      connections_(std::size_t{settings.connections_max} + 1, pages),
      isn_key_(SipKey::From(entropy)),
      table_(slots(), SipKey::From(entropy), pages),
      holders_(slots(), table_.key()),
      wheel_(slots(), pages),
      store_(settings.out_of_order_blocks_max, settings.out_of_order_blocks_per_connection),
      listener_(entropy),
      time_wait_(settings.time_wait_max, settings.time_wait, table_.key()),
      strays_(settings.stray_max) {
  free_.reserve(slots());
  for (std::uint32_t i = slots(); i-- > 0;) free_.push_back(i);
}

Connection* Host::Find(ConnectionId id) {
  if (id.index >= connections_.size()) return nullptr;
  Connection& c = connections_[id.index];
  return c.generation == id.generation && id.valid() && c.state != State::kClosed ? &c : nullptr;
}

const Connection* Host::Find(ConnectionId id) const {
  if (id.index >= connections_.size()) return nullptr;
  const Connection& c = connections_[id.index];
  return c.generation == id.generation && id.valid() ? &c : nullptr;
}

bool Host::Alive(ConnectionId id) const {
  const Connection* c = Find(id);
  return c != nullptr && c->state != State::kClosed;
}

std::uint32_t Host::Allocate(const FourTuple& tuple, Time now) {
  if (free_.empty()) return kNone;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Connection& c = connections_[index];
  const std::uint32_t generation = c.generation + 1 == 0 ? 1 : c.generation + 1;
  c = Connection{};
  c.generation = generation;
  c.tuple = tuple;
  c.opened_at = now;
  c.send.ts_offset = static_cast<std::uint32_t>(Hash(isn_key_, tuple) >> 32);
  c.receive.room = settings_.receive_window;
  c.burst_left = TurnOf(settings_, c);
  c.timers.progress = c.timers.heard = c.timers.idle_from = now;
  table_.Insert(tuple, index);
  holders_.Add(tuple.remote_address, index);
  ++connections_open_;
  return index;
}

// The connection is over: its tuple is free at once, its slot once the caller has looked at it.
void Host::Retire(std::uint32_t index) {
  Connection& c = connections_[index];
  if (c.passive && c.state == State::kSynReceived) --half_open_;
  counters_.timeouts += c.timeouts;
  counters_.tail_probes += c.tail_probes;
  counters_.marks += c.marks;
  counters_.marks_answered += c.marks_answered;
  c.state = State::kClosed;
  c.source = nullptr;
  table_.Erase(c.tuple, index);
  holders_.Remove(index);
  wheel_.Cancel(index);
  --connections_open_;
  Reap();
  dying_ = index;
}

void Host::Reap() {
  if (dying_ == kNone) return;
  Connection& c = connections_[dying_];
  store_.Clear(c.receive.queue);
  // The name is dead from here on; the next owner of the slot takes the next one.
  ++c.generation;
  if (!c.ready_linked) free_.push_back(dying_);  // else NextReady() frees it
  dying_ = kNone;
}

// Sets the wheel only forward; a timer that moved back is found when its old time comes.
void Host::Touch(std::uint32_t index) {
  const Time next = NextTimer(settings_, connections_[index]);
  if (next < wheel_.when(index)) wheel_.Arm(index, next);
}

SeqNum Host::InitialSequence(const FourTuple& tuple, Time now) const {
  // RFC 6528 3: a 4-microsecond clock plus a keyed function of the tuple.
  const auto clock =
      static_cast<std::uint32_t>(now.time_since_epoch() / std::chrono::microseconds(4));
  return SeqNum(clock + static_cast<std::uint32_t>(Hash(isn_key_, tuple)));
}

std::optional<ConnectionId> Host::Connect(const FourTuple& tuple, Time now) {
  Reap();
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  if (full() || table_.Find(tuple, same) || time_wait_.Find(tuple)) return std::nullopt;
  const std::uint32_t index = Allocate(tuple, now);
  if (index == kNone) return std::nullopt;
  Connection& c = connections_[index];
  Move<State::kClosed, State::kSynSent>(c.state);
  c.send.iss = InitialSequence(tuple, now);
  c.send.syn_due = true;
  c.ecn = c.ect = settings_.ecn && settings_.ecn_asked;
  Ready(IdOf(index));
  return IdOf(index);
}

Delivery Host::Receive(const Segment& segment, const FourTuple& tuple, Time now) {
  Reap();
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  const std::uint32_t hash = table_.HashOf(tuple);
  if (const auto index = table_.FindHashed(hash, same)) {
    return ReceiveConnection(*index, segment, now);
  }
  if (const auto entry = time_wait_.FindHashed(tuple, hash)) {
    return ReceiveTimeWait(*entry, segment, tuple, now);
  }
  if (listener_.IsOpen(tuple.local_port)) return ReceiveListen(segment, tuple, now);
  return ReceiveClosed(segment, tuple, now);
}

Delivery Host::ReceiveAcks(const Segment& first, std::span<const BareAck> later,
                           const FourTuple& tuple, Time now) {
  Reap();
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  const auto index = table_.Find(tuple, same);
  if (!index) return Receive(first, tuple, now);
  Connection& c = connections_[*index];
  const JoinedAcks joined = Join(c, first, later);
  if (joined.count == 0) return ReceiveConnection(*index, first, now);
  c.send.window_max = std::max(c.send.window_max, std::uint32_t{joined.widest} << c.send.scale);
  Segment last = first;
  last.ack = joined.last.ack;
  last.window = joined.last.window;
  Delivery delivery = ReceiveConnection(*index, last, now, joined.bytes());
  delivery.joined = joined.count;
  return delivery;
}

Delivery Host::ReceiveConnection(std::uint32_t index, const Segment& segment, Time now,
                                 std::span<const std::uint32_t> earlier) {
  Connection& c = connections_[index];
  const bool half_open = c.passive && c.state == State::kSynReceived;
  const Context context = At(now);
  const Outcome outcome = Arrival(context, c, segment, earlier).Run();
  if (half_open && c.state != State::kSynReceived) --half_open_;
  if (outcome.opened && c.ecn) ++counters_.ecn_agreed;
  Delivery delivery{.connection = IdOf(index),
                    .drop = outcome.drop,
                    .text = outcome.text,
                    .opened = outcome.opened,
                    .finished = outcome.finished,
                    .closed = outcome.verdict != Verdict::kOpen,
                    .reset = outcome.reset,
                    .progressed = outcome.progressed};
  if (outcome.answer_reset) SendReset(segment, c.tuple);
  if (!delivery.closed) {
    Ready(IdOf(index));
    Touch(index);
    return delivery;
  }
  delivery.all_acknowledged = c.outstanding() == 0 && c.send.nxt >= c.end();
  if (outcome.verdict == Verdict::kTimeWait) {
    const std::uint16_t window = AdvertiseWindow(context, c);
    time_wait_.Add({.tuple = c.tuple,
                    .send_next = c.At(c.send.max),
                    .receive_next = c.receive.nxt,
                    .window = window,
                    .timestamps = c.timestamps,
                    .ts_recent = c.receive.ts_recent,
                    .ts_offset = c.send.ts_offset},
                   now);
    // The ACK of the peer's FIN, or nothing in the case of CLOSING.
    if (const auto entry = time_wait_.Find(c.tuple); entry && c.receive.ack_due) {
      SendTimeWaitAck(*entry, now);
    }
  }
  Retire(index);
  return delivery;
}

Bytes Host::TakeText(ConnectionId id) {
  if (static_cast<const Host*>(this)->Find(id) == nullptr) return {};
  Connection& c = connections_[id.index];
  ReceiveState& r = c.receive;
  const Bytes run = store_.TakeFront(r.queue, r.taken, r.nxt);
  r.taken = run.empty() ? r.nxt : r.taken + static_cast<std::uint32_t>(run.size());
  return run;
}

void Host::Attach(ConnectionId id, ByteSource* source) {
  Connection* c = Find(id);
  if (c == nullptr) return;
  c->source = source;
  Ready(id);
}

void Host::SetReceiveRoom(ConnectionId id, std::uint32_t bytes) {
  Connection* c = Find(id);
  if (c == nullptr) return;
  c->receive.room = std::min(bytes, kReceiveRoomMax);
  if (!IsSynchronized(c->state)) return;
  // Tell a sender that waits for it, once a full segment fits (RFC 9293 3.8.6.2.2).
  const std::uint32_t step = std::min<std::uint32_t>(c->path_mss, settings_.receive_window / 2);
  if (c->receive.window() < step && bytes >= step) {
    c->receive.ack_due = true;
    Ready(id);
  }
}

void Host::Close(ConnectionId id) {
  Connection* c = Find(id);
  if (c == nullptr || c->closing) return;
  c->closing = true;
  store_.Clear(c->receive.queue);
  c->receive.taken = c->receive.nxt;
  if (c->state == State::kFinWait2) {
    c->limit_at = c->timers.heard + settings_.fin_wait_2;
    Touch(id.index);
  }
  Ready(id);
}

void Host::Abort(ConnectionId id) {
  Connection* c = Find(id);
  if (c == nullptr) return;
  if (c->state != State::kSynSent) {
    SendStray(c->tuple, {.source = c->tuple.local_port,
                         .destination = c->tuple.remote_port,
                         .seq = c->At(c->send.max),
                         .ack = c->receive.nxt,
                         .flags = {.rst = true, .ack = true}});
  }
  Retire(id.index);
  Reap();
}

void Host::LimitMss(ConnectionId id, std::uint16_t mss) {
  Connection* c = Find(id);
  if (c == nullptr || mss >= settings_.mss) return;
  c->link_mss = mss;
  if (c->path_mss <= mss) return;
  c->path_mss = mss;
  UpdateMss(settings_, *c);
  StartCongestion(settings_, *c);
}

std::optional<ConnectionId> Host::NextReady() {
  while (ready_head_ != kNone) {
    const std::uint32_t index = ready_head_;
    Connection& c = connections_[index];
    ready_head_ = c.ready_next;
    if (ready_head_ == kNone) ready_tail_ = kNone;
    c.ready_linked = false;
    if (c.state != State::kClosed) {
      c.burst_left = TurnOf(settings_, c);
      return IdOf(index);
    }
    if (index != dying_) free_.push_back(index);
  }
  return std::nullopt;
}

void Host::Ready(ConnectionId id) {
  Connection* c = Find(id);
  if (c == nullptr || c->ready_linked) return;
  c->ready_linked = true;
  c->ready_next = kNone;
  (ready_tail_ == kNone ? ready_head_ : connections_[ready_tail_].ready_next) = id.index;
  ready_tail_ = id.index;
}

std::optional<Outgoing> Host::Emit(ConnectionId id, Time now, std::uint32_t payload_max) {
  Connection* c = Find(id);
  if (c == nullptr) return std::nullopt;
  std::optional<Outgoing> out = NextSegment(At(now), *c, payload_max);
  Touch(id.index);
  if (out) {
    out->connection = id;
    out->source = c->source;
    out->turn_over = c->burst_left == 0;
    if (out->retransmission) {
      counters_.retransmissions += std::max(1U, (out->length + out->mss - 1) / out->mss);
    }
  }
  if (c->burst_left == 0) Ready(id);
  return out;
}

Time Host::Deadline() const { return std::min(wheel_.Deadline(), time_wait_.Deadline()); }

std::optional<Expired> Host::Expire(Time now) {
  Reap();
  time_wait_.Expire(now);
  while (const auto index = wheel_.Pop(now)) {
    Connection& c = connections_[*index];
    const ConnectionId id = IdOf(*index);
    const auto what = ExpireTimers(At(now), c);
    if (what && Closes(*what)) {
      if (*what != Expiry::kNoHandshake) {
        SendStray(c.tuple, {.source = c.tuple.local_port,
                            .destination = c.tuple.remote_port,
                            .seq = c.At(c.send.max),
                            .ack = c.receive.nxt,
                            .flags = {.rst = true, .ack = true}});
      }
      Retire(*index);
    } else {
      Ready(id);
      Touch(*index);
    }
    if (what) return Expired{.connection = id, .what = *what};
  }
  return std::nullopt;
}

std::uint64_t Host::Acknowledged(ConnectionId id) const {
  const Connection* c = Find(id);
  if (c == nullptr || c->send.una == 0) return 0;
  return c->send.una - 1 - (c->fin_acknowledged() ? 1 : 0);
}

tcp::Info Host::Info(ConnectionId id) const {
  const Connection* c = Find(id);
  if (c == nullptr) return {};
  return {.tuple = c->tuple,
          .state = c->state,
          .passive = c->passive,
          .smoothed_rtt = c->rtt.smoothed(),
          .retransmission_timeout = c->rtt.Timeout(settings_),
          .congestion_window = c->congestion.window(),
          .slow_start_threshold = c->congestion.threshold(),
          .peer_window = c->send.window,
          .acknowledged = Acknowledged(id),
          .outstanding = c->outstanding(),
          .in_flight = c->Flight(),
          .text_received = c->text_received,
          .retransmissions = c->retransmissions,
          .timeouts = c->timeouts,
          .fast_recoveries = c->fast_recoveries,
          .tail_probes = c->tail_probes,
          .undone = c->undone,
          .marks = c->marks,
          .marks_answered = c->marks_answered,
          .window_closures = c->window_closures,
          .window_closed_since = c->send.persisting ? c->window_closed_at : kNever,
          .mss = c->send.mss,
          .peer = c->peer,
          .timestamps = c->timestamps,
          .sack = c->sack,
          .ecn = c->ecn,
          .ect = c->ect,
          .unreachable = c->unreachable_at == c->send.una,
          .opened_at = c->opened_at,
          .next_timer = c->state == State::kClosed ? kNever : NextTimer(settings_, *c)};
}

}  // namespace slipway::tcp
