// SPDX-License-Identifier: Apache-2.0
//
// Image sets into image memory. Gigabytes are read, so it happens ahead of what needs them and
// without the core's lock; a publication finds them there. What it does not find it still loads
// itself, in its turn: a set that had no room before the version that it replaces left.
#include <algorithm>
#include <iostream>

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

}  // namespace

void Core::LoadWanted(const std::vector<std::string>& assigned, const std::vector<ImageSet>& sets) {
  std::vector<std::string> wanted = assigned;
  wanted.insert(wanted.end(), wanted_.begin(), wanted_.end());
  wanted_.clear();
  unfinished_ = false;
  const std::set<std::string> pinned = Pinned(assigned, sets);
  for (const std::string& reference : wanted) {
    const auto set = std::ranges::find(sets, reference, &ImageSet::reference);
    if (set == sets.end()) continue;
    const absl::Status status = shelf_->Load(*set, pinned);
    if (status.ok()) continue;
    std::cerr << "slipwayd: image set " << reference << " is not served: " << status.message()
              << '\n';
    if (status.code() == absl::StatusCode::kUnavailable) {
      // Its memory is free once the snapshot before this one is.
      static_cast<void>(retired_.DropOldest());
      unfinished_ = true;
      wanted_.insert(reference);
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

bool Core::LoadAhead(const ImageSet& set, const ImageShelf::BlobPaths& path_of) {
  if (IsLoaded(set)) return false;  // before waiting for somebody else's
  const std::scoped_lock loading_lock(loading_mutex_);
  std::optional<ImageShelf::Loading> loading;
  {
    const std::scoped_lock lock(mutex_);
    if (shelf_->Holds(set)) return false;
    const auto assigned = Assigned();
    const auto sets = image_store_->List();
    if (!assigned.ok() || !sets.ok()) return false;
    auto begun = shelf_->Begin(set, Pinned(*assigned, *sets));
    if (!begun.ok()) return false;
    loading = *std::move(begun);
  }
  const absl::Status read = ImageShelf::Read(*loading, path_of);
  const std::scoped_lock lock(mutex_);
  if (read.ok()) shelf_->Finish(*loading);
  loading.reset();  // image memory has no lock of its own
  return read.ok();
}

void Core::LoadAhead(const std::string& reference) {
  const auto sets = Images();
  if (!sets.ok()) return;
  for (const std::string& each : WithWhatTheyNeed({reference}, *sets)) {
    const auto set = std::ranges::find(*sets, each, &ImageSet::reference);
    if (set != sets->end()) LoadAhead(*set, BlobPaths());
  }
}

void Core::LoadAssigned() {
  const auto assigned = Assigned();
  if (!assigned.ok()) return;
  for (const std::string& reference : *assigned) LoadAhead(reference);
}

// Null when it is there already.
std::optional<ImageSet> Core::SetWanted(std::string_view path) {
  const std::scoped_lock lock(mutex_);
  const auto sets = image_store_->List();
  if (!sets.ok()) return std::nullopt;
  for (const ImageSet& set : *sets) {
    const auto name = ImageSetName::Parse(set.reference);
    if (!name) continue;
    const std::string version =
        Text('/', name->name, '/', std::string_view(set.digest).substr(0, 12), '/');
    const std::string alias = Text('/', name->name, '/', name->tag, '/');
    if (!path.starts_with(version) && !path.starts_with(alias)) continue;
    shelf_->Touch(set.reference);
    if (!shelf_->Holds(set)) return set;
  }
  return std::nullopt;
}

void Core::Want(std::string_view path) {
  const auto set = SetWanted(path);
  if (!set) return;
  LoadAhead(*set, BlobPaths());
  const std::scoped_lock lock(mutex_);
  wanted_.insert(set->reference);
  if (const absl::Status status = RepublishLocked(); !status.ok()) {
    std::cerr << "slipwayd: " << status.message() << '\n';
  }
}

}  // namespace slipway::control
