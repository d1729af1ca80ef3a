// SPDX-License-Identifier: Apache-2.0
#include "control/serve/held_machines.h"

#include <algorithm>
#include <utility>

#include "control/boots/firmware.h"
#include "control/boots/words.h"
#include "control/decided_by.h"
#include "control/policy/decide.h"
#include "protocols/base/drop.h"
#include "protocols/dhcp/condition.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

// The question that was not answered; null: it is not in the story.
const BootStep* QuestionIn(const Boot& boot) {
  const auto step = std::find_if(boot.steps.rbegin(), boot.steps.rend(), [](const BootStep& each) {
    return each.kind == EventKind::kDhcpDiscover || each.kind == EventKind::kDhcpRequest;
  });
  return step == boot.steps.rend() ? nullptr : &*step;
}

// What wants to boot and is offered something waits no more. The system of a held machine, which is
// no boot client, gets its address all the same.
bool IsAnswer(const Boot& boot, const BootStep& step) {
  if (step.kind != EventKind::kDhcpOffer) return false;
  const BootStep* const question = QuestionIn(boot);
  return question != nullptr && IsBootClient(question->text);
}

std::string_view ArchitectureOf(std::int64_t code) {
  if (code < 0 || code > 0xffff) return "";
  return dhcp::ArchitectureWord(static_cast<std::uint16_t>(code));
}

std::string AddressText(Ipv4Address address) {
  return address.is_unspecified() ? "" : address.ToString();
}

}  // namespace

nlohmann::json ToJson(const HeldMachine& held, const Config& config) {
  const auto network = std::ranges::find_if(config.networks, [&](const NetworkConfig& each) {
    return !held.network.is_unspecified() && each.subnet.Contains(held.network);
  });
  const auto seconds = [](std::int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e9;
  };
  return {{"mac", held.mac.ToString()},
          {"uuid", held.uuid.is_set() ? held.uuid.ToString() : ""},
          {"architecture", ArchitectureOf(held.architecture)},
          {"client", ClientOf(held.question)},
          {"vendor_class", VendorClassOf(held.question)},
          {"network", network == config.networks.end() ? "" : network->name},
          {"relay", AddressText(held.relay)},
          {"rule", held.rule},
          {"first_asked", seconds(held.first_unix_nanoseconds)},
          {"last_asked", seconds(held.last_unix_nanoseconds)},
          {"asked", held.asked}};
}

bool IsHeldByRule(const HeldMachine& held, const std::vector<Rule>& rules, const Machine* machine) {
  return std::ranges::any_of(Candidates(rules, machine), [&](const Candidate& each) {
    return each.rule != nullptr && each.rule->action == RuleAction::kHold &&
           each.rule->name == held.rule;
  });
}

const HeldMachine* HeldMachines::Note(const Boot& boot, const BootStep& step, bool& is_new) {
  const bool is_held = step.kind == EventKind::kDhcpIgnored &&
                       step.number == static_cast<std::int64_t>(Drop::kDhcpHeld);
  const std::string_view rule = is_held ? FactText(step.text, "rule") : std::string_view();
  const auto known = by_mac_.find(boot.mac.value());
  if (known != by_mac_.end() && IsAnswer(boot, step)) {
    machines_.erase(known->second);
    by_mac_.erase(known);
    return nullptr;
  }
  if (rule.empty() || rule == kOwnRecord) return nullptr;
  is_new = known == by_mac_.end();
  if (is_new) {
    machines_.push_front({.mac = boot.mac, .first_unix_nanoseconds = step.unix_nanoseconds});
    by_mac_.emplace(boot.mac.value(), machines_.begin());
  } else {
    machines_.splice(machines_.begin(), machines_, known->second);
  }
  HeldMachine& held = machines_.front();
  held.rule = rule;
  if (const auto uuid = Uuid::Parse(FactText(step.text, "uuid"))) held.uuid = *uuid;
  held.network = Ipv4Address(static_cast<std::uint32_t>(step.extra));
  if (const BootStep* question = QuestionIn(boot)) {
    held.architecture = question->number;
    held.question = question->text;
    held.relay = Ipv4Address(static_cast<std::uint32_t>(question->extra));
  }
  held.last_unix_nanoseconds = std::max(held.last_unix_nanoseconds, step.unix_nanoseconds);
  ++held.asked;
  if (machines_.size() > kMost) {
    by_mac_.erase(machines_.back().mac.value());
    machines_.pop_back();
    ++pushed_out_;
  }
  return &held;
}

std::optional<HeldMachines::News> HeldMachines::Take(const Boot& boot, const BootStep& step,
                                                     Time now) {
  const std::scoped_lock lock(mutex_);
  bool is_new = false;
  const HeldMachine* const held = Note(boot, step, is_new);
  if (held == nullptr || !is_new) return std::nullopt;
  if (!news_.Take(now)) {
    ++untold_;
    return std::nullopt;
  }
  return News{*held, std::exchange(untold_, 0)};
}

void HeldMachines::Restore(const Boot& boot) {
  const std::scoped_lock lock(mutex_);
  bool is_new = false;
  for (const BootStep& step : boot.steps) static_cast<void>(Note(boot, step, is_new));
}

void HeldMachines::Forget(const Machine& machine) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(machines_, [&](const HeldMachine& held) {
    const bool is_it = (machine.mac && held.mac == *machine.mac) ||
                       (machine.uuid && held.uuid.is_set() && held.uuid == *machine.uuid);
    if (is_it) by_mac_.erase(held.mac.value());
    return is_it;
  });
}

std::vector<HeldMachine> HeldMachines::All() const {
  const std::scoped_lock lock(mutex_);
  return {machines_.begin(), machines_.end()};
}

HeldMachines::Counts HeldMachines::counts() const {
  const std::scoped_lock lock(mutex_);
  return {machines_.size(), pushed_out_};
}

}  // namespace slipway::control
