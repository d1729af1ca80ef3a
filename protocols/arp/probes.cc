// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/probes.h"

#include <algorithm>

namespace slipway::arp {
namespace {

constexpr std::uint8_t kProbes = 2;
constexpr Duration kProbeInterval = std::chrono::milliseconds(150);

}  // namespace

bool Probes::Start(Ipv4Address address, Time now) {
  if (std::ranges::find(running_, address, &Running::address) != running_.end()) return true;
  if (running_.size() == running_.capacity()) return false;
  running_.push_back({.address = address, .in_use_by = {}, .sent = 0, .ended = false, .due = now});
  return true;
}

bool Probes::Receive(const Packet& packet) {
  const Ipv4Address about = packet.is_probe() ? packet.target_ip : packet.sender_ip;
  const auto found = std::ranges::find(running_, about, &Running::address);
  if (found == running_.end() || found->ended) return false;
  found->in_use_by = packet.sender_mac;
  found->ended = true;
  return true;
}

std::optional<Packet> Probes::Emit(Time now) {
  for (Running& probe : running_) {
    if (probe.ended || probe.sent == kProbes || now < probe.due) continue;
    ++probe.sent;
    probe.due = now + kProbeInterval;
    return Packet{.operation = Operation::kRequest,
                  .sender_mac = mac_,
                  .sender_ip = {},
                  .target_mac = {},
                  .target_ip = probe.address};
  }
  return std::nullopt;
}

void Probes::Expire(Time now) {
  for (Running& probe : running_) {
    if (probe.sent == kProbes && now >= probe.due) probe.ended = true;
  }
}

Time Probes::Deadline() const {
  Time deadline = kNever;
  for (const Running& probe : running_) {
    if (!probe.ended) deadline = std::min(deadline, probe.due);
  }
  return deadline;
}

std::optional<ProbeOutcome> Probes::TakeOutcome() {
  const auto ended = std::ranges::find(running_, true, &Running::ended);
  if (ended == running_.end()) return std::nullopt;
  const ProbeOutcome outcome{ended->address, ended->in_use_by};
  running_.erase(ended);
  return outcome;
}

}  // namespace slipway::arp
