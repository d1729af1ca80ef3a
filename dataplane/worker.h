// SPDX-License-Identifier: Apache-2.0
//
// Worker: one core's share of everything. It polls its own queue pair of each port and owns its
// own connections, timers, buffers and counters; nothing it writes is shared.
//
//     Receive -> Classify -> Deliver -> Expire -> Emit -> Seal -> Transmit
//
// Each step works on a burst and obeys in == out + sum(drops), which tests assert. ARP is answered
// while classifying, before anything else of the burst (firmware waits 5 ms, and asks twice).
// Worker 0 also owns what must be single: DHCP's lease table, ARP, ICMP and DNS. Frames that
// belong to another worker are handed over by rte_ring; what others need to know of a lease or of
// an ICMP message they are told the same way (handover.h).
//
// The steps live in steps/*.cc, one file each, in the order of the life of a packet.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/admission.h"
#include "dataplane/application.h"
#include "dataplane/boot_service.h"
#include "dataplane/capture.h"
#include "dataplane/dhcp_service.h"
#include "dataplane/distribution.h"
#include "dataplane/handover.h"
#include "dataplane/handshake_line.h"
#include "dataplane/interface.h"
#include "dataplane/link.h"
#include "dataplane/options.h"
#include "dataplane/packets.h"
#include "dataplane/reporter.h"
#include "dataplane/snapshot.h"
#include "dataplane/stopwatch.h"
#include "dataplane/tcp_run.h"
#include "dataplane/timekeeper.h"
#include "dataplane/waiting_line.h"
#include "dataplane/work_budget.h"
#include "protocols/arp/responder.h"
#include "protocols/base/token_bucket.h"
#include "protocols/base/wall_clock.h"
#include "protocols/icmp/responder.h"
#include "protocols/ip/reassembly.h"
#include "protocols/tcp/host.h"
#include "protocols/tcp/syn_form.h"
#include "protocols/wire/ipv4.h"

namespace slipway::dataplane {

struct WorkerSeams {
  SnapshotPublisher& snapshots;
  EventQueue& events;
  LeaseChannel& leases;  // used by worker 0 alone
  StatisticsBoard& statistics;
  Entropy& entropy;
  Handover& others;  // to and from the other workers
  Captures& captures;
  Timekeeper& time;
};

struct WorkerSetup {
  unsigned index = 0;
  const Options& options;
  const tcp::Settings& tcp;
  PacketPool& pool;
  std::vector<Link::End> ends;  // one per port, in the order of options.ports
  std::span<const dhcp::Lease> leases;
  // Gives the room for what packets touch of connections, and outlives the worker.
  std::pmr::memory_resource* pages = std::pmr::get_default_resource();
};

class Worker {
 public:
  static constexpr std::size_t kBurst = 32;  // frames received at once
  // Bursts of a round while they come full: after a handshake's millisecond hundreds wait at the
  // port, whose ring would overflow, and of a flood's frames and a machine's it loses any.
  static constexpr std::size_t kBurstsMax = 16;
  static constexpr std::size_t kEmitMax = 64;  // segments sent in a round, and the rest of a turn

  Worker(const WorkerSetup& setup, const WorkerSeams& seams);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // One round. True when it found something to do.
  bool RunOnce(Time now);
  // When the next round is due if no frame comes before: for callers that may sleep.
  Time Deadline() const;
  // Closes everything at once: connections are reset, held frames freed.
  void Stop(Time now);

  // Bytes a slot for a connection takes, open or not; an open one has slabs and the heap.
  static constexpr std::size_t BytesPerConnection() {
    return sizeof(tcp::Connection) + sizeof(Service);
  }
  const WorkerStatistics& statistics() const { return reporter_.statistics; }
  // To be looked at, by whoever runs the worker itself.
  const tcp::Host& tcp() const { return tcp_; }

 private:
  // The state of fewer connections is in the cache.
  static constexpr std::uint32_t kFetchedConnections = 128;

