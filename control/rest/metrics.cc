// SPDX-License-Identifier: Apache-2.0
//
// GET /metrics in Prometheus' text format: what the workers posted last, as it is, and the boots'
// outcomes (metrics_boots.cc). A drop that never happened is not listed.
//
// How many series there are is bounded by what is configured or in the catalog (workers, ports,
// networks, tags, webhooks, certificates) and by tables in this program (drops, causes, outcomes,
// buckets); nothing that a machine says becomes a label.
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "control/events/webhooks.h"
#include "control/rest/metric_family.h"
#include "control/rest/routes.h"

namespace slipway::control {
namespace {

struct WorkerMetric {
  const char* name;
  const char* help;
  prometheus::MetricType type;
  std::uint64_t dataplane::WorkerStatistics::*field;
};
using dataplane::WorkerStatistics;
constexpr WorkerMetric kWorkerMetrics[] = {
    {"slipway_connections", "TCP connections open now.", kGauge, &WorkerStatistics::connections},
    {"slipway_connection_slab_bytes",
     "Bytes in slabs for connections that are open; their heap is not counted.", kGauge,
     &WorkerStatistics::connection_bytes},
    {"slipway_connections_opened_total", "TCP connections ever opened.", kCounter,
     &WorkerStatistics::connections_opened},
    {"slipway_tls_handshakes_total", "TLS handshakes finished.", kCounter,
     &WorkerStatistics::handshakes},
    {"slipway_tcp_retransmissions_total", "Segments sent again.", kCounter,
     &WorkerStatistics::retransmissions},
    {"slipway_tcp_timeouts_total",
     "Times a retransmission timer expired, on connections that have ended.", kCounter,
     &WorkerStatistics::tcp_timeouts},
    {"slipway_tcp_tail_probes_total",
     "Tail loss probes: nothing was heard for two round trips, on connections that have ended.",
     kCounter, &WorkerStatistics::tail_probes},
    {"slipway_tcp_ecn_connections_total",
     "TCP connections opened with explicit congestion notification.", kCounter,
     &WorkerStatistics::ecn_connections},
    {"slipway_tcp_ecn_marks_total",
     "Segments of text that came with a congestion mark, on connections that have ended.", kCounter,
     &WorkerStatistics::ecn_marks},
    {"slipway_tcp_ecn_reductions_total",
     "Times a window was reduced for an echoed mark, on connections that have ended.", kCounter,
     &WorkerStatistics::ecn_reductions},
    {"slipway_payload_bytes_total", "Bytes of TCP streams sent.", kCounter,
     &WorkerStatistics::payload_bytes},
    {"slipway_borrowed_bytes_total", "Bytes sent from image memory without a copy.", kCounter,
     &WorkerStatistics::borrowed_bytes},
    {"slipway_busy_cycles_total", "TSC cycles of polls that found work.", kCounter,
     &WorkerStatistics::busy_cycles},
    {"slipway_idle_cycles_total", "TSC cycles of polls that found none.", kCounter,
     &WorkerStatistics::idle_cycles},
    {"slipway_polls_total", "Rounds of the worker.", kCounter, &WorkerStatistics::polls},
    {"slipway_busy_polls_total", "Rounds that found work.", kCounter,
     &WorkerStatistics::busy_polls},
    {"slipway_seal_sample_cycles_total",
     "TSC cycles of sealing (part of the step emit) in the rounds measured, one of 64.", kCounter,
     &WorkerStatistics::seal_sample_cycles},
    {"slipway_seal_sample_bytes_total", "Bytes sealed in the rounds measured, one of 64.", kCounter,
     &WorkerStatistics::seal_sample_bytes},
    {"slipway_sealed_bytes_total", "Bytes sent as TLS records.", kCounter,
     &WorkerStatistics::sealed_bytes},
    {"slipway_received_bytes_total", "Bytes of frames received from ports.", kCounter,
     &WorkerStatistics::received_bytes},
    {"slipway_sent_bytes_total", "Bytes of frames sent to ports.", kCounter,
     &WorkerStatistics::sent_bytes},
    {"slipway_handshakes_waiting", "TLS handshakes that wait for their next step.", kGauge,
     &WorkerStatistics::handshakes_waiting},
    {"slipway_outbox_frames", "Frames that wait for room in the ports' transmit rings.", kGauge,
     &WorkerStatistics::outbox_frames},
    {"slipway_outbox_peak_frames", "The most that waited in the last tenth of a second.", kGauge,
     &WorkerStatistics::outbox_peak},
    {"slipway_transmit_ring_full_total", "Bursts that a port's transmit ring did not take whole.",
     kCounter, &WorkerStatistics::transmit_ring_full},
    {"slipway_events_lost_total", "Events that found the queue to the control plane full.",
     kCounter, &WorkerStatistics::events_lost},
    {"slipway_pool_in_use_permille",
     "Packet memory in use, of the kind that is scarcest, in thousandths.", kGauge,
     &WorkerStatistics::pool_permille},
    {"slipway_frames_in_use", "Frames of the worker's pool in use.", kGauge,
     &WorkerStatistics::frames_in_use},
};

// Machines that wait for their turn or have it (dataplane/admission.h).
void CollectAdmission(const std::vector<WorkerStatistics>& workers,
                      std::vector<prometheus::MetricFamily>& families) {
  using dataplane::AdmissionStatistics;
  struct Metric {
    const char* name;
    const char* help;
    prometheus::MetricType type;
    std::uint64_t AdmissionStatistics::*field;
  };
  constexpr Metric kMetrics[] = {
      {"slipway_machines_served", "Machines served now.", kGauge, &AdmissionStatistics::serving},
      {"slipway_machines_served_at_most", "Machines served at once; 0: admission is off.", kGauge,
       &AdmissionStatistics::limit},
      {"slipway_machines_admitted_total", "Machines whose turn came.", kCounter,
       &AdmissionStatistics::admitted},
      {"slipway_machines_waited_total", "Machines whose turn came after waiting.", kCounter,
       &AdmissionStatistics::waited},
      {"slipway_machines_forced_total",
       "Machines let in before their turn, as their firmware's patience would have ended.",
       kCounter, &AdmissionStatistics::forced},
      {"slipway_machines_excused_total",
       "Machines that took far less than the others and are no longer counted.", kCounter,
       &AdmissionStatistics::excused},
  };
  for (const Metric& each : kMetrics) {
    Family family(each.name, each.help, each.type);
    for (std::size_t i = 0; i < workers.size(); ++i) {
      family.Add({{"worker", std::to_string(i)}}, workers[i].admission.*each.field);
    }
    families.push_back(std::move(family).family());
  }
  Family waiting("slipway_machines_waiting", "Machines that wait for their turn.", kGauge);
  Family expected("slipway_expected_wait_milliseconds",
                  "Until the turn of a machine that comes now; absent while it is not known.",
                  kGauge);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const AdmissionStatistics& now = workers[i].admission;
    const std::string worker = std::to_string(i);
    waiting.Add({{"worker", worker}, {"at", "offer"}}, now.waiting_at_offer);
    waiting.Add({{"worker", worker}, {"at", "syn"}}, now.waiting_at_syn);
    waiting.Add({{"worker", worker}, {"at", "server_hello"}}, now.waiting_at_server_hello);
    if (now.expected_wait_ms < 0) continue;
    expected.Add({{"worker", worker}}, static_cast<std::uint64_t>(now.expected_wait_ms));
  }
  families.push_back(std::move(waiting).family());
  families.push_back(std::move(expected).family());
}

void CollectAccess(Core& core, std::vector<prometheus::MetricFamily>& families) {
  Family days("slipway_certificate_days_left", "Whole days until a certificate ends; 0: it has.",
              kGauge);
  for (const CertificateState& each : core.certificates().All()) {
    const std::int64_t left = DaysLeft(each, std::time(nullptr));
    days.Add({{"certificate", each.name}},
             static_cast<std::uint64_t>(std::max<std::int64_t>(0, left)));
  }
  families.push_back(std::move(days).family());
  Family refused("slipway_certificates_refused",
                 "1: the last rotation was refused, and what is in use is older than its files.",
                 kGauge);
  refused.Add({}, core.certificates().refusal().empty() ? 0 : 1);
  families.push_back(std::move(refused).family());
  Family ended(
      "slipway_management_certificates_out_of_date",
      "Certificates of the operator's for management that have ended, or are yet to begin; "
      "another one that is valid is shown in their place, or our own.",
      kGauge);
  const auto chains = core.certificates().shown_chains();
  const auto valid = std::ranges::count_if(chains->brought, [](const ShownChain& chain) {
    return IsValidAt(chain, std::time(nullptr));
  });
  ended.Add({}, chains->brought.size() - static_cast<std::size_t>(valid));
  families.push_back(std::move(ended).family());
  Family trust("slipway_secure_boot_files_refused",
               "1: the files of what machines trust were changed and not taken.", kGauge);
  trust.Add({}, core.trust_refusal().empty() ? 0 : 1);
  families.push_back(std::move(trust).family());
  Family sets("slipway_assigned_image_sets_refused",
              "Image sets that machines are assigned to and that firmware under Secure Boot would "
              "refuse since what it trusts was changed; they stay served.",
              kGauge);
  sets.Add({}, core.AssignedAndRefused().size());
  families.push_back(std::move(sets).family());
  Family wrong("slipway_authentication_failures_total", "Requests with a wrong token.", kCounter);
  wrong.Add({}, core.throttle().failures());
  families.push_back(std::move(wrong).family());
  Family lockouts("slipway_authentication_lockouts_total",
                  "Times an address was locked out for showing wrong tokens.", kCounter);
  lockouts.Add({}, core.throttle().lockouts());
  families.push_back(std::move(lockouts).family());
  Family refused_requests("slipway_requests_refused_total",
                          "Requests beyond management.requests_per_second.", kCounter);
  refused_requests.Add({}, core.request_limit().refused());
  families.push_back(std::move(refused_requests).family());
}

void CollectSite(Core& core, std::vector<prometheus::MetricFamily>& families) {
  Family addresses("slipway_network_addresses", "Addresses of a network's pools.", kGauge);
  Family leased("slipway_network_leases", "Addresses that machines hold in a network now.", kGauge);
  const auto leases = core.leases().All();
  const auto config = core.served();
  const std::int64_t now = std::time(nullptr);
  for (const NetworkConfig& network : config->networks) {
    std::uint64_t size = 0;
    for (const AddressRange& pool : network.pools) size += pool.size();
    const auto held = std::ranges::count_if(leases, [&](const dhcp::Lease& lease) {
      return IsHeld(lease, now) && network.subnet.Contains(lease.address);
    });
    addresses.Add({{"network", network.name}}, size);
    leased.Add({{"network", network.name}}, static_cast<std::uint64_t>(held));
  }
  families.push_back(std::move(addresses).family());
  families.push_back(std::move(leased).family());
}

void CollectJournal(Core& core, std::vector<prometheus::MetricFamily>& families) {
  const JournalHealth& health = core.journal_health();
  Family failing("slipway_lease_journal_failing",
                 "1 while leases cannot be written to the disk, so that no address is given.",
                 kGauge);
  failing.Add({}, health.is_failing() ? 1 : 0);
  families.push_back(std::move(failing).family());
  Family failures("slipway_lease_journal_failures_total",
                  "Tries to write leases to the disk that failed.", kCounter);
  failures.Add({}, health.failures());
  families.push_back(std::move(failures).family());
}

void CollectHeld(Core& core, std::vector<prometheus::MetricFamily>& families) {
  const HeldMachines::Counts counts = core.held().counts();
  Family held(
      "slipway_machines_held",
      "Machines that were held when they asked last, and neither approved nor answered since.",
      kGauge);
  held.Add({}, counts.kept);
  families.push_back(std::move(held).family());
  Family pushed_out("slipway_machines_held_pushed_out_total",
                    "Machines that left the list of those held, as others asked later.", kCounter);
  pushed_out.Add({}, counts.pushed_out);
  families.push_back(std::move(pushed_out).family());
}

void CollectStreams(Core& core, std::vector<prometheus::MetricFamily>& families) {
  const StreamLedger::Counts streams = core.streams().counts();
  Family open("slipway_event_streams", "Event streams open now.", kGauge);
  open.Add({}, streams.now);
  families.push_back(std::move(open).family());
  Family refused("slipway_event_streams_refused_total",
                 "Event streams refused, as there were as many as may be.", kCounter);
  refused.Add({}, streams.refused);
  families.push_back(std::move(refused).family());
  Family ended("slipway_event_streams_ended_total",
               "Event streams that ended, by reason; slow: the reader was dropped.", kCounter);
  for (std::size_t i = 0; i < streams.ended.size(); ++i) {
    ended.Add({{"reason", std::string(kStreamEndNames[i])}}, streams.ended[i]);
  }
  families.push_back(std::move(ended).family());
}

void CollectWebhooks(const Webhooks& webhooks, std::vector<prometheus::MetricFamily>& families) {
  const auto states = webhooks.States();
  if (!states.ok()) return;
  Family messages(
      "slipway_webhook_messages_total",
      "Messages to webhooks: delivered, given up after an hour of tries, or overflowed, "
      "as too many waited.",
      kCounter);
  Family failures("slipway_webhook_failures_total", "Tries to deliver that failed.", kCounter);
  Family waiting("slipway_webhook_waiting", "Messages that wait to be delivered.", kGauge);
  for (const auto& [webhook, counts] : *states) {
    const std::string& name = webhook.name;
    messages.Add({{"webhook", name}, {"outcome", "delivered"}}, counts.delivered);
    messages.Add({{"webhook", name}, {"outcome", "given_up"}}, counts.given_up);
    messages.Add({{"webhook", name}, {"outcome", "overflowed"}}, counts.overflowed);
    failures.Add({{"webhook", name}}, counts.failures);
    waiting.Add({{"webhook", name}}, counts.waiting);
  }
  families.push_back(std::move(messages).family());
  families.push_back(std::move(failures).family());
  families.push_back(std::move(waiting).family());
}

std::vector<prometheus::MetricFamily> Collect(Core& core) {
  std::vector<prometheus::MetricFamily> families;
  const auto workers = core.statistics();
  for (const WorkerMetric& each : kWorkerMetrics) {
    Family family(each.name, each.help, each.type);
    for (std::size_t i = 0; i < workers.size(); ++i) {
      family.Add({{"worker", std::to_string(i)}}, workers[i].*each.field);
    }
    families.push_back(std::move(family).family());
  }
  Family drops("slipway_drops_total", "Frames not served, by reason.", kCounter);
  Family steps("slipway_step_frames_total", "Frames that entered a step.", kCounter);
  Family cycles(
      "slipway_step_cycles_total",
      "TSC cycles of a step, in rounds that found work; divide by slipway_payload_bytes_total "
      "or slipway_step_frames_total.",
      kCounter);
  Family receive_bursts("slipway_receive_burst_frames", "Frames a port gave in one round.",
                        prometheus::MetricType::Histogram);
  Family transmit_bursts("slipway_transmit_burst_frames", "Frames a port took in one round.",
                         prometheus::MetricType::Histogram);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    receive_bursts.Add({{"worker", std::to_string(i)}}, workers[i].receive_bursts);
    transmit_bursts.Add({{"worker", std::to_string(i)}}, workers[i].transmit_bursts);
    for (const DropDescription& drop : kDropDescriptions) {
      const std::uint64_t count = workers[i].drops[drop.drop];
      if (drop.drop == Drop::kNone || count == 0) continue;
      drops.Add({{"worker", std::to_string(i)}, {"reason", std::string(drop.name)}}, count);
    }
    for (std::size_t step = 0; step < dataplane::kStepNames.size(); ++step) {
      steps.Add({{"worker", std::to_string(i)}, {"step", std::string(dataplane::kStepNames[step])}},
                workers[i].steps[step].in);
      cycles.Add(
          {{"worker", std::to_string(i)}, {"step", std::string(dataplane::kStepNames[step])}},
          workers[i].steps[step].cycles);
    }
  }
  families.push_back(std::move(drops).family());
  families.push_back(std::move(steps).family());
  families.push_back(std::move(cycles).family());
  families.push_back(std::move(receive_bursts).family());
  families.push_back(std::move(transmit_bursts).family());
  CollectAdmission(workers, families);
  CollectBoots(core, families);
  CollectAccess(core, families);
  CollectSite(core, families);
  CollectJournal(core, families);
  CollectHeld(core, families);
  CollectStreams(core, families);
  return families;
}

}  // namespace

void AddMetrics(Router& router, Core& core, Webhooks& webhooks) {
  router.Get("/metrics", [&](const httplib::Request&, httplib::Response& response) {
    auto families = Collect(core);
    CollectWebhooks(webhooks, families);
    response.set_content(prometheus::TextSerializer().Serialize(families),
                         "text/plain; version=0.0.4");
  });
}

}  // namespace slipway::control
