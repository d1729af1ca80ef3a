// SPDX-License-Identifier: Apache-2.0
//
// tcp::Host: the TCP (RFC 9293) of one worker. It owns a bounded slab of connections and knows
// nothing of what they carry. Four verbs: Receive a segment, Emit what is due, Deadline, Expire.
//
// How it is driven, once per poll:
//
//     for each segment:     delivery = Receive(segment, tuple, now); serve delivery.text, then
//                           TakeText(id) until empty; then delivery.finished / closed
//     while Expire(now):    tell the service what happened
//     while EmitStray(now): send
//     while NextReady():    while Emit(id, now): read the payload from the source, send
//
// An id that a Delivery or Expired calls closed stays readable (Info, TakeText) until the next
// Receive, Expire or Connect, then it is gone for good. Every verb ignores an id that is gone.
//
// Nothing here allocates after construction.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "protocols/base/entropy.h"
#include "protocols/base/timer_wheel.h"
#include "protocols/source/byte_source.h"
#include "protocols/tcp/bare_ack.h"
#include "protocols/tcp/connection.h"
#include "protocols/tcp/holders.h"
#include "protocols/tcp/listener.h"
#include "protocols/tcp/send.h"
#include "protocols/tcp/syn_answer.h"
#include "protocols/tcp/table.h"
#include "protocols/tcp/time_wait.h"
#include "protocols/tcp/timers.h"

namespace slipway::tcp {

// What one segment meant.
struct Delivery {
  ConnectionId connection;        // not valid() where the segment belongs to none
  Drop drop = Drop::kNone;        // why it, or part of it, was not served; counted by the caller
  Bytes text;                     // new text in order, inside the segment
  bool opened = false;            // the handshake is done
  bool finished = false;          // the peer's FIN was reached: no text follows what is held now
  bool closed = false;            // the connection is over; see the note on ids above
  bool reset = false;             // ... by the peer's RST
  bool progressed = false;        // the peer acknowledged something new
  bool all_acknowledged = false;  // with closed: nothing we ever sent was left unacknowledged
  std::size_t joined = 0;         // ReceiveAcks: how many of `later` were taken as well
  // All connections are taken, and this one has to give way to `connection`: the caller tells its
  // story and calls Abort() for it, at once. Until then nobody else is let in.
  ConnectionId crowded_out;
};

// A connection as the boot's story tells it.
struct Info {
  FourTuple tuple;
  State state = State::kClosed;
  bool passive = false;
  Duration smoothed_rtt{};
  Duration retransmission_timeout{};
  std::uint64_t congestion_window = 0;
  std::uint64_t slow_start_threshold = 0;
  std::uint32_t peer_window = 0;
  std::uint64_t acknowledged = 0;  // bytes of the source
  std::uint64_t outstanding = 0;   // positions sent and not acknowledged
  std::uint64_t in_flight = 0;     // of those, neither held by the peer nor taken for lost
  std::uint64_t text_received = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t fast_recoveries = 0;
  std::uint64_t tail_probes = 0;
  std::uint64_t undone = 0;           // fast recoveries and timeouts that were not needed
  std::uint64_t marks = 0;            // segments of text that came with a congestion mark
  std::uint64_t marks_answered = 0;   // reductions for echoes of the peer
  std::uint32_t window_closures = 0;  // times the peer's window left nothing to send
  Time window_closed_since = kNever;  // kNever: it is open
  std::uint16_t mss = 0;
  Options peer;  // as its SYN offered them
  bool timestamps = false;
  bool sack = false;
  bool ecn = false;          // its marks are echoed
  bool ect = false;          // its echoes are answered
  bool unreachable = false;  // by ICMP, and nothing was acknowledged since
  Time opened_at{};
  Time next_timer = kNever;
};

struct HostCounters {
  std::uint64_t accepted = 0;
  std::uint64_t cookies_sent = 0;
  std::uint64_t cookies_accepted = 0;
  std::uint64_t crowded_out = 0;  // connections that gave way to those of other peers
  std::uint64_t strays_lost = 0;  // the stray queue was full
  std::uint64_t time_wait_reused = 0;
  std::uint64_t ecn_agreed = 0;  // connections opened with it
  // Segments sent again; and, of connections that have ended:
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t tail_probes = 0;
  std::uint64_t marks = 0;
  std::uint64_t marks_answered = 0;
};

class Host {
 public:
  // `settings` and `pages` (for tables) outlive it; `entropy` is asked for keys, now and later.
  Host(const Settings& settings, Entropy& entropy,
       std::pmr::memory_resource* pages = std::pmr::get_default_resource());
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Accepts connections to this port, on whatever address the caller lets through.
  void Listen(Port port) { listener_.Open(port); }
  // Active open. Nothing when the tuple is in use or there is no room.
  std::optional<ConnectionId> Connect(const FourTuple& tuple, Time now);

