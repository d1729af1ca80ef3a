// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <algorithm>
#include <chrono>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

// How often counters are posted, applications' deadlines looked at and the wall clock asked.
constexpr Duration kPostEvery = std::chrono::milliseconds(100);

}  // namespace

Worker::Worker(const WorkerSetup& setup, const WorkerSeams& seams)
    : index_(setup.index),
      options_(setup.options),
      seams_(seams),
      wall_(seams.time.UnixNanoseconds(Time{})),
      reporter_({seams.events, setup.index, wall_}),
      pool_(setup.pool),
      reassembly_({}),
      icmp_({}),
      admission_({.enabled = setup.options.admission.enabled,
                  .at_once = setup.options.admission.machines_at_once,
                  .machines_max = std::clamp(2 * setup.tcp.connections_max, 1024U, 65536U)}),
      kept_(admission_.settings().machines_max),
      tcp_(setup.tcp, seams.entropy, setup.pages),
      factory_({reporter_, wall_, setup.options.limits.handshakes_at_once, setup.pages}),
      services_(tcp_.slots(), setup.pages),
      budget_(setup.options.limits.handshake_share, rte_get_tsc_hz()) {
  SLIPWAY_CHECK(setup.ends.size() == options_.ports.size());
  links_.reserve(setup.ends.size());
  for (const Link::End& end : setup.ends) {
    links_.emplace_back(end, options_.ports[end.index], pool_);
  }
  interfaces_.reserve(options_.interfaces.size());
  for (const InterfaceOptions& options : options_.interfaces) {
    Link& link = links_[options.port];
    const auto index = static_cast<std::uint16_t>(interfaces_.size());
    link.SetInterface(options.vlan, index);
    interfaces_.emplace_back(index, options, link);
    // The operator says the addresses are ours: a restart must not cost booting machines the seven
    // seconds of a probe. Whoever else uses them answers the announcement, and is reported.
    arp_.emplace_back(link.station(), options.addresses,
                      arp::Settings{.start = arp::ClaimStart::kAnnounce}, seams.entropy);
  }
  seen_links_.resize(links_.size());
  aside_.assign(links_.size(), WaitingLine(links_.size() == 1 ? 0 : tcp_.slots()));
  if (index_ == 0) {
    const dhcp::ServerSettings settings{.leases_max = options_.limits.leases,
                                        .unix_seconds_at_zero = wall_.UnixSeconds(Time{}),
                                        .probe_time = options_.probe_time};
    dhcp_.emplace(settings, seams.entropy,
                  DhcpService::Surroundings{seams_.leases, reporter_, interfaces_, arp_, admission_,
                                            seams_.others, wall_});
    dhcp_->Restore(setup.leases);
  }
  factory_.Listen(tcp_);
  seams_.snapshots.Online(index_);
  seams_.captures.Online(index_);
}

Worker::~Worker() {
  seams_.captures.Offline(index_);
  seams_.snapshots.Offline(index_);
}

bool Worker::RunOnce(Time now) {
  Stopwatch watch;
  seams_.snapshots.Quiescent(index_);
  UseSnapshot(seams_.snapshots.Current());
  round_ = now;
  if (seams_.captures.generation() != captures_seen_) [[unlikely]]
    UseCaptures();

  std::size_t work = HearOthers(now);
  for (std::size_t bursts = 0; bursts < kBurstsMax; ++bursts) {
    work += Receive();
    watch.Lap(Step::kReceive);
    work += Classify(now);
    watch.Lap(Step::kClassify);
    Deliver(now);
    watch.Lap(Step::kDeliver);
    if (burst_size_ < kBurst) break;
    // Answers leave before more come: the outbox is the connections' as well.
    work += Transmit();
    watch.Lap(Step::kTransmit);
  }
  work += Expire(now);
  watch.Lap(Step::kExpire);
  work += Emit(now);
  others_wait_ = tcp_.has_ready() ||
                 std::ranges::any_of(aside_, [](const WaitingLine& line) { return !line.empty(); });
  watch.Lap(Step::kEmit);
  work += Transmit();
  watch.Lap(Step::kTransmit);

  Account(now, watch, work > 0);
  return work > 0;
}

