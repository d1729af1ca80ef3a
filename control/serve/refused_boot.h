// SPDX-License-Identifier: Apache-2.0
//
// Whether firmware under Secure Boot did not run what a boot has whole. To the wire such a boot is
// complete; what was refused shows only in what comes after (diagnosis.h): the machine asks anew
// within half a minute, or is silent. So it is asked some time later, and of boots that matter:
// those of a rollout's candidate (canary_watch.h), those that a plan counts (plan_watch.h).
//
// Silence alone counts only where [secure_boot] db says what the machines trust: without it, many
// run with Secure Boot off, and a program may be silent. What firmware does counts without it as
// well, also of a program that our guess of its db has nothing against: where the same firmware is
// back at once (boots/firmware.h), it did not boot. That may err: a program may exit, or reset a
// virtual machine within ten seconds, on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/serve/core.h"

namespace slipway::control {

struct RefusedBoot {
  // After the last byte: a diagnosis needs 20 seconds of silence, and the firmware's goodbye
  // before.
  static constexpr std::int64_t kPatienceNanoseconds = 25'000'000'000;

  Boot boot;                   // whole, as failed, with the diagnosis as its words
  std::int64_t next_boot = 0;  // the id of the one that firmware went on with; 0: none yet
};

// Nullopt: it was not refused, as far as is known, or its story is not kept. Not to be called with
// the core's lock held.
std::optional<RefusedBoot> FindRefusal(Core& core, const MacAddress& mac, std::int64_t boot);

}  // namespace slipway::control