  Delivery Receive(const Segment& segment, const FourTuple& tuple, Time now);
  // The same for the SYN (no reset, no ACK) of a peer whom the caller knows: though the backlog is
  // full it gets a connection, whose SYN-ACK is sent again when lost. Not any more once three
  // quarters of all connections are half open.
  Delivery ReceiveKnown(const Segment& syn, const FourTuple& tuple, Time now);
  // The same for a bare ACK behind which others like it came in the same burst (bare_ack.h): takes
  // as many of them with it as may be joined. The rest is to be given by the caller, in order.
  Delivery ReceiveAcks(const Segment& first, std::span<const BareAck> later, const FourTuple& tuple,
                       Time now);

  // Connections in SYN-RECEIVED fill the backlog: a SYN is answered by a cookie (RFC 4987 3.6).
  bool backlog_full() const { return half_open_ >= settings_.syn_backlog_max; }
  // What Receive and EmitStray do with such a SYN, for a flood of them: the answer is written over
  // it. `room` begins with its `size` bytes (exactly the IPv4 payload, checksum verified) and has
  // kTcpHeaderMax bytes or more. Returns the size of the SYN-ACK, complete with the checksum for
  // the same addresses the other way round. 0, and nothing changed: give the segment to Receive.
  struct SynInPlace {
    MutableBytes room;
    std::size_t size = 0;
    Ipv4Address source;
    Ipv4Address destination;
    std::optional<std::uint32_t> hash;  // FetchSlot's, where it was asked
    Ecn ecn = Ecn::kNotCapable;         // of the IPv4 header
  };
  std::size_t AnswerSyn(const SynInPlace& syn, Time now);
  // The next run of text that had waited for a gap to close. Call until empty after each Receive
  // with text or finished; each run stays valid until the next Receive.
  Bytes TakeText(ConnectionId id);

  // What to send, from offset 0 on; once per connection. The source must outlive the connection.
  void Attach(ConnectionId id, ByteSource* source);
  // The source has grown or finished.
  void Wake(ConnectionId id) { Ready(id); }
  // How much the application takes from now on, beyond what it was given (a level, not a grant); at
  // most 2^30 of it counts (RFC 7323 2.3).
  void SetReceiveRoom(ConnectionId id, std::uint32_t bytes);
  // No more text is wanted and the source is final: FIN follows what it has.
  void Close(ConnectionId id);
  // RST, and the id is gone at once.
  void Abort(ConnectionId id);
  // The link it came by takes no more than settings().mss, but perhaps less: said once, before its
  // SYN or SYN-ACK has left. (A SYN cookie offers the settings'; a peer on the link has its own.)
  void LimitMss(ConnectionId id, std::uint16_t mss);
  // ICMP said that datagrams to this peer may be `mtu` long (RFC 1191); `seq` is from the quoted
  // header and must be in flight. An mtu of 0 (old routers) means the next lower plateau.
  void PathMtu(const FourTuple& tuple, std::uint16_t mtu, SeqNum seq);
  // ICMP said that a segment of ours did not arrive, as its host, port or protocol cannot be
  // reached; `seq` as above. A soft error whatever its code (RFC 5461 4): the connection goes on,
  // and Info() tells it until something is acknowledged.
  void Unreachable(const FourTuple& tuple, SeqNum seq);

  // Before a burst of segments of many connections, one step after the other for all of them: asks
  // the memory for what Receive will look at. First the table, by the hash that is returned; then
  // the connection, if there is one, by its index; then what it sends from; then what of that an
  // acknowledgment releases; then what one seals with whose turn comes next.
  std::uint32_t FetchSlot(const FourTuple& tuple) const;
  std::optional<std::uint32_t> FetchConnection(std::uint32_t hash) const;
  void FetchSource(std::uint32_t index) const;
  void FetchReleased(std::uint32_t index) const;
  void FetchRead(std::uint32_t index) const;

