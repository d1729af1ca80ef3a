// SPDX-License-Identifier: Apache-2.0
//
// CanaryWatch: boots of a rollout's candidate that have their whole file, and that firmware did not
// run all the same (refused_boot.h). Each is looked at once more, when a program that runs would
// have been heard of, and one that was refused is given back as failed.
//
// A restart goes on with those that the process before had not found to be refused. Those that
// began before the trial did are looked at too, for their version's numbers; they do not count
// against it (Core::NoteBoot).
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
  static constexpr std::size_t kBootsMax = 65'536;  // more at once are not looked at

  // How far back a restart looks for them, from the last that the process before heard of one.
  static constexpr std::int64_t kLookBackNanoseconds = 120'000'000'000;

  // Goes on with those of the archive. Once, before the first boot. What they would have been heard
  // of while nobody listened is not known: they are looked at once that has been for long enough.
  absl::Status Resume(Core& core, std::int64_t now_unix_nanoseconds);
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
