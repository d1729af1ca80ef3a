// SPDX-License-Identifier: Apache-2.0
//
// Rollout: a tag on its way from one version to the next. Machines that would get the tag get the
// candidate instead when they are in the canary; promoting moves the tag to the candidate's
// version, unless either tag leads elsewhere by now than when the trial was put: nobody has tried
// the one, or would miss the other; rolling back forgets the candidate. Only machines of the
// catalog can be in a canary: for the others there is nothing that would stay the same from boot to
// boot.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/policy/decide.h"
#include "control/policy/machine.h"
#include "control/policy/selector.h"

namespace slipway::control {

struct Rollout {
  ImageSetName stable;             // names the rollout: one at a time for each tag
  ImageSetName candidate;          // another tag
  std::string candidate_digest{};  // what that led to when this was last put: the version on trial;
                                   // empty: put before it was noted
  std::string stable_digest{};     // the version that it is held against: what the tag led to when
                                   // that was first tried, or was last said to be seen
  Selector selector;               // of the catalog's facts only; empty: all of its machines
  std::uint32_t percent = 100;     // of those: the same machines each time, more when it rises
  std::uint32_t failures_max = 0;  // boots of the candidate that may fail before it is rolled back
                                   // by itself; 0: any number
  // The lowest id of a boot that began after the trial did: none from before counts against it. In
  // no document, for it is nobody's to say; 0: put before it was noted, so that all of them count.
  std::int64_t first_boot = 0;
};

// A boot of a rollout's candidate that failed, as it is kept while that rollout stands.
struct CanaryFailure {
  std::string stable;     // names the rollout
  std::string version;    // of the candidate: "debian/0123456789ab"
  std::int64_t boot = 0;  // its id
  bool is_over = false;   // it completed after all: no failure any more
};

// A rollout that is put over another one of its tag goes on with the trial: whose boots are
// counted, and against what. Else the trial begins anew.
bool GoesOn(const Rollout& before, const Rollout& after);

nlohmann::json ToJson(const Rollout& rollout);
// Refused, by name: a member that is unknown, missing or wrong.
absl::StatusOr<Rollout> ParseRollout(const ImageSetName& stable, const nlohmann::json& json);

// Whether it may be promoted, by the digests that its tags lead to now; empty: there is no such
// tag. FailedPrecondition, in words with the ways out.
absl::Status CheckUnmoved(const Rollout& rollout, const std::string& candidate_now,
                          const std::string& stable_now);

bool InCanary(const Rollout& rollout, const Machine& machine);
// Puts candidates in the place of tags. `machine`: null for one that the catalog does not know.
// `common`: what machines get for whom no rule decides; null: nothing.
void ApplyRollouts(std::span<const Rollout> rollouts, const Machine* machine,
                   const ImageSetName* common, std::vector<Candidate>& candidates);

}  // namespace slipway::control
