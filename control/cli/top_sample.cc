// SPDX-License-Identifier: Apache-2.0
#include "control/cli/top_sample.h"

#include <algorithm>
#include <map>

namespace slipway::control {
namespace {

using nlohmann::json;

// The value at a path of names; 0 when it is not there or no number.
double At(const json& object, std::initializer_list<const char*> path) {
  const json* here = &object;
  for (const char* name : path) {
    const auto found = here->is_object() ? here->find(name) : here->end();
    if (!here->is_object() || found == here->end()) return 0;
    here = &*found;
  }
  return here->is_number() ? here->get<double>() : 0;
}

std::uint64_t Count(const json& object, std::initializer_list<const char*> path) {
  return static_cast<std::uint64_t>(std::max(0.0, At(object, path)));
}

// One worker, twice.
class Pair {
 public:
  Pair(const json& before, const json& after) : before_(before), after_(after) {
    // Its clock starts anew with the daemon.
    if (At(after, {"at"}) < At(before, {"at"})) from_zero_ = true;
    seconds_ = Growth({"at"});
  }

  double seconds() const { return seconds_; }
  double Growth(std::initializer_list<const char*> path) const {
    const double was = from_zero_ ? 0 : At(before_, path);
    return std::max(0.0, At(after_, path) - was);
  }
  double PerSecond(std::initializer_list<const char*> path) const {
    return seconds_ > 0 ? Growth(path) / seconds_ : 0;
  }

