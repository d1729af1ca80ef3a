// SPDX-License-Identifier: Apache-2.0
#include "control/policy/rollout.h"

#include <algorithm>

#include "control/text.h"
#include "protocols/base/fingerprint.h"

namespace slipway::control {
namespace {

absl::Status Wrong(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Text(member, ": ", what));
}

absl::Status SetNumber(const nlohmann::json& value, const std::string& member, std::uint32_t most,
                       std::uint32_t& number) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      value.get<std::int64_t>() > most) {
    return Wrong(member, Text("not a number from 0 to ", most));
  }
  number = value.get<std::uint32_t>();
  return absl::OkStatus();
}

absl::Status SetSelector(const nlohmann::json& value, Rollout& rollout) {
  if (!value.is_string()) return Wrong("selector", "not a text such as \"rack=a1\"");
  auto selector = Selector::Parse(value.get_ref<const std::string&>());
  if (!selector.ok()) return selector.status();
  if (const std::string* word = NeedsMessage(*selector)) {
    return Wrong("selector", Text("'", *word, "' is known only when a machine speaks; a canary ",
                                  "is of labels, group, name, serial, mac and uuid"));
  }
  rollout.selector = *std::move(selector);
  return absl::OkStatus();
}

absl::Status SetCandidate(const nlohmann::json& value, Rollout& rollout) {
  const auto name =
      value.is_string() ? ImageSetName::Parse(value.get_ref<const std::string&>()) : std::nullopt;
  if (!name) return Wrong("candidate", "not \"name:tag\"; see 'slipway image list'");
  if (*name == rollout.stable) return Wrong("candidate", "the tag itself; name another");
  rollout.candidate = *name;
  return absl::OkStatus();
}

absl::Status SetDigest(const nlohmann::json& value, std::string_view member, std::string& digest) {
  const bool is_digest = value.is_string() && value.get_ref<const std::string&>().find_first_not_of(
                                                  "0123456789abcdef") == std::string::npos;
  if (!is_digest) return Wrong(member, "not a version's digest, in hexadecimal");
  digest = value.get<std::string>();
  return absl::OkStatus();
}

absl::Status Set(const std::string& member, const nlohmann::json& value, Rollout& rollout) {
  if (member == "candidate") return SetCandidate(value, rollout);
  if (member == "candidate_digest") return SetDigest(value, member, rollout.candidate_digest);
  if (member == "stable_digest") return SetDigest(value, member, rollout.stable_digest);
  if (member == "selector") return SetSelector(value, rollout);
  if (member == "percent") return SetNumber(value, member, 100, rollout.percent);
  if (member == "failures_max") return SetNumber(value, member, 1'000'000, rollout.failures_max);
  if (member == "stable" && value == rollout.stable.ToString()) return absl::OkStatus();
  return Wrong(member, "no such member; there are candidate, selector, percent and failures_max");
}

// 0 to 99, the same for a machine and a tag each time: FNV-1a, 64 bits.
std::uint32_t Bucket(const Rollout& rollout, const Machine& machine) {
  const std::string name = Text(rollout.stable.ToString(), ' ',
                                machine.mac ? machine.mac->ToString() : machine.uuid->ToString());
  Fnv1a hash;
  hash.Add(AsBytes(name));
  return static_cast<std::uint32_t>((hash.value() >> 32) % 100);
}

}  // namespace

bool GoesOn(const Rollout& before, const Rollout& after) {
  return before.candidate == after.candidate && before.candidate_digest == after.candidate_digest;
}

nlohmann::json ToJson(const Rollout& rollout) {
  return {
      {"stable", rollout.stable.ToString()},          {"candidate", rollout.candidate.ToString()},
      {"candidate_digest", rollout.candidate_digest}, {"stable_digest", rollout.stable_digest},
      {"selector", rollout.selector.ToString()},      {"percent", rollout.percent},
      {"failures_max", rollout.failures_max}};
}

absl::StatusOr<Rollout> ParseRollout(const ImageSetName& stable, const nlohmann::json& json) {
  if (!json.is_object()) return Wrong(stable.ToString(), "a rollout is a JSON object");
  Rollout rollout;
  rollout.stable = stable;
  for (const auto& [member, value] : json.items()) {
    if (absl::Status status = Set(member, value, rollout); !status.ok()) return status;
  }
  if (rollout.candidate.name.empty()) {
    return Wrong("candidate", "missing; name the tag of the next version, such as \"debian:next\"");
  }
  return rollout;
}

absl::Status CheckUnmoved(const Rollout& rollout, const std::string& candidate_now,
                          const std::string& stable_now) {
  constexpr std::size_t kShown = 12;
  const std::string stable = rollout.stable.ToString();
  const std::string candidate = rollout.candidate.ToString();
  const std::string start = Text("'slipway rollout start ", stable, ' ', candidate, '\'');
  const std::string& on_trial = rollout.candidate_digest;
  const std::string& against = rollout.stable_digest;
  if (candidate_now != on_trial) {
    return absl::FailedPreconditionError(
        Text(candidate, ": has moved since the rollout was begun: on trial is ",
             on_trial.empty() ? "a version that was not noted" : on_trial.substr(0, kShown),
             ", and the tag leads to ", candidate_now.substr(0, kShown),
             "; to try that one: ", start, ", and promote it when it has booted"));
  }
  // A tag that leads to the candidate's version already is where it should be: as a promotion
  // leaves it that was killed before its end.
  const bool is_overtaken =
      !against.empty() && !stable_now.empty() && stable_now != against && stable_now != on_trial;
  if (!is_overtaken) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Text(stable, ": has moved since the rollout was begun: ", on_trial.substr(0, kShown),
           " was tried against ", against.substr(0, kShown), ", and the tag leads to ",
           stable_now.substr(0, kShown),
           ", which a promotion would take away; to keep that: 'slipway rollout rollback ", stable,
           "'; to go on with the trial against it: ", start));
}

bool InCanary(const Rollout& rollout, const Machine& machine) {
  return Means(rollout.selector, FactsOf(machine)) && Bucket(rollout, machine) < rollout.percent;
}

void ApplyRollouts(std::span<const Rollout> rollouts, const Machine* machine,
                   const ImageSetName* common, std::vector<Candidate>& candidates) {
  if (machine == nullptr) return;
  const bool open = candidates.empty() || !candidates.back().terms.empty();
  for (const Rollout& rollout : rollouts) {
    if (!InCanary(rollout, *machine)) continue;
    const std::string why = Text("is in the canary of ", rollout.stable.ToString());
    for (Candidate& each : candidates) {
      if (each.image_set != rollout.stable) continue;
      each.image_set = rollout.candidate;
      if (each.why.empty()) each.why = why;
    }
    if (open && common != nullptr && *common == rollout.stable) {
      candidates.push_back({.rule = nullptr,
                            .by_configuration = true,
                            .action = RuleAction::kBoot,
                            .image_set = rollout.candidate,
                            .terms = {},
                            .script = {},
                            .why = why});
    }
  }
}

}  // namespace slipway::control
