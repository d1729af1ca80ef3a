// SPDX-License-Identifier: Apache-2.0
//
// VersionTally: how the boots of each version of an image set ended, for as long as a tag leads to
// it. The version is the one whose path the machine asked for first.
//
// The archive keeps the counts with the boots (store/boot_archive.h), so that a restart goes on
// with them.
//
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/boots/timelines.h"
#include "control/boots/version_count.h"

namespace slipway::control {

class VersionTally {
 public:
  // As the process before left it. Before the first boot.
  void Restore(VersionCounts counts);
  // A boot that the process before may have counted as complete counts so. False: it is known to
  // count as failed, as it was refused.
  bool Recall(std::int64_t boot);
  // A boot whose outcome was decided, or decided otherwise than before. Gives the version, "name"
  // and the first 12 digits of its digest with a slash between; empty when it asked for none.
  std::string Take(const Boot& boot);
  // Forgets the boots of other versions, and counts none of them: clients choose what they ask for.
  void Keep(std::set<std::string> versions);
  VersionCount Of(const std::string& version) const;
  // The name, without a tag, of the set that the boot asked for a version of; empty: none, or none
  // that is there.
  std::string SetOf(const Boot& boot) const;

  // What is other than when it was last taken, for the archive; and of these boots, as they lie
  // beside it there, which count as failed while they say otherwise.
  VersionCounts TakeChanged(std::span<const Boot> boots = {});
  // It could not be kept after all: TakeChanged() gives it again.
  void NotStored(const VersionCounts& counts);

 private:
  void Remember(std::int64_t boot, BootOutcome outcome);

  mutable std::mutex mutex_;
  std::set<std::string> kept_;
  std::map<std::string, VersionCount> versions_;
  std::map<std::int64_t, BootOutcome> counted_;  // by the boot's id; the newest kBootsMax of them
  std::set<std::string> changed_;                // versions
  std::vector<std::int64_t> refused_;            // their ids, not taken yet
};

}  // namespace slipway::control