  // A frame on its way through a round.
  struct Arrived {
    Frame frame;
    std::uint16_t link = 0;
    bool ours = false;                      // another worker found that it is for this one
    std::optional<std::uint32_t> syn_hash;  // of its connection, where FetchSyns took it
  };
  // An IPv4 packet for us, its frame, and what has been learned of both.
  struct Packet {
    Way back;  // to where the answer goes
    std::uint16_t interface = 0;
    bool to_group = false;  // sent to a broadcast address
    ChecksumState transport_checksum = ChecksumState::kVerify;
    bool alike = false;  // Ethernet and IPv4 headers say what those of the packet before say
    ipv4::Packet ip;
  };
  // What the worker keeps beside each TCP connection: looked at with each of its segments and
  // turns, so it is a cache line.
  struct alignas(64) Service {
    std::unique_ptr<Application> application;
    tcp::ConnectionId id;
    MacAddress station;
    std::uint16_t interface = 0;
    std::uint64_t number = 0;  // names the connection in events
    bool work_queued = false;
    bool aside = false;  // in its link's line, until that has room
    bool waits = false;  // before the ServerHello, for its machine's turn
    Admission::Id machine = Admission::kNobody;
    std::uint64_t seen = 0;  // acknowledged at the last review
    tcp::SynForm form;       // of its SYN, for its story
  };
  static_assert(sizeof(Service) == 64);
  // Where a segment came from, and so where answers go.
  struct Hop {
    MacAddress station;
    std::uint16_t interface = 0;
  };
  // How a connection ended, for its story.
  struct End {
    EventKind how;
    std::string_view because = {};  // Event's fact of that name; empty: the peer ended it
  };
  // What is kept of a machine that waits for its turn.
  struct Kept {
    tcp::Segment syn;
    tcp::SynForm form;
    tcp::FourTuple tuple;
    Hop from;
    Time since{};  // when it came
    bool syn_kept = false;
    bool several = false;     // connections waited before the ServerHello
    tcp::ConnectionId waits;  // the last of them
  };

  std::size_t HearOthers(Time now);
  std::size_t Receive();
  std::size_t Classify(Time now);
  void FetchConnections() const;
  void Deliver(Time now);
  std::size_t Expire(Time now);
  std::size_t Emit(Time now);
  std::size_t Transmit();
  void Account(Time now, const Stopwatch& watch, bool busy);
  void Post(Time now);
  void UseSnapshot(const Snapshot* current);
  void UseCaptures();
  void WatchLinks(Time now);

  // Classify.
  unsigned OwnerOf(const Arrived& arrived) const;
  Drop ClassifyFrame(Arrived& arrived, Time now);
  bool TakeAlike(const Arrived& arrived);
  Drop ReceiveArp(const Interface& at, const ethernet::Frame& frame, Time now);
  void TellArp(const arp::Packet& question, Time now);
  Drop ReceiveIpv4(const Interface& at, Arrived& arrived, const ethernet::Frame& frame, Time now);
  void FetchSyns();
  bool AnswerSyn(Arrived& arrived, Time now);
  // Deliver.
  Drop DeliverPacket(const Packet& packet, Time now);
  Drop DeliverIcmp(const Packet& packet, Time now);
  void TakePathMtu(const icmp::PathMtu& told, Time now);
  void TakeUnreachable(const icmp::Unreachable& told, Time now);
  void TellOthers(const Notice& notice);
  Drop DeliverUdp(const Packet& packet, Time now);
  Drop DeliverDns(const Packet& packet, const udp::Datagram& query, Time now);
  Drop DeliverTcp(const Packet& packet, Time now);
  std::span<const Packet> AcksFrom(std::size_t first) const;
  std::size_t DeliverAcks(std::span<const Packet> acks, Time now);
  void SendUnreachable(const Packet& packet, std::uint8_t code, Time now);
  void SendAnswer(std::uint16_t interface, Frame frame);
  Drop TakeSegment(const tcp::Segment& segment, const tcp::FourTuple& tuple, const Hop& from,
                   Time now);
  Drop TakeDelivery(const tcp::Delivery& delivery, const tcp::FourTuple& tuple, const Hop& from,
                    Time now);
  // Admit.
  bool Holds(const tcp::Segment& segment, const tcp::FourTuple& tuple, const Hop& from, Time now);
  void QueueWork(Service& service, Time now);
  std::size_t Admit(Time now);
  void TakeKeptSyn(Kept& kept, Time now);
  void Resume(Admission::Id machine, Time now);
  std::uint64_t TakeAcknowledged(Service& service);
  void ReviewAdmission(Time now);
  void WatchSpare(bool busy, Time now);
  AdmissionStatistics AdmissionNow() const;
  void TellWaiting(Admission::Id id, WaitingPlace place, Time now);
  void TellTurn(const Admission::Turn& turn, Time now);
  // Connections.
  void Release(Service& service, Time now);
  void Serve(const tcp::Delivery& delivery, Service& service, Time now);
  void Open(Service& service, Ipv4Address address, Time now);
  void Refuse(Service& service, const tcp::Info& info, Time now);
  void TakeText(Bytes text, Service& service, Time now);
  void Follow(Service& service, const Reaction& reaction, Time now);
  void GiveUp(Service& service, Drop because, Time now);
  void Reset(const Service& service, Time now);
  void Ended(Service& service, const End& end, Time now);
  void TellEnd(const Service& service, const End& end, Time now);
  std::size_t WorkOff(Time now);
  static Event EventOf(const Service& service, const tcp::Info& info);
  // Emit.
  std::size_t EmitRun(const tcp::Outgoing& out, const Interface& at, const MacAddress& station);
  bool FillFrames(TcpRun& run, std::span<Frame> frames, ByteSource* source);
  bool AppendText(Frame& frame, LentText& lent, const TcpRun::Text& text);
  std::size_t SendStrays(Time now);
  // Whose turn it is.
  bool HasRoom(const Link& link) const;
  std::optional<tcp::ConnectionId> NextToSend();
  std::optional<tcp::ConnectionId> NextReady();
  std::optional<tcp::ConnectionId> NextAside(std::size_t link);

