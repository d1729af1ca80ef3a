// SPDX-License-Identifier: Apache-2.0
//
// BootArchive: boots on disk, the last of each machine, for as many days as configured. A boot is
// one row: what lists filter by in columns with indexes, its steps as one compact document. So a
// million steps are some hundred thousand rows, and a page of them is a walk along an index.
//
// A database of its own, like the leases: a burst of boots must not stand in the way of a change to
// the catalog. What was put is on disk; boots that are under way are put every few seconds.
//
// Beside them lie the counts of how each version's boots ended (boots/version_count.h), which boots
// that are kept no more stay in: both in one commit, so that a boot that has ended here is counted,
// and one that has not is not, whenever the process ends.
//
// A restart goes on with the boots that were under way. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/boots/timelines.h"
#include "control/boots/version_count.h"
#include "control/store/sqlite.h"

namespace slipway::control {

struct BootFilter {
  std::optional<MacAddress> mac;
  std::string outcome;  // as Name(BootOutcome) writes it; empty: any
  std::string cause;    // a cause's id; empty: any
  std::int64_t since_unix_nanoseconds = 0;
  std::int64_t before_id = std::numeric_limits<std::int64_t>::max();  // a page's end: the cursor
  std::uint32_t limit = 100;
};
bool Fits(const BootFilter& filter, const Boot& boot);

struct ArchiveLimits {
  std::uint32_t boots_per_machine = 0;
  std::int64_t boots = 1'000'000;  // of all machines
};

class BootArchive {
 public:
  static absl::StatusOr<std::shared_ptr<BootArchive>> Open(const std::filesystem::path& file);

  // Replaces boots with the same id; keeps the newest within the limits. Counts replace those of
  // the same version. Of these boots those count as failed all the same that `counts` says, which
  // may name others too. One commit.
  absl::Status Put(std::span<const Boot> boots, const ArchiveLimits& limits,
                   const VersionCounts& counts = {});
  // As they were put; of the boots that failed all the same those that are kept.
  absl::StatusOr<VersionCounts> BootsOfVersions();
  // Newest first, without their steps; began() and last() are what they were.
  absl::StatusOr<std::vector<Boot>> List(const BootFilter& filter);
  // The same of these machines alone, each named once, whatever filter.mac is. It costs what they
  // have, not what there is.
  absl::StatusOr<std::vector<Boot>> ListOf(std::span<const MacAddress> macs,
                                           const BootFilter& filter);
  // Whole.
  absl::StatusOr<std::optional<Boot>> Find(std::int64_t id);
  // The last of a machine, oldest first, whole.
  absl::StatusOr<std::vector<Boot>> Of(const MacAddress& mac, std::uint32_t newest);
  // Those that had not ended, oldest first, whole.
  absl::StatusOr<std::vector<Boot>> UnderWay(std::uint32_t most);
  // Those that began before; returns how many.
  absl::StatusOr<std::int64_t> Forget(std::int64_t before_unix_nanoseconds);

 private:
  explicit BootArchive(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Status Count();
  absl::Status PutCounts(const VersionCounts& counts);

  std::mutex mutex_;  // what follows
  std::unique_ptr<Database> database_;
  std::int64_t count_ = 0;  // of all boots: to count them is a walk over all of an index
};

}  // namespace slipway::control