  // Connections with something to emit, in turn. Popping starts a new burst.
  std::optional<ConnectionId> NextReady();
  // Asks the memory for what the turns of those who come next will touch; returns the index of
  // the third, of whom the caller may fetch what it keeps.
  std::optional<std::uint32_t> FetchAhead() const;
  bool has_ready() const { return ready_head_ != kNone; }
  // Puts it at the end of the line, once.
  void Ready(ConnectionId id);
  // The next segment due, or nothing. A payload_max above mss asks for a super-segment: several
  // full segments in one, as far as burst, windows and the end of the text allow. A connection
  // whose burst is used up puts itself at the end of the line and says so (Outgoing::turn_over).
  std::optional<Outgoing> Emit(ConnectionId id, Time now, std::uint32_t payload_max = 0);
  // Replies that belong to no connection: RST, stateless SYN-ACK, the ACKs of TIME-WAIT.
  std::optional<Outgoing> EmitStray(Time now);

  Time Deadline() const;
  // One thing that the passing of time brought about; call until nothing.
  std::optional<Expired> Expire(Time now);

  // Every ConnectionId::index is below it: one more than there may be connections, for the one that
  // gives way.
  std::uint32_t slots() const { return static_cast<std::uint32_t>(connections_.size()); }
  bool Alive(ConnectionId id) const;
  tcp::Info Info(ConnectionId id) const;
  // Of its source's bytes; 0 where there is no such connection.
  std::uint64_t Acknowledged(ConnectionId id) const;
  std::uint32_t connections() const { return connections_open_; }
  std::uint32_t time_waits() const { return time_wait_.size(); }
  std::uint32_t out_of_order_blocks_free() const { return store_.free_blocks(); }
  const HostCounters& counters() const { return counters_; }
  const Settings& settings() const { return settings_; }

  template <class Visitor>
  void ForEach(Visitor&& visit) const {
    for (std::uint32_t i = 0; i < connections_.size(); ++i) {
      if (connections_[i].state != State::kClosed) visit(IdOf(i));
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  Context At(Time now) { return {.settings = settings_, .store = store_, .now = now}; }
  Connection* Find(ConnectionId id);
  const Connection* Find(ConnectionId id) const;
  std::optional<std::uint32_t> FindQuoted(const FourTuple& tuple, SeqNum seq) const;
  ConnectionId IdOf(std::uint32_t index) const {
    return {.index = index, .generation = connections_[index].generation};
  }
  void FetchHot(std::uint32_t index) const;
  std::uint32_t Allocate(const FourTuple& tuple, Time now);
  void Retire(std::uint32_t index);
  void Reap();
  void Touch(std::uint32_t index);

  Delivery ReceiveConnection(std::uint32_t index, const Segment& segment, Time now,
                             std::span<const std::uint32_t> earlier = {});
  // In host_listen.cc: what arrives for no connection.
  Delivery ReceiveTimeWait(std::uint32_t entry, const Segment& segment, const FourTuple& tuple,
                           Time now);
  Delivery ReceiveClosed(const Segment& segment, const FourTuple& tuple, Time now);
  Delivery ReceiveListen(const Segment& segment, const FourTuple& tuple, Time now);
  Delivery Accept(const Segment& syn, const FourTuple& tuple, Time now, SeqNum iss);
  Delivery AcceptCookie(const Segment& segment, const FourTuple& tuple, Time now);
  bool full() const { return connections_open_ >= settings_.connections_max; }
  bool MayCrowdOut(Ipv4Address address) const;
  std::uint32_t GivesWay();
  void SendCookie(const Segment& syn, const FourTuple& tuple, Time now);
  SynAnswer AnswerByCookie(const SynOffer& syn, const FourTuple& tuple, Time now);
  void SendTimeWaitAck(std::uint32_t entry, Time now);
  void SendReset(const Segment& offending, const FourTuple& tuple);
  void SendStray(const FourTuple& tuple, Segment segment);
  SeqNum InitialSequence(const FourTuple& tuple, Time now) const;

  const Settings& settings_;
  std::pmr::vector<Connection> connections_;
  std::vector<std::uint32_t> free_;
  std::uint32_t connections_open_ = 0;
  std::uint32_t half_open_ = 0;
  std::uint32_t dying_ = kNone;
  std::uint32_t ready_head_ = kNone;
  std::uint32_t ready_tail_ = kNone;
  SipKey isn_key_;
  TupleTable table_;
  Holders holders_;
  TimerWheel wheel_;
  OutOfOrderStore store_;
  Listener listener_;
  TimeWaitTable time_wait_;
  std::vector<Outgoing> strays_;  // a ring
  std::size_t stray_first_ = 0;
  std::size_t stray_count_ = 0;
  HostCounters counters_;
};

}  // namespace slipway::tcp
