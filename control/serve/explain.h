// SPDX-License-Identifier: Apache-2.0
//
// Explain: what a machine would get and by which rule, without a packet sent on a wire. The
// question becomes the DISCOVER that such a machine sends, and the answer is looked up in the very
// policy the dataplane would look it up in; the rules are walked once more only to say why the
// others did not decide.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"

namespace slipway::control {

class Documents;

struct Question {
  MacAddress mac;
  std::optional<Uuid> uuid;
  std::string architecture = "x64";  // as dhcp::ArchitectureWord names it
  std::string client = "http";       // "http", "ipxe", "pxe" or "plain"
  std::string network;               // its name; empty: the first
  std::string vendor_class;          // empty: as such clients send it
  std::string client_identifier;     // octets, as the next two; empty: none
  std::string circuit;
  std::string remote;
  // 16 digits; empty: as the catalog last saw such a client of the machine, else no text at all.
  std::string dhcp_fingerprint;
};

struct Explanation {
  struct Step {
    std::string rule;
    bool decides = false;
    std::string words;  // "needs rack=a1", "fits: boot debian:stable"
  };
  std::string network;
  std::string machine;      // its name in the catalog, or the address; empty: unknown
  std::vector<Step> steps;  // rules in their order, up to the one that decides
  std::string decided_by;   // "machine", a rule's name, or "configuration"
  std::string action;       // Word(RuleAction), or "nothing" where no boot rule fits
  std::string image_set;
  std::string uri;    // what firmware would be sent to
  std::string words;  // all of it in a sentence
  // Of what the image set needs, what such a machine is known not to have (needs.h). It is sent
  // there all the same.
  std::vector<std::string> unmet_needs;
};
nlohmann::json ToJson(const Explanation& explanation);

struct ExplainInputs {
  const Config& config;
  const std::vector<ImageSet>& sets;
  const std::vector<Rule>& rules;
  const std::vector<Rollout>& rollouts;
  std::optional<Machine> machine;        // the catalog's, by the question's names
  const Documents* documents = nullptr;  // as they are served; null: none
};
// InvalidArgument names the part of the question that cannot be, and what can.
absl::StatusOr<Explanation> Explain(const Question& question, const ExplainInputs& inputs);

}  // namespace slipway::control
