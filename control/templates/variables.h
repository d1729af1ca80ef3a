// SPDX-License-Identifier: Apache-2.0
//
// Variables: what a template may say of a machine. In this order:
//
//   the machine's own variables
//   those of the rules that mean it, in their order, whichever of them decides what it boots; a
//     rule that asks for what only a DHCP message says is left out
//   facts: mac, uuid, serial, name, label.KEY, address, image, image.digest, image.path, boot.host,
//     boot.https, boot.http, machine.path, network.name, .subnet, .netmask, .router, .dns, .domain
//
// A fact that depends on what the machine has not said yet is not known: its image set where a rule
// asks for its architecture, its network where there are several and it has no reservation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "control/serve/boot_rules.h"

namespace slipway::control {

struct VariableInputs {
  const Config& config;
  std::span<const Rule> rules;  // in their order
  std::span<const Rollout> rollouts;
  const std::vector<ImageSet>& sets;
};

// What is the same for all machines; the inputs must live longer.
class SiteVariables {
 public:
  explicit SiteVariables(const VariableInputs& inputs);

 private:
  friend class MachineVariables;
  struct Reservation {
    const NetworkConfig* network = nullptr;
    Ipv4Address address;
  };

  VariableInputs inputs_;
  BootRules boot_;
  std::vector<const Rule*> rules_;                             // that have variables
  std::unordered_map<std::string, Reservation> reservations_;  // by the text of MAC or UUID
};

class MachineVariables {
 public:
  // Both must live longer.
  MachineVariables(const SiteVariables& site, const Machine& machine);

  const MachineFacts& facts() const { return facts_; }
  std::optional<std::string> Find(const std::string& name) const;
  // What to do about one that is not known.
  std::string Remedy(const std::string& name) const;

 private:
  std::optional<std::string> Fact(const std::string& name) const;
  std::optional<std::string> ImageFact(const std::string& name) const;
  std::optional<std::string> BootFact(const std::string& name) const;
  std::optional<std::string> NetworkFact(const std::string& name) const;
  const SiteVariables::Reservation* ReservationOf() const;
  const NetworkConfig* Network() const;  // null: not known
  // The rules are put to a machine once, however often its documents say what it boots.
  struct Booted {
    std::optional<ImageSetName> name;   // nullopt: not known, or nothing
    const ImageSet* version = nullptr;  // null: none of that name
  };
  const Booted& WhatItBoots() const;

  const SiteVariables& site_;
  const Machine& machine_;
  const MachineFacts facts_;
  mutable std::optional<Booted> booted_;  // of one thread, as the whole
  std::vector<const Rule*> rules_;        // that mean it
};

// "52:54:00:12:34:56", or the UUID of a machine that has no MAC in the catalog.
std::string KeyOf(const Machine& machine);

}  // namespace slipway::control
