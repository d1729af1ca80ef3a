// SPDX-License-Identifier: Apache-2.0
//
// Image sets into image memory. Gigabytes are read, so it happens ahead of what needs them and
// without the core's lock; a publication finds them there. What it does not find, because it had no
// room before the version that it replaces left, or as nobody loaded it, is missing from that
// snapshot: the loading thread brings it, and publishes again. What cannot be brought is tried less
// and less often, and publishes nothing: whoever asks for it from the boot network costs no more.
#include <algorithm>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/serve/snapshot_builder.h"
#include "control/text.h"

namespace slipway::control {

namespace {

// Digests of what machines are assigned to now. What a tag led to before is not pinned by what it
// leads to now.
std::set<std::string> Pinned(const std::vector<std::string>& assigned,
                             const std::vector<ImageSet>& sets) {
  std::set<std::string> pinned;
  for (const ImageSet& set : sets) {
    if (std::ranges::find(assigned, set.reference) != assigned.end()) pinned.insert(set.digest);
  }
  return pinned;
}

// After so many failures. An older snapshot is gone within a second or two, and boots in flight
// end; bytes that are damaged, and would be read again, are mended by nobody so soon.
std::chrono::milliseconds PauseAfter(unsigned failures, const absl::Status& why) {
  const bool is_room =
      absl::IsUnavailable(why) || absl::IsResourceExhausted(why) || absl::IsAborted(why);
  const std::chrono::milliseconds most =
      is_room ? std::chrono::seconds(30) : std::chrono::minutes(10);
  return std::min(std::chrono::milliseconds(1500) * (1U << std::min(failures - 1, 10U)), most);
}

}  // namespace

void Core::NoteMissing(const std::vector<std::string>& assigned,
                       const std::vector<ImageSet>& sets) {
  std::map<std::string, Missing> missing;
  bool is_new = false;
  const auto note = [&](const std::string& reference) {
    const auto set = std::ranges::find(sets, reference, &ImageSet::reference);
    if (set == sets.end() || shelf_->Rename(*set)) return;
    const auto before = missing_.find(reference);
    const bool is_known = before != missing_.end() && before->second.digest == set->digest;
    missing.emplace(reference, is_known ? before->second : Missing{.digest = set->digest});
    is_new = is_new || !is_known;
  };
  for (const auto& [reference, tries] : missing_) note(reference);
  // Last, as a set goes by the name that is said last, and these may not be removed.
  for (const std::string& reference : assigned) note(reference);
  missing_ = std::move(missing);
  if (is_new && outlets_.wake) outlets_.wake();
}

void Core::NoteFailure(const ImageSet& set, const absl::Status& why, Time now) {
  const auto found = missing_.find(set.reference);
  if (found == missing_.end()) return;  // it is not wanted any more
  Missing& missing = found->second;
  // Its memory is free once a version that was replaced is, with the snapshots that name it.
  if (absl::IsUnavailable(why) && retired_.DropOldest()) is_stale_ = true;
  missing.due = now + PauseAfter(++missing.failures, why);
  std::string words(why.message());
  if (words == missing.told) return;
  LogError(Text("image set ", set.reference, " is not served: ", words),
           {{"image_set", set.reference}, {"digest", set.digest}});
  missing.told = std::move(words);
}

void Core::LoadMissing(Time now) {
  std::vector<ImageSet> due;
  {
    const std::scoped_lock lock(mutex_);
    const auto is_due = [&](const auto& entry) { return entry.second.due <= now; };
    if (std::ranges::none_of(missing_, is_due)) return;
    auto sets = image_store_->List();
    if (!sets.ok()) return;
    for (ImageSet& set : *sets) {
      const auto missing = missing_.find(set.reference);
      if (missing != missing_.end() && is_due(*missing)) due.push_back(std::move(set));
    }
  }
  for (const ImageSet& set : due) {
    const absl::Status status = LoadAhead(set, BlobPaths()).status();
    const std::scoped_lock lock(mutex_);
    if (status.ok()) {
      missing_.erase(set.reference);
      is_stale_ = true;
      // Before the next, which may take minutes.
      RepublishStale(std::max(now, std::chrono::steady_clock::now()));
    } else {
      NoteFailure(set, status, std::max(now, std::chrono::steady_clock::now()));
    }
  }
}

absl::StatusOr<std::vector<std::string>> Core::Assigned() {
  const auto machines = store_->Machines();
  if (!machines.ok()) return machines.status();
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto sets = image_store_->List();
  if (!sets.ok()) return sets.status();
  return WithWhatTheyNeed(AssignedSets(config_, *machines, *rules, *rollouts), *sets);
}

ImageShelf::BlobPaths Core::BlobPaths() const {
  return [this](const std::string& digest) { return image_store_->BlobPath(digest); };
}

absl::StatusOr<bool> Core::LoadAhead(const ImageSet& set, const ImageShelf::BlobPaths& path_of) {
  if (IsLoaded(set)) return false;  // before waiting for somebody else's
  const std::scoped_lock loading_lock(loading_mutex_);
  std::optional<ImageShelf::Loading> loading;
  {
    const std::scoped_lock lock(mutex_);
    if (shelf_->Holds(set)) return false;
    const auto assigned = Assigned();
    const auto sets = image_store_->List();
    // What cannot be read now says nothing about room.
    if (!assigned.ok()) return absl::AbortedError(assigned.status().message());
    if (!sets.ok()) return absl::AbortedError(sets.status().message());
    const auto pinned = Pinned(*assigned, *sets);
    const Time now = std::chrono::steady_clock::now();
    auto begun = shelf_->Begin(set, [&](const ImageSet& loaded) {
      ImageShelf::Use use{.is_in_use = pinned.contains(loaded.digest),
                          .last_use = Time::min().time_since_epoch().count()};
      // By every tag that leads to it now. A version that was replaced has its bytes in retired_
      // for as long as there is room, and keeps nobody out.
      for (const ImageSet& each : *sets) {
        if (each.digest != loaded.digest) continue;
        use.is_in_use = use.is_in_use || sets_in_use_.IsInUse(each, now);
        use.last_use = std::max<std::int64_t>(
            use.last_use, sets_in_use_.LastAsked(each).time_since_epoch().count());
      }
      return use;
    });
    if (shelf_->TakeEvicted()) is_stale_ = true;
    if (!begun.ok()) return begun.status();
    loading = *std::move(begun);
  }
  const absl::Status read = ImageShelf::Read(*loading, path_of);
  const std::scoped_lock lock(mutex_);
  if (read.ok()) shelf_->Finish(*loading);
  loading.reset();  // under the shelf's lock
  if (!read.ok()) return read;
  return true;
}

void Core::LoadAhead(const std::string& reference) {
  const auto sets = Images();
  if (!sets.ok()) return;
  for (const std::string& each : WithWhatTheyNeed({reference}, *sets)) {
    const auto set = std::ranges::find(*sets, each, &ImageSet::reference);
    if (set != sets->end()) static_cast<void>(LoadAhead(*set, BlobPaths()));
  }
}

void Core::LoadAssigned() {
  const auto assigned = Assigned();
  if (!assigned.ok()) return;
  for (const std::string& reference : *assigned) LoadAhead(reference);
}

void Core::Want(const std::vector<std::string>& paths) {
  {
    const std::scoped_lock lock(mutex_);
    const auto sets = image_store_->List();
    if (!sets.ok()) return;
    for (const ImageSet& set : *sets) {
      const auto name = ImageSetName::Parse(set.reference);
      if (!name) continue;
      const std::string version =
          Text('/', name->name, '/', std::string_view(set.digest).substr(0, 12), '/');
      const std::string alias = Text('/', name->name, '/', name->tag, '/');
      const bool is_wanted = std::ranges::any_of(paths, [&](const std::string& path) {
        return path.starts_with(version) || path.starts_with(alias);
      });
      if (!is_wanted) continue;
      if (!shelf_->Holds(set)) missing_.try_emplace(set.reference, Missing{.digest = set.digest});
    }
  }
  Housekeep();
}

}  // namespace slipway::control