 private:
  const json& before_;
  const json& after_;
  bool from_zero_ = false;
  double seconds_ = 0;
};

double Ratio(double of, double to) { return to > 0 ? of / to : 0; }

double SumOf(const json& list) {
  double sum = 0;
  for (const json& each : list) sum += each.is_number() ? each.get<double>() : 0;
  return sum;
}

// How many bursts there were: each stands in one bucket.
double Bursts(const json& worker, const char* way) {
  if (!worker.contains(way) || !worker[way].contains("bursts")) return 0;
  return SumOf(worker[way]["bursts"]);
}

void TakeSteps(const Pair& pair, TopWorker& worker) {
  const double busy = pair.Growth({"cycles", "busy"});
  std::array<double, kTopSteps.size()> cycles{};
  for (std::size_t i = 0; i < kTopSteps.size(); ++i) {
    cycles[i] = pair.Growth({"steps", kTopSteps[i].data(), "cycles"});
  }
  // Measured in one round of 64, and part of emit.
  constexpr std::size_t kEmit = 4;
  constexpr std::size_t kSeal = 5;
  const double each =
      Ratio(pair.Growth({"seal_sample", "cycles"}), pair.Growth({"seal_sample", "bytes"}));
  cycles[kSeal] = std::min(cycles[kEmit], each * pair.Growth({"sent", "payload_bytes"}));
  cycles[kEmit] -= cycles[kSeal];
  for (std::size_t i = 0; i < cycles.size(); ++i) worker.step_shares[i] = Ratio(cycles[i], busy);
}

TopWorker WorkerBetween(const json& before, const json& after) {
  const Pair pair(before, after);
  TopWorker worker;
  worker.worker = Count(after, {"worker"});
  worker.seconds = pair.seconds();
  const double busy = pair.Growth({"cycles", "busy"});
  worker.load = Ratio(busy, busy + pair.Growth({"cycles", "idle"}));
  worker.bits_in = 8 * pair.PerSecond({"received", "bytes"});
  worker.bits_out = 8 * pair.PerSecond({"sent", "bytes"});
  worker.packets_in = pair.PerSecond({"received", "frames"});
  worker.packets_out = pair.PerSecond({"sent", "frames"});
  const double payload = pair.Growth({"sent", "payload_bytes"});
  worker.payload_bits = 8 * pair.PerSecond({"sent", "payload_bytes"});
  worker.sealed_share = Ratio(pair.Growth({"sent", "sealed_bytes"}), payload);
  const double frames = pair.Growth({"received", "frames"}) + pair.Growth({"sent", "frames"});
  worker.cycles_per_packet = Ratio(busy, frames);
  worker.cycles_per_byte = Ratio(busy, payload);
  TakeSteps(pair, worker);
  const bool anew = At(after, {"at"}) < At(before, {"at"});
  const double bursts_in = Bursts(after, "received") - (anew ? 0 : Bursts(before, "received"));
  const double bursts_out = Bursts(after, "sent") - (anew ? 0 : Bursts(before, "sent"));
  worker.burst_in = Ratio(pair.Growth({"received", "frames"}), bursts_in);
  worker.burst_out = Ratio(pair.Growth({"sent", "frames"}), bursts_out);
  worker.outbox = Count(after, {"outbox", "frames"});
  worker.outbox_peak = Count(after, {"outbox", "peak"});
  worker.outbox_limit = Count(after, {"outbox", "limit"});
  worker.ring_full = std::min(1.0, Ratio(pair.Growth({"outbox", "ring_full"}), bursts_out));
  worker.pool = At(after, {"pool", "permille"}) / 1000;
  worker.connections = Count(after, {"connections", "open"});
  worker.opened = pair.PerSecond({"connections", "opened"});
  worker.handshakes = pair.PerSecond({"handshakes", "finished"});
  worker.handshakes_waiting = Count(after, {"handshakes", "waiting"});
  worker.retransmissions = pair.PerSecond({"sent", "retransmissions"});
  worker.events_lost = pair.PerSecond({"events_lost"});
  return worker;
}

void TakeDrops(const json& before, const json& after, std::map<std::string, TopDrop>& drops) {
  const Pair pair(before, after);
  if (!after.contains("drops")) return;
  for (const auto& [name, drop] : after["drops"].items()) {
    TopDrop& sum = drops[name];
    sum.name = name;
    sum.severity = drop.value("severity", "");
    sum.sentence = drop.value("sentence", "");
    sum.count += Count(drop, {"count"});
    sum.per_second += pair.PerSecond({"drops", name.c_str(), "count"});
  }
}

TopBoots BootsOf(const json& sample) {
  TopBoots boots{.under_way = Count(sample, {"boots", "under_way"}),
                 .waiting = Count(sample, {"boots", "waiting"}),
                 .complete = Count(sample, {"boots", "complete"}),
                 .failed = Count(sample, {"boots", "failed"}),
                 .abandoned = Count(sample, {"boots", "abandoned"}),
                 .wait_seconds = {}};
  if (sample.contains("boots") && sample["boots"].contains("wait_seconds")) {
    boots.wait_seconds = At(sample, {"boots", "wait_seconds"});
  }
  return boots;
}

}  // namespace

std::optional<TopView> ViewBetween(const json& before, const json& sample) {
  if (!sample.is_object() || !sample.contains("workers") || !sample["workers"].is_array()) {
    return std::nullopt;
  }
  TopView view;
  view.boots = BootsOf(sample);
  std::map<std::string, TopDrop> drops;
  const json none = json::object();
  double longest = 0;
  for (std::size_t i = 0; i < sample["workers"].size(); ++i) {
    const json& after = sample["workers"][i];
    const bool known = before.is_object() && before.contains("workers") &&
                       before["workers"].is_array() && i < before["workers"].size();
    // Without an earlier sample: since the worker's start.
    const json& earlier = known ? before["workers"][i] : none;
    view.workers.push_back(WorkerBetween(earlier, after));
    TakeDrops(earlier, after, drops);
    longest = std::max(longest, view.workers.back().seconds);
  }
  const double complete_before = At(before, {"boots", "complete"});
  const double complete = static_cast<double>(view.boots.complete);
  view.finished_per_second =
      Ratio(complete >= complete_before ? complete - complete_before : complete, longest);
  for (auto& [name, drop] : drops) view.drops.push_back(std::move(drop));
  std::ranges::stable_sort(view.drops, [](const TopDrop& a, const TopDrop& b) {
    return a.per_second != b.per_second ? a.per_second > b.per_second : a.count > b.count;
  });
  return view;
}

json ToJson(const TopView& view) {
  json out = {{"boots",
               {{"under_way", view.boots.under_way},
                {"waiting", view.boots.waiting},
                {"complete", view.boots.complete},
                {"failed", view.boots.failed},
                {"abandoned", view.boots.abandoned},
                {"finished_per_second", view.finished_per_second}}},
              {"workers", json::array()},
              {"drops", json::array()}};
  if (view.boots.wait_seconds) out["boots"]["wait_seconds"] = *view.boots.wait_seconds;
  for (const TopWorker& worker : view.workers) {
    json steps = json::object();
    for (std::size_t i = 0; i < kTopSteps.size(); ++i) {
      steps[std::string(kTopSteps[i])] = worker.step_shares[i];
    }
    out["workers"].push_back({{"worker", worker.worker},
                              {"seconds", worker.seconds},
                              {"load", worker.load},
                              {"bits_per_second_in", worker.bits_in},
                              {"bits_per_second_out", worker.bits_out},
                              {"packets_per_second_in", worker.packets_in},
                              {"packets_per_second_out", worker.packets_out},
                              {"payload_bits_per_second", worker.payload_bits},
                              {"sealed_share", worker.sealed_share},
                              {"cycles_per_packet", worker.cycles_per_packet},
                              {"cycles_per_byte", worker.cycles_per_byte},
                              {"step_shares", steps},
                              {"burst_in", worker.burst_in},
                              {"burst_out", worker.burst_out},
                              {"outbox", worker.outbox},
                              {"outbox_peak", worker.outbox_peak},
                              {"outbox_limit", worker.outbox_limit},
                              {"ring_full_share", worker.ring_full},
                              {"pool_share", worker.pool},
                              {"connections", worker.connections},
                              {"opened_per_second", worker.opened},
                              {"handshakes_per_second", worker.handshakes},
                              {"handshakes_waiting", worker.handshakes_waiting},
                              {"retransmissions_per_second", worker.retransmissions},
                              {"events_lost_per_second", worker.events_lost}});
  }
  for (const TopDrop& drop : view.drops) {
    out["drops"].push_back({{"name", drop.name},
                            {"severity", drop.severity},
                            {"sentence", drop.sentence},
                            {"count", drop.count},
                            {"per_second", drop.per_second}});
  }
  return out;
}

}  // namespace slipway::control