  unsigned index_;
  const Options& options_;
  WorkerSeams seams_;
  WallClock wall_;  // set anew with every post
  Reporter reporter_;
  PacketPool& pool_;
  std::vector<Link> links_;
  std::vector<Interface> interfaces_;  // of the links, in the order of options.interfaces
  struct SeenLink {
    bool up = false;
    std::uint64_t changes = 0;
  };
  std::vector<SeenLink> seen_links_;  // what was last told of them
  std::vector<arp::Responder> arp_;   // of the interfaces; asked on worker 0 alone
  ip::Reassembly reassembly_;
  icmp::Responder icmp_;
  // What ICMP says of connections and other workers hear of: their rings are for leases as well.
  TokenBucket icmp_told_{1000, 128};
  Admission admission_;
  std::vector<Kept> kept_;           // by Admission::Id
  std::optional<DhcpService> dhcp_;  // worker 0
  const Snapshot* snapshot_ = nullptr;
  std::uint64_t snapshot_generation_ = 0;
  std::uint64_t captures_seen_ = 0;  // generation
  Time round_{};                     // when it began

  tcp::Host tcp_;
  BootServiceFactory factory_;
  std::pmr::vector<Service> services_;  // by ConnectionId::index
  tcp::SynForm form_;                   // while a SYN is being taken: its form
  HandshakeLine work_;
  WorkBudget budget_;
  bool others_wait_ = false;        // Emit left connections that have something to send
  std::vector<WaitingLine> aside_;  // of the links
  std::size_t turn_ = 0;            // the line asked next; links_.size(): the ready

  std::array<Frame, kBurst> from_port_;  // empty between rounds
  std::array<Arrived, kBurst> burst_;
  std::size_t burst_size_ = 0;
  std::array<Packet, kBurst> packets_;
  std::size_t packet_count_ = 0;
  const Arrived* alike_to_ = nullptr;  // the last packet's frame, if another may be like it
  std::size_t first_link_ = 0;
  // Where a stray goes: to where the segment came from that is being received, or to the station
  // of the connection that is given up.
  Hop stray_way_;
  std::uint64_t next_number_ = 0;
  Time next_post_{};
  // Since the last review of who is served.
  Time last_review_{};
  std::uint64_t bytes_at_review_ = 0;
  Duration spare_{};
  Time last_round_{};
  bool was_spare_ = false;
};

}  // namespace slipway::dataplane
