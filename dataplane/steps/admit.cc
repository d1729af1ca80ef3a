// SPDX-License-Identifier: Apache-2.0
//
// Admit, a part of Deliver and Expire: machines that wait for their turn (admission.h). A SYN is
// kept as it came and received when its turn comes, without waiting for the machine to send it
// again; a handshake is not begun. Nobody is held after that.
#include <algorithm>

#include "dataplane/worker.h"

namespace slipway::dataplane {
namespace {

// Turns given in a round: each begins with a segment, and soon costs a handshake.
constexpr std::size_t kTurnsMax = 4;
// A timestamp kept for longer would come back as a round trip, and make the peer's next timeout.
constexpr Duration kTimestampKept = std::chrono::seconds(1);

// EDK II waits 60 s for a SYN-ACK, and is known by offering neither SACK nor timestamps on a window
// of 65,535. iPXE gives up after about 15 s, GRUB (whose window differs) after 10.
bool IsPatient(const tcp::Segment& syn) {
  return syn.window == 65535 && !syn.options.sack_permitted && !syn.options.timestamps;
}

}  // namespace

// Whether the SYN is kept for later.
bool Worker::Holds(const tcp::Segment& segment, const tcp::FourTuple& tuple, const Hop& from,
                   Time now) {
  if (segment.flags.ack || segment.flags.rst) return false;
  if (!admission_.settings().enabled || !admission_.is_full()) return false;
  const bool https = tuple.local_port == kHttpsPort;
  if (!https && tuple.local_port != kHttpPort) return false;
  const auto verdict = admission_.AtSyn(
      tuple.remote_address, {.is_patient = IsPatient(segment), .leads_to_handshake = https}, now);
  if (verdict == Admission::Verdict::kGo) return false;
  const Admission::Id id = admission_.IdOf(tuple.remote_address);
  Kept& kept = kept_[id];
  // Anybody can write its address into a SYN: what came from its own station stays.
  const MacAddress& own = admission_.mac(id);
  if (kept.syn_kept && kept.from.station == own && from.station != own) return true;
  if (!kept.syn_kept) TellWaiting(id, WaitingPlace::kSyn, now);
  kept.syn = segment;
  kept.syn.text = {};
  kept.form = form_;
  kept.tuple = tuple;
  kept.from = from;
  kept.since = now;
  kept.syn_kept = true;
  return true;
}

// A connection whose handshake is due: into the line of work, or it waits before the ServerHello.
void Worker::QueueWork(Service& service, Time now) {
  if (service.work_queued) return;
  const WorkStage stage = service.application->work_stage();
  if (stage == WorkStage::kNotBegun &&
      admission_.AtServerHello(service.machine, now) == Admission::Verdict::kWait) {
    if (service.waits) return;
    service.waits = true;
    Kept& kept = kept_[service.machine];
    const bool another = kept.waits.valid() && tcp_.Alive(kept.waits);
    if (!another) TellWaiting(service.machine, WaitingPlace::kServerHello, now);
    kept.several |= kept.waits.valid();
    kept.waits = service.id;
    return;
  }
  service.waits = false;
  service.work_queued = true;
  work_.Push(service.id, stage, now);
}

std::size_t Worker::Admit(Time now) {
  std::size_t turns = 0;
  while (turns < kTurnsMax) {
    const auto turn = admission_.Next(now);
    if (!turn) break;
    ++turns;
    if (turn->admitted) TellTurn(*turn, now);
    TakeKeptSyn(kept_[turn->id], now);
    if (turn->admitted) Resume(turn->id, now);
  }
  return turns;
}

void Worker::TakeKeptSyn(Kept& kept, Time now) {
  if (!kept.syn_kept) return;
  kept.syn_kept = false;
  if (now - kept.since > kTimestampKept) kept.syn.options.timestamps.reset();
  form_ = kept.form;
  // Of a machine with a lease: a cookie, lost once, would be lost for as long as the machine waits
  // before it asks again.
  stray_way_ = kept.from;
  const Drop drop =
      TakeDelivery(tcp_.ReceiveKnown(kept.syn, kept.tuple, now), kept.tuple, kept.from, now);
  if (drop != Drop::kNone) reporter_.Count(Step::kDeliver, drop);
  form_ = {};
}

// The handshakes of a machine that was admitted, as far as they waited for that.
void Worker::Resume(Admission::Id machine, Time now) {
  Kept& kept = kept_[machine];
  if (!kept.waits.valid()) return;
  const auto resume = [&](Service& service) {
    if (service.waits && service.machine == machine) QueueWork(service, now);
  };
  if (kept.several) {
    std::ranges::for_each(services_, resume);
  } else {
    resume(services_[kept.waits.index]);
  }
  kept.waits = {};
  kept.several = false;
}

// Since it was last asked.
std::uint64_t Worker::TakeAcknowledged(Service& service) {
  const std::uint64_t acknowledged = tcp_.Acknowledged(service.id);
  const std::uint64_t bytes = acknowledged - std::min(acknowledged, service.seen);
  service.seen = std::max(service.seen, acknowledged);
  return bytes;
}

void Worker::ReviewAdmission(Time now) {
  for (Service& service : services_) {
    if (service.machine == Admission::kNobody) continue;
    admission_.See(service.machine,
                   {.bytes = TakeAcknowledged(service),
                    .waits_for_us = service.work_queued || service.waits,
                    .rests = service.application != nullptr && service.application->rests()});
  }
  const double seconds = std::chrono::duration<double>(now - last_review_).count();
  const WorkerStatistics& statistics = reporter_.statistics;
  if (seconds > 0) {
    const double spare = std::chrono::duration<double>(spare_).count();
    admission_.EndReview(
        {.bytes_per_second =
             static_cast<double>(statistics.payload_bytes - bytes_at_review_) / seconds,
         .spare = spare / seconds},
        now);
  }
  bytes_at_review_ = statistics.payload_bytes;
  spare_ = {};
  last_review_ = now;
}

// A round that found nothing to do, and nothing that waits to leave, was time to spare.
void Worker::WatchSpare(bool busy, Time now) {
  if (was_spare_) spare_ += now - last_round_;
  last_round_ = now;
  was_spare_ = !busy && std::ranges::all_of(links_, [](const Link& l) { return l.waiting() == 0; });
}

AdmissionStatistics Worker::AdmissionNow() const {
  if (!admission_.settings().enabled) return {};
  const auto expected = admission_.ExpectedWait();
  const Admission::Counters& counters = admission_.counters();
  return {.limit = admission_.limit(),
          .serving = admission_.serving(),
          .waiting_at_offer = admission_.waiting_at(WaitingPlace::kOffer),
          .waiting_at_syn = admission_.waiting_at(WaitingPlace::kSyn),
          .waiting_at_server_hello = admission_.waiting_at(WaitingPlace::kServerHello),
          .expected_wait_ms = !admission_.is_full() ? 0
                              : expected            ? *expected / std::chrono::milliseconds(1)
                                                    : -1,
          .admitted = counters.admitted,
          .waited = counters.waited,
          .forced = counters.forced,
          .excused = counters.excused};
}

void Worker::TellWaiting(Admission::Id id, WaitingPlace place, Time now) {
  const Admission::Standing standing = admission_.StandingOf(id);
  Event event;
  event.kind = EventKind::kAdmissionWaits;
  event.mac = admission_.mac(id);
  event.address = admission_.address(id);
  event.number = standing.position;
  event.extra = standing.expected ? *standing.expected / std::chrono::milliseconds(1) : -1;
  event.set_text(Words(place));
  reporter_.Tell(event, now);
}

void Worker::TellTurn(const Admission::Turn& turn, Time now) {
  Event event;
  event.kind = EventKind::kAdmissionTurn;
  event.mac = admission_.mac(turn.id);
  event.address = admission_.address(turn.id);
  event.number = turn.waited / std::chrono::milliseconds(1);
  event.set_text(Words(turn.place));
  reporter_.Tell(event, now);
}

}  // namespace slipway::dataplane
