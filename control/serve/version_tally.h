// SPDX-License-Identifier: Apache-2.0
//
// VersionTally: how the boots of each version of an image set ended, since the daemon started. The
// version is the one whose path the machine asked for first.
//
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "control/boots/timelines.h"

namespace slipway::control {

struct VersionCount {
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;  // or abandoned
  std::string last_failure;  // its sentence
};

class VersionTally {
 public:
  // A boot whose outcome was decided, or decided otherwise than before. Gives the version, "name"
  // and the first 12 digits of its digest with a slash between; empty when it asked for none.
  std::string Take(const Boot& boot);
  // Forgets the boots of other versions, and counts none of them: clients choose what they ask for.
  void Keep(std::set<std::string> versions);
  VersionCount Of(const std::string& version) const;
  // The name, without a tag, of the set that the boot asked for a version of; empty: none, or none
  // that is there.
  std::string SetOf(const Boot& boot) const;

 private:
  struct Last {
    std::int64_t boot = 0;
    BootOutcome outcome = BootOutcome::kUnderWay;
  };

  mutable std::mutex mutex_;
  std::set<std::string> kept_;
  std::map<std::string, VersionCount> versions_;
  std::map<std::uint64_t, Last> last_;  // of each machine, kMachinesMax of them
};

}  // namespace slipway::control
