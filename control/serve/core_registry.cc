// SPDX-License-Identifier: Apache-2.0
//
// What the registry changes: checked at the door, and published, as what is imported is.
#include <algorithm>
#include <utility>

#include "control/serve/core.h"
#include "control/serve/set_users.h"
#include "control/text.h"

namespace slipway::control {

absl::Status Core::RefuseIfAssigned(const std::string& reference) {
  const auto site = ReadSite();
  if (!site.ok()) return site.status();
  const auto users = SetUsers(reference, {.config = config_,
                                          .machines = site->machines,
                                          .rules = site->rules,
                                          .rollouts = site->rollouts,
                                          .sets = site->sets});
  if (users.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Text(reference, ": machines are assigned to it, by ", Join(users, "; by "),
           ": give them another image set, or end the rollout, first"));
}

namespace {

// As imports are noted: "image debian:12", "image debian@sha256:...".
std::string NameInLog(const std::string& repository, const std::string& reference) {
  return Text("image ", repository, HexOf(reference).empty() ? ":" : "@", reference);
}

}  // namespace

absl::StatusOr<IndexEntry> Core::PutManifest(PushedManifest manifest, const Actor& actor,
                                             nlohmann::json noted) {
  const auto set = ImageStore::SetOf(manifest);  // why it is none, the store tells below
  const bool is_set = set.ok() && set->has_value();
  const Ahead ahead = is_set ? LookAhead(**set, BlobPaths()) : Ahead{};
  const std::scoped_lock lock(mutex_);
  manifest.check = [&](const ImageSet& found) { return CheckAtTheDoor(found, ahead); };
  const std::string tag =
      manifest.tag.empty() ? std::string() : Text(manifest.repository, ':', manifest.tag);
  // What machines boot does not become what none can.
  if (!tag.empty() && set.ok() && !is_set) {
    if (absl::Status status = RefuseIfAssigned(tag); !status.ok()) return status;
  }
  const nlohmann::json before = tag.empty() ? nlohmann::json() : DigestNow(tag);
  std::string what;
  bool is_noted = false;
  // Whoever asked for it may have conditions, which nobody changes from here on.
  manifest.note = [&, is_wanted = std::move(manifest.note)](const IndexEntry& entry) {
    if (is_wanted) {
      if (absl::Status status = is_wanted(entry); !status.ok()) return status;
    }
    what = NameInLog(manifest.repository, tag.empty() ? "sha256:" + entry.digest : manifest.tag);
    noted["digest"] = entry.digest;
    noted["artifact_type"] = entry.artifact_type;
    absl::Status status = store_->Note(actor, what, before, noted);
    is_noted = status.ok();
    return status;
  };
  auto entry = image_store_->PutManifest(manifest);
  if (!entry.ok()) {
    if (is_noted) Audit(actor, what, noted, before);
    if (is_set) TakeBack(ahead, (*set)->digest);
    return entry.status();
  }
  if (const auto missing = missing_.find(tag); missing != missing_.end()) {
    missing->second = {.digest = entry->digest};  // its bytes are new: tried at once
  }
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  return entry;
}

absl::Status Core::RemoveManifest(const std::string& repository, const std::string& reference,
                                  const Actor& actor,
                                  const std::function<absl::Status()>& condition) {
  const std::scoped_lock lock(mutex_);
  if (condition) {
    if (absl::Status status = condition(); !status.ok()) return status;
  }
  const auto entries = image_store_->Entries();
  if (!entries.ok()) return entries.status();
  const std::string digest = HexOf(reference);
  std::vector<std::string> names;
  nlohmann::json before;  // what goes
  for (const IndexEntry& entry : *entries) {
    if (entry.Repository() != repository) continue;
    if (digest.empty() ? entry.Tag() != reference : entry.digest != digest) continue;
    before["digest"] = entry.digest;
    if (entry.reference.empty()) continue;
    names.push_back(entry.reference);
    before["tags"].push_back(entry.Tag());
  }
  for (const std::string& name : names) {
    if (absl::Status status = RefuseIfAssigned(name); !status.ok()) return status;
  }
  const auto remove = [&] {
    return digest.empty() ? image_store_->Untag(Text(repository, ':', reference))
                          : image_store_->RemoveManifest(repository, digest);
  };
  if (before.is_null()) return remove();  // which says that there is none
  const Noted noted{NameInLog(repository, reference), before, nullptr};
  if (absl::Status status = MakeNoted(actor, noted, remove); !status.ok()) return status;
  if (!digest.empty()) static_cast<void>(ForgetVerdict(digest));
  for (const std::string& name : names) shelf_->Forget(name);
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  if (!digest.empty()) CollectGarbage();
  return absl::OkStatus();
}

}  // namespace slipway::control
