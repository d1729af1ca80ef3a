// SPDX-License-Identifier: Apache-2.0
//
// The appliance itself: GET /health, /status, /drops; and what kinds of problems mean.
#include <algorithm>
#include <ctime>

#include "control/rest/openapi.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

void ReplyDrops(const httplib::Request& request, httplib::Response& response, Core& core) {
  DropCounters sum;
  for (const auto& worker : core.statistics()) {
    for (std::size_t i = 0; i < kDropCount; ++i) sum.counts[i] += worker.drops.counts[i];
  }
  nlohmann::json list = nlohmann::json::array();
  for (const DropDescription& drop : kDropDescriptions) {
    if (drop.drop == Drop::kNone || sum[drop.drop] == 0) continue;
    list.push_back({{"name", drop.name},
                    {"count", sum[drop.drop]},
                    {"severity", drop.severity == DropSeverity::kNormal ? "normal"
                                 : drop.severity == DropSeverity::kPeer ? "peer"
                                                                        : "load"},
                    {"sentence", drop.sentence}});
  }
  ReplyPage(request, response, std::move(list), "name");
}

constexpr std::string_view kNoLeases =
    "leases cannot be written, so no address is given; make room on the state directory's disk, "
    "slipwayd's log says what is wrong";

// What an operator should know before it hurts.
nlohmann::json Warnings(Core& core) {
  nlohmann::json warnings = nlohmann::json::array();
  if (core.journal_health().is_failing()) warnings.push_back(kNoLeases);
  const std::int64_t now = std::time(nullptr);
  const CaPhase phase = core.certificates().authorities()->phase;
  for (const CertificateState& each : core.certificates().All()) {
    const std::int64_t days = DaysLeft(each, now);
    if (days >= WarnDays(each)) continue;
    warnings.push_back(
        Text("certificate ", each.name, days < 0 ? " has expired" : " ends in ",
             days < 0 ? "" : std::to_string(days), days < 0 ? "" : " days", "; ",
             each.is_ours ? "'slipway cert rotate' issues it anew" : EndRemedy(each, phase)));
  }
  if (const std::string why = core.certificates().refusal(); !why.empty()) {
    warnings.push_back(
        Text("the last rotation of certificates was refused, and those of before are ",
             "in use: ", why, "; then 'slipway cert rotate'"));
  }
  if (const std::string why = core.trust_refusal(); !why.empty()) {
    warnings.push_back(
        Text("what machines trust was not read again, and image sets are judged by what it was ",
             "before: ", why, "; then 'slipway secure-boot recheck'"));
  }
  if (const auto sets = core.AssignedAndRefused(); !sets.empty()) {
    warnings.push_back(Text("firmware under Secure Boot came to refuse image sets that machines ",
                            "are assigned to: ", Join(sets, ", "), "; 'slipway image show ",
                            sets.front(), "' says why; they stay served"));
  }
  for (std::string& each : core.image_store().LeftOut()) warnings.push_back(std::move(each));
  if (const std::size_t failures = core.documents()->failures(); failures != 0) {
    warnings.push_back(Text(failures, " documents of machines cannot be made; see 'slipway ",
                            "template list', and 'slipway template show NAME' for why"));
  }
  // Of a release that let them in.
  const auto sets = core.Images();
  for (const ImageSet& set : sets.ok() ? *sets : std::vector<ImageSet>()) {
    if (CheckNewName(set.reference).ok()) continue;
    warnings.push_back(Text("image set ", set.reference, " hides documents of machines; import it ",
                            "under another name, and remove it: 'slipway image rm ", set.reference,
                            "'"));
  }
  return warnings;
}

}  // namespace

void AddSystem(Router& router, Core& core) {
  router.Get("/api/v1/health", [&core](const httplib::Request&, httplib::Response& response) {
    if (core.journal_health().is_failing()) return ReplyProblem(response, 503, kNoLeases);
    Reply(response, {{"status", "serving"}});
  });
  router.Get("/api/v1/status", [&core](const httplib::Request&, httplib::Response& response) {
    const OutcomeCounts boots = core.timelines().counts();
    std::uint64_t connections = 0;
    std::uint64_t bytes = 0;
    dataplane::AdmissionStatistics admission;
    for (const auto& worker : core.statistics()) {
      connections += worker.connections;
      bytes += worker.payload_bytes;
      admission.limit += worker.admission.limit;
      admission.serving += worker.admission.serving;
      admission.waiting_at_offer += worker.admission.waiting_at_offer;
      admission.waiting_at_syn += worker.admission.waiting_at_syn;
      admission.waiting_at_server_hello += worker.admission.waiting_at_server_hello;
      admission.expected_wait_ms =
          std::max(admission.expected_wait_ms, worker.admission.expected_wait_ms);
    }
    const auto sets = core.Images();
    Reply(response, {{"status", "serving"},
                     {"workers", core.statistics().size()},
                     {"connections", connections},
                     {"bytes_sent", bytes},
                     {"machines_served", admission.serving},
                     {"machines_served_at_most", admission.limit},
                     {"machines_waiting", admission.waiting_at_offer + admission.waiting_at_syn +
                                              admission.waiting_at_server_hello},
                     {"expected_wait_seconds",
                      admission.expected_wait_ms < 0
                          ? nlohmann::json(nullptr)
                          : nlohmann::json((admission.expected_wait_ms + 999) / 1000)},
                     {"image_sets", sets.ok() ? sets->size() : 0},
                     {"boots_complete", boots.complete},
                     {"boots_failed", boots.failed},
                     {"boots_abandoned", boots.abandoned},
                     {"warnings", Warnings(core)}});
  });
  router.Get("/api/v1/drops",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyDrops(request, response, core);
             });
  router.Get("/api/v1/openapi.json", [](const httplib::Request&, httplib::Response& response) {
    Reply(response, OpenApi());
  });
  router.Get("/problems/{kind}", [](const httplib::Request& request, httplib::Response& response) {
    for (const ProblemKind& problem : ProblemKinds()) {
      if (problem.kind != request.matches[1].str()) continue;
      return Reply(response, {{"type", "/problems/" + std::string(problem.kind)},
                              {"title", problem.title},
                              {"status", problem.status},
                              {"remedy", problem.remedy}});
    }
    ReplyProblem(response, 404, "no such kind of problem; docs/api.md lists them");
  });
}

}  // namespace slipway::control
