// SPDX-License-Identifier: Apache-2.0
//
// DhcpService: the DHCP server at work on the one worker that owns the lease table. It turns what
// dhcp::Server decides into frames, probes and events, and keeps the promise of RFC 2131 3.1 that
// an address once acknowledged is remembered: a reply that changes a lease is built, then held
// until the journal says that the change is on disk.
//
// Replies of one interface leave in the order of their sequence numbers. When the journal's channel
// is full the change is taken back and the request counted as Drop::kDhcpJournalFull: the client
// asks again.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/admission.h"
#include "dataplane/event.h"
#include "dataplane/handover.h"
#include "dataplane/interface.h"
#include "dataplane/packets.h"
#include "dataplane/reporter.h"
#include "dataplane/snapshot.h"
#include "protocols/arp/responder.h"
#include "protocols/base/wall_clock.h"
#include "protocols/dhcp/server.h"

namespace slipway::dataplane {

class DhcpService {
 public:
  // What a DHCP message came in.
  struct Arrival {
    const Interface& at;
    MacAddress station;  // the frame's source
    Ipv4Address source;
    Ipv4Address destination;
  };
  struct Surroundings {
    LeaseChannel& leases;
    Reporter& reporter;
    std::span<const Interface> interfaces;
    std::span<arp::Responder> arp;  // of the interfaces, in their order
    Admission& admission;
    Handover& others;  // their admissions are told of leases too; this is worker 0
    const WallClock& wall;
  };

  DhcpService(const dhcp::ServerSettings& settings, Entropy& entropy,
              const Surroundings& surroundings)
      : server_(settings, entropy),
        around_(surroundings),
        server_zero_(std::chrono::seconds(settings.unix_seconds_at_zero)),
        followed_(surroundings.wall.unix_nanoseconds_at_zero()),
        held_(surroundings.interfaces.size()) {}

  std::size_t Restore(std::span<const dhcp::Lease> leases) { return server_.Restore(leases); }
  void SetPolicy(const dhcp::Policy* policy) { server_.SetPolicy(policy); }

  // Drop::kNone when it was understood, whether or not a reply leaves now.
  Drop Receive(const udp::Datagram& datagram, const Arrival& arrival, Time now);
  // Probes that ended, replies that became due, and replies whose lease is on disk by now.
  void Expire(Time now);
  // The wall clock was set.
  void FollowWallClock();
  Time Deadline() const { return server_.Deadline(); }

 private:
  // Replies of one interface that wait: what the journal's channel may hold back at once. Those of
  // a link that takes nothing get no more of the packet memory than leaves a quarter of it to
  // everybody else; its clients ask again.
  static constexpr std::size_t kHeldMax = 4096;
  static constexpr std::size_t kHeldAlways = 64;
  static constexpr std::size_t kPoolMost = 750;  // thousandths in use

  // A reply that waits for its lease to be durable, and what to tell when it leaves.
  struct Held {
    std::uint64_t sequence = 0;
    Frame frame;
    Event event;
  };

  void Act(const dhcp::Outcome& outcome, Bytes reply, const MacAddress& station, Time now);
  void Hold(std::uint16_t interface, Held reply);
  void SendHeld(std::size_t interface, std::uint64_t durable, Time now);
  bool Withholds(const dhcp::Outcome& outcome, Time now);
  void TellLease(const MacAddress& mac, Ipv4Address address, Time now);
  dhcp::LeaseChange InWorldTime(dhcp::LeaseChange change) const;
  void StartProbe(const dhcp::Outcome& outcome, Time now);
  Frame BuildReply(const dhcp::ReplyPlan& plan, Bytes reply, const MacAddress& station);
  void TellQuestion(const dhcp::Outcome& outcome, Time now);
  void TellIgnored(const dhcp::Outcome& outcome, Drop drop, Time now);
  void TellConflict(const dhcp::Outcome& outcome, const MacAddress& user, Time now);
  static Event AnswerEvent(const dhcp::Outcome& outcome);

  dhcp::Server server_;
  Surroundings around_;
  Duration server_zero_;                // Unix time of the server's Time{}
  std::int64_t followed_;               // the wall clock at Time{}, as the server was told of it
  std::vector<std::deque<Held>> held_;  // by interface: none waits for another's link
  std::array<std::uint8_t, dhcp::kReplySizeMax> reply_{};
};

}  // namespace slipway::dataplane