void Worker::UseSnapshot(const Snapshot* current) {
  // The one before may be freed already, and this one stand where it was.
  if (current == nullptr || current->generation == snapshot_generation_) return;
  snapshot_ = current;
  snapshot_generation_ = current->generation;
  if (dhcp_) dhcp_->SetPolicy(current->dhcp.get());
}

void Worker::UseCaptures() {
  // Read before what it counts: a set that comes in between is shown again in the next round.
  captures_seen_ = seams_.captures.generation();
  const Captures::Set* const set = seams_.captures.Current();
  for (Link& link : links_) link.tap().Use(set, {index_, link.index(), seams_.time, wall_, round_});
  seams_.captures.Seen(index_, captures_seen_);
}

Time Worker::Deadline() const {
  Time deadline = std::min(tcp_.Deadline(), next_post_);
  for (const arp::Responder& arp : arp_) deadline = std::min(deadline, arp.Deadline());
  if (dhcp_) deadline = std::min(deadline, dhcp_->Deadline());
  return deadline;
}

void Worker::Stop(Time now) {
  tcp_.ForEach([&](tcp::ConnectionId id) { Reset(services_[id.index], now); });
  Emit(now);
  Transmit();
  for (Service& service : services_) Release(service, now);
}

void Worker::Account(Time now, const Stopwatch& watch, bool busy) {
  WorkerStatistics& statistics = reporter_.statistics;
  ++statistics.polls;
  watch.AddTo(statistics, busy);
  WatchSpare(busy, now);
  if (now < next_post_) return;
  next_post_ = now + kPostEvery;
  wall_.Set(seams_.time.UnixNanoseconds(now), now);
  if (dhcp_) dhcp_->FollowWallClock();
  for (Service& service : services_) {
    if (service.application == nullptr || service.application->Deadline() > now) continue;
    Follow(service, service.application->Expire(now), now);
  }
  if (admission_.review_due(now)) ReviewAdmission(now);
  if (index_ == 0) WatchLinks(now);
  Post(now);
}

void Worker::Post(Time now) {
  WorkerStatistics& statistics = reporter_.statistics;
  statistics.posted_nanoseconds = now.time_since_epoch().count();
  statistics.connections = tcp_.connections();
  statistics.connection_bytes = factory_.bytes_taken();
  statistics.retransmissions = tcp_.counters().retransmissions;
  statistics.tcp_timeouts = tcp_.counters().timeouts;
  statistics.tail_probes = tcp_.counters().tail_probes;
  statistics.ecn_connections = tcp_.counters().ecn_agreed;
  statistics.ecn_marks = tcp_.counters().marks;
  statistics.ecn_reductions = tcp_.counters().marks_answered;
  statistics.handshakes_waiting = work_.size();
  statistics.frames_in_use = pool_.in_use();
  statistics.pool_permille = pool_.in_use_permille();
  statistics.received_bytes = statistics.sent_bytes = statistics.transmit_ring_full = 0;
  statistics.outbox_frames = statistics.outbox_peak = 0;
  for (Link& link : links_) {
    const QueueBytes bytes = link.bytes();
    statistics.received_bytes += bytes.received;
    statistics.sent_bytes += bytes.transmitted;
    statistics.transmit_ring_full += link.ring_full();
    statistics.outbox_frames += link.waiting();
    statistics.outbox_peak += link.TakePeak();
  }
  statistics.outbox_limit = links_.size() * Link::kOutboxMax;
  statistics.admission = AdmissionNow();
  seams_.statistics.Post(index_, statistics);
}

// A guest that resets its NIC, a cable, a relinked vhost peer: all there are told anew who we are.
void Worker::WatchLinks(Time now) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const PortStatus status = links_[i].port().GetStatus();
    SeenLink& seen = seen_links_[i];
    if (status.link_up == seen.up && status.link_changes == seen.changes) continue;
    seen = {status.link_up, status.link_changes};
    if (status.link_up) {
      for (const Interface& at : interfaces_) {
        if (&at.link() == &links_[i]) arp_[at.index()].Start(now);
      }
    }
    Event event;
    event.kind = EventKind::kLinkChanged;
    event.number = static_cast<std::int64_t>(i);
    event.extra = status.link_up ? 1 : 0;
    reporter_.Tell(event, now);
  }
}

}  // namespace slipway::dataplane
