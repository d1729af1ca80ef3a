// SPDX-License-Identifier: Apache-2.0
//
// Selector: which machines are meant, in a line of text. Requirements with commas between them, all
// of which must hold:
//
//   arch=x64                  the fact has this value; '*' stands for any text
//   mac!=52:54:00:*           it has not
//   rack in (a1, a2)          one of these;  "rack notin (a1, a2)": none of these
//   retired                   the machine has this label;  "!retired": it has not
//
// Facts: mac, uuid, client-id, circuit-id, remote-id, arch, client, vendor-class, network,
// dhcp-fingerprint (what a DHCP message says: protocols/dhcp/condition.h), and of machines in the
// catalog: name, serial, group, tcp-fingerprint, tls-fingerprint (as last seen: seen_firmware.h).
// Every other word is a label. A machine has several groups: "group=web" asks for one of them; so
// it may have several fingerprints, its firmware's and its iPXE's. The form is that of Kubernetes'
// label selectors; the patterns are ours.
//
// An empty selector means every machine.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/policy/seen_firmware.h"
#include "protocols/dhcp/condition.h"

namespace slipway::control {

// What is known of a machine before it says anything. Texts as a message's facts have them; what is
// long is the machine's own, which must live longer.
struct MachineFacts {
  bool in_catalog = false;  // an unknown machine has no labels, and no such fact fits it
  std::optional<std::string> mac, uuid;
  std::string_view name;
  std::string_view serial;
  const std::set<std::string>* groups = nullptr;  // null: none
  const std::map<std::string, std::string>* labels = nullptr;
  const std::vector<SeenFirmware>* firmware = nullptr;
};

struct Requirement {
  std::string key;
  std::optional<dhcp::Fact> fact = {};  // FactOf(key), looked up once for all machines
  bool negated = false;
  // Any of them; empty: the label must be there (or, negated, must not).
  std::vector<std::string> patterns;

  friend bool operator==(const Requirement&, const Requirement&) = default;
  std::string ToString() const;
};

class Selector {
 public:
  // The error names the place and what would be right.
  static absl::StatusOr<Selector> Parse(std::string_view text);

  const std::vector<Requirement>& requirements() const { return requirements_; }
  std::string ToString() const;

  friend bool operator==(const Selector&, const Selector&) = default;

 private:
  std::vector<Requirement> requirements_;
};

// What is left of a selector once the facts are put in: terms that only a message decides.
struct Remainder {
  // The first requirement that the facts do not meet; null: none is known to fail.
  const Requirement* failed = nullptr;
  std::vector<dhcp::Term> terms;
};
Remainder Apply(const Selector& selector, const MachineFacts& facts);
// Whatever the machine says itself: false where only a message of its would decide.
bool Means(const Selector& selector, const MachineFacts& facts);

// The first word of the selector that only a machine's message can answer; null: the catalog knows
// whether a machine is meant.
const std::string* NeedsMessage(const Selector& selector);
// Whether a word names what a machine was last seen to boot with: a fact of the catalog that the
// machine itself tells.
bool IsSeenFirmware(std::string_view word);
// Whether a selector asks for that, so that a machine's next boot may change whom it means.
bool NeedsSeenFirmware(const Selector& selector);

// The fact of a message that a word names; nullopt for any other word.
std::optional<dhcp::Fact> FactOf(std::string_view word);

// Letters, digits, '-', '_', '.' and '/', at most 63, beginning with a letter.
bool IsLabelKey(std::string_view key);

}  // namespace slipway::control
