// SPDX-License-Identifier: Apache-2.0
//
// CanaryWatch: boots of a rollout's candidate that have their whole file, and that firmware did not
// run all the same. To the wire such a boot is complete; what Secure Boot refuses shows only in
// what comes after (diagnosis.h). So each is looked at once more, when a program that runs would
// have been heard of, and one that was refused is given back as failed.
//
// Silence alone counts only where [secure_boot] db says what the machines trust: without it, many
// run with Secure Boot off, and a program may be silent.
//
// Left out: boots of versions that no rollout is about; "slipway why" tells of those.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "control/serve/core.h"

namespace slipway::control {

class CanaryWatch {
 public:
  // After the last byte: a diagnosis needs 20 seconds of silence, and the firmware's goodbye
  // before.
  static constexpr std::int64_t kPatienceNanoseconds = 25'000'000'000;
  static constexpr std::size_t kBootsMax = 65'536;  // more at once are not looked at

  // A boot whose outcome was decided.
  void Take(const Boot& boot);
  // Those that were refused, whole and each once, with the outcome kFailed and the diagnosis as
  // words.
  std::vector<Boot> Refused(Core& core, std::int64_t now_unix_nanoseconds);

 private:
  struct Complete {
    MacAddress mac;
    std::int64_t due = 0;  // Unix nanoseconds
  };
  std::map<std::int64_t, Complete> complete_;  // by the boot's id; kBootsMax at most
};

}  // namespace slipway::control
