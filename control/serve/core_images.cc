// SPDX-License-Identifier: Apache-2.0
//
// Core's image sets: in and out of the store, and what firmware under Secure Boot says to them.
#include <algorithm>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/serve/snapshot_builder.h"
#include "control/text.h"

namespace slipway::control {

absl::StatusOr<std::vector<ImageSet>> Core::Images() {
  const std::scoped_lock lock(mutex_);
  return image_store_->List();
}

absl::StatusOr<ImageSet> Core::ImportImage(const std::filesystem::path& source,
                                           const std::string& reference,
                                           const ImportOptions& options, const Actor& actor) {
  const auto staged = image_store_->Stage(source, reference, options);
  if (!staged.ok()) return staged.status();
  if (options.check) {
    if (absl::Status status = options.check(staged->set); !status.ok()) return status;
  }
  const Ahead ahead =
      LookAhead(staged->set, [&](const std::string& digest) { return staged->BlobPath(digest); });
  const std::scoped_lock lock(mutex_);
  const std::string what = "image " + staged->set.reference;
  const nlohmann::json before = DigestNow(reference);
  const nlohmann::json after = {{"digest", staged->set.digest}};
  bool is_noted = false;
  auto set = image_store_->Commit(*staged, [&](const ImageSet& found) {
    absl::Status status = CheckAtTheDoor(found, ahead);
    if (status.ok()) status = store_->Note(actor, what, before, after);
    is_noted = status.ok();
    return status;
  });
  if (!set.ok()) {
    if (is_noted) Audit(actor, what, after, before);
    // What was refused leaves nothing behind.
    TakeBack(ahead, staged->set.digest);
    static_cast<void>(image_store_->CollectGarbage({}));
    return set.status();
  }
  if (const auto missing = missing_.find(set->reference); missing != missing_.end()) {
    missing->second = {.digest = set->digest};  // its bytes are new: tried at once
  }
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  return set;
}

nlohmann::json Core::DigestNow(const std::string& reference) const {
  const auto canonical = CanonicalReference(reference);
  const auto entries = image_store_->Entries();
  if (!canonical.ok() || !entries.ok()) return nullptr;
  // An image set or not.
  const auto found = std::ranges::find(*entries, *canonical, &IndexEntry::reference);
  return found == entries->end() ? nlohmann::json() : nlohmann::json{{"digest", found->digest}};
}

absl::Status Core::RemoveImage(const std::string& reference, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  if (absl::Status status = RefuseIfAssigned(reference); !status.ok()) return status;
  const auto removed = image_store_->Resolve(reference);
  const nlohmann::json before = DigestNow(reference);
  if (before.is_null()) return image_store_->Remove(reference);  // which says that there is none
  if (absl::Status status = MakeNoted(actor, {"image " + reference, before, nullptr},
                                      [&] { return image_store_->Remove(reference); });
      !status.ok()) {
    return status;
  }
  if (removed.ok()) static_cast<void>(ForgetVerdict(removed->digest));
  shelf_->Forget(reference);
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  CollectGarbage();
  return absl::OkStatus();
}

absl::Status Core::MakeNoted(const Actor& actor, const Noted& noted,
                             const std::function<absl::Status()>& make) {
  absl::Status status = store_->Note(actor, noted.what, noted.before, noted.after);
  if (!status.ok()) return status;
  absl::Status made = make();
  if (!made.ok()) Audit(actor, noted.what, noted.after, noted.before);
  return made;
}

void Core::CollectGarbage() {
  const auto freed = image_store_->CollectGarbage({});
  if (!freed.ok()) {
    LogError(Text("nothing is collected: ", std::string(freed.status().message())));
  }
}

absl::Status Core::ForgetVerdict(const std::string& digest) {
  // Another reference may lead to the same set.
  const auto sets = image_store_->List();
  if (!sets.ok()) return sets.status();
  if (std::ranges::find(*sets, digest, &ImageSet::digest) != sets->end()) return absl::OkStatus();
  return verdicts_->Remove(digest);
}

bool Core::Refuses(const SetVerdict& verdict) const {
  return config_.secure_boot.policy == SecureBootPolicy::kRefuse &&
         verdict.outcome == Outcome::kRefused;
}

Core::Ahead Core::LookAhead(const ImageSet& set, const ImageShelf::BlobPaths& path_of) {
  Ahead ahead;
  const auto by = trust();
  auto verdict = JudgeImageSet(set, *by, path_of);
  if (!verdict.ok()) return ahead;
  ahead.judged = Judged{by, *std::move(verdict)};
  const auto assigned = Assigned();
  const bool is_assigned =
      assigned.ok() && std::ranges::find(*assigned, set.reference) != assigned->end();
  if (is_assigned && !Refuses(ahead.judged->verdict)) {
    ahead.is_loaded = LoadAhead(set, path_of).value_or(false);
    const auto need = set.needs.find(kNeedsImageSet);
    if (need != set.needs.end()) LoadAhead(need->second);
  }
  return ahead;
}

void Core::TakeBack(const Ahead& ahead, const std::string& digest) {
  if (!ahead.is_loaded) return;
  const auto sets = image_store_->List();
  // Somebody else may have brought the same meanwhile.
  if (sets.ok() && std::ranges::find(*sets, digest, &ImageSet::digest) != sets->end()) return;
  shelf_->Drop(digest);
}

absl::Status Core::CheckAtTheDoor(const ImageSet& set, const Ahead& ahead) {
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  const bool is_here =
      std::ranges::find(site->sets, set.digest, &ImageSet::digest) != site->sets.end();
  std::erase_if(site->sets, [&](const ImageSet& each) { return each.reference == set.reference; });
  site->sets.push_back(set);
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  // Others' revocations may have come meanwhile.
  const auto by = trust();
  const bool is_judged = ahead.judged && ahead.judged->trust == by;
  const absl::StatusOr<SetVerdict> verdict =
      is_judged ? ahead.judged->verdict : JudgeImageSet(set, *by, BlobPaths());
  if (!verdict.ok()) return verdict.status();
  if (Refuses(*verdict)) {
    return absl::FailedPreconditionError(Text(set.reference, ": ", RefusalOf(*verdict)));
  }
  if (verdict->outcome == Outcome::kRefused) {
    LogWarning(Text("image set ", set.reference,
                    ": firmware under Secure Boot would not boot it: ", verdict->words),
               {{"image_set", set.reference}, {"digest", set.digest}});
  }
  if (is_here) {
    // What has changed since it was judged, Recheck() comes to: it tells what turned.
    const auto before = verdicts_->Of(set.digest);
    if (!before.ok()) return before.status();
    if (before->has_value() && (*before)->version != by->version) return absl::OkStatus();
  }
  // Whoever gives a set that was refused in the meantime another name does not take its mark away.
  const bool is_refused = verdict->outcome == Outcome::kRefused;
  return Keep(set, *verdict, *by, is_refused ? RefusedSince(set) : 0);
}

bool Core::IsLoaded(const ImageSet& set) {
  const std::scoped_lock lock(mutex_);
  return shelf_->Holds(set);
}

}  // namespace slipway::control
