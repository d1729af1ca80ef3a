// SPDX-License-Identifier: Apache-2.0
//
// Workers: GET /workers, what each has counted since its start, for programs that make rates of
// two answers (slipway top). "at" is the worker's own clock, in seconds, when it posted (ten times
// a second). Frames and bytes are the ports'; bursts[i] counts bursts of 2^i to 2^(i+1) - 1 frames.
// Drops that never happened are left out. Names stay; new ones may come.
#include "control/rest/routes.h"

namespace slipway::control {
namespace {

using dataplane::WorkerStatistics;

std::string_view Name(DropSeverity severity) {
  switch (severity) {
    case DropSeverity::kNormal:
      return "normal";
    case DropSeverity::kPeer:
      return "peer";
    case DropSeverity::kLoad:
      break;
  }
  return "load";
}

nlohmann::json StepsOf(const WorkerStatistics& worker) {
  nlohmann::json steps = nlohmann::json::object();
  for (std::size_t i = 0; i < dataplane::kStepNames.size(); ++i) {
    steps[std::string(dataplane::kStepNames[i])] = {{"in", worker.steps[i].in},
                                                    {"out", worker.steps[i].out},
                                                    {"cycles", worker.steps[i].cycles}};
  }
  return steps;
}

nlohmann::json DropsOf(const WorkerStatistics& worker) {
  nlohmann::json drops = nlohmann::json::object();
  for (const DropDescription& drop : kDropDescriptions) {
    const std::uint64_t count = worker.drops[drop.drop];
    if (drop.drop == Drop::kNone || count == 0) continue;
    drops[std::string(drop.name)] = {
        {"count", count}, {"severity", Name(drop.severity)}, {"sentence", drop.sentence}};
  }
  return drops;
}

nlohmann::json ToJson(std::size_t index, const WorkerStatistics& worker) {
  return {
      {"worker", index},
      {"at", 1e-9 * static_cast<double>(worker.posted_nanoseconds)},
      {"cycles", {{"busy", worker.busy_cycles}, {"idle", worker.idle_cycles}}},
      {"rounds", {{"all", worker.polls}, {"busy", worker.busy_polls}}},
      {"steps", StepsOf(worker)},
      {"seal_sample", {{"cycles", worker.seal_sample_cycles}, {"bytes", worker.seal_sample_bytes}}},
      {"received",
       {{"frames", worker.receive_bursts.frames},
        {"bytes", worker.received_bytes},
        {"bursts", worker.receive_bursts.counts}}},
      {"sent",
       {{"frames", worker.transmit_bursts.frames},
        {"bytes", worker.sent_bytes},
        {"bursts", worker.transmit_bursts.counts},
        {"payload_bytes", worker.payload_bytes},
        {"sealed_bytes", worker.sealed_bytes},
        {"borrowed_bytes", worker.borrowed_bytes},
        {"retransmissions", worker.retransmissions}}},
      {"outbox",
       {{"frames", worker.outbox_frames},
        {"peak", worker.outbox_peak},
        {"limit", worker.outbox_limit},
        {"ring_full", worker.transmit_ring_full}}},
      {"pool", {{"used", worker.frames_in_use}, {"permille", worker.pool_permille}}},
      {"connections", {{"open", worker.connections}, {"opened", worker.connections_opened}}},
      {"handshakes", {{"finished", worker.handshakes}, {"waiting", worker.handshakes_waiting}}},
      {"events_lost", worker.events_lost},
      {"drops", DropsOf(worker)}};
}

}  // namespace

void AddWorkers(Router& router, Core& core) {
  router.Get("/api/v1/workers", [&core](const httplib::Request&, httplib::Response& response) {
    const OutcomeCounts boots = core.timelines().counts();
    nlohmann::json answer = {{"boots",
                              {{"under_way", boots.under_way},
                               {"complete", boots.complete},
                               {"failed", boots.failed},
                               {"abandoned", boots.abandoned}}},
                             {"workers", nlohmann::json::array()}};
    const auto workers = core.statistics();
    for (std::size_t i = 0; i < workers.size(); ++i) {
      answer["workers"].push_back(ToJson(i, workers[i]));
    }
    Reply(response, answer);
  });
}

}  // namespace slipway::control
