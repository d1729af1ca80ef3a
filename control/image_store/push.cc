// SPDX-License-Identifier: Apache-2.0
//
// A manifest comes in by the registry: all it names is found, the check is asked, what waited among
// the uploads becomes a blob of the layout, and index.json leads to it last.
#include <algorithm>
#include <ctime>
#include <system_error>

#include "control/image_store/boot_file.h"
#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/image_store/image_store.h"
#include "control/image_store/lock.h"
#include "control/image_store/refusal.h"
#include "control/image_store/uploads.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

absl::Status WrongSize(const Descriptor& part, std::uint64_t size) {
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = "manifest",
                 .what = "says that sha256:" + part.digest + " has " + std::to_string(part.size) +
                         " bytes, and it has " + std::to_string(size)});
}

absl::Status Missing(const std::string& kind, const std::string& digest) {
  return Refuse(absl::StatusCode::kNotFound, {.where = kind + " sha256:" + digest,
                                              .what = "named by the manifest, and not here",
                                              .remedy = "push it first"});
}

std::uint64_t SizeOf(const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

absl::Status ImageStore::FindParts(const OciDocument& document,
                                   const std::vector<IndexEntry>& entries) const {
  std::error_code error;
  for (const Descriptor& blob : document.blobs) {
    const fs::path path = BlobPath(blob.digest);
    if (!fs::exists(path, error)) {
      if (blob.is_foreign) continue;
      return Missing("blob", blob.digest);
    }
    if (SizeOf(path) != blob.size) return WrongSize(blob, SizeOf(path));
  }
  for (const Descriptor& child : document.manifests) {
    const auto found = std::ranges::find(entries, child.digest, &IndexEntry::digest);
    if (found == entries.end()) return Missing("manifest", child.digest);
    if (found->size != child.size) return WrongSize(child, found->size);
    const bool typed = std::ranges::any_of(entries, [&](const IndexEntry& each) {
      return each.digest == child.digest && each.media_type == child.media_type;
    });
    if (!typed) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = "manifest sha256:" + child.digest,
                     .what = "named as " + child.media_type + ", but is " + found->media_type,
                     .remedy = "name it by its own media type"});
    }
  }
  return absl::OkStatus();
}

// A blob that waited among the uploads gets its place in the layout.
absl::Status ImageStore::TakeIn(const OciDocument& document) const {
  for (const Descriptor& blob : document.blobs) {
    const fs::path place = blobs() / blob.digest;
    const fs::path now = BlobPath(blob.digest);
    if (now == place) continue;
    std::error_code error;
    fs::rename(now, place, error);
    if (error) return SystemFailure(place.string(), "put in place", error.value());
  }
  return absl::OkStatus();
}

// The architectures that a manifest says, against the programs that it brings.
absl::Status ImageStore::HoldArchitectures(const ImageSet& set) const {
  const auto hold = [&](const ImageFile& file, const std::string& said) {
    const std::string head = said.empty() || said == "any" ? std::string() : Beginning(file);
    return HoldArchitecture(file.path, said, AsBytes(head));
  };
  for (const auto& [architecture, path] : set.boot) {
    if (absl::Status status = hold(*set.Find(path), architecture); !status.ok()) return status;
  }
  for (const ImageFile& file : set.files) {
    if (absl::Status status = hold(file, file.architecture); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ImageSet>> ImageStore::SetOf(const PushedManifest& pushed) {
  const auto document = ParseOciDocument(pushed.text, pushed.media_type);
  if (!document.ok()) return document.status();
  if (document->artifact_type != kArtifactType) return std::optional<ImageSet>();
  const std::string reference = pushed.repository + ":" + pushed.tag;
  auto set = ParseManifest(pushed.text, reference);
  if (!set.ok()) return absl::InvalidArgumentError(set.status().message());
  set->reference = reference;
  set->digest = Sha256Hex(AsBytes(pushed.text));
  return std::optional(*std::move(set));
}

absl::StatusOr<IndexEntry> ImageStore::PutManifest(const PushedManifest& pushed) {
  const auto document = ParseOciDocument(pushed.text, pushed.media_type);
  if (!document.ok()) return document.status();
  const std::time_t now = std::time(nullptr);
  IndexEntry entry{.digest = Sha256Hex(AsBytes(pushed.text)),
                   .size = pushed.text.size(),
                   .media_type = document->media_type,
                   .artifact_type = document->artifact_type,
                   .created = now};
  if (pushed.tag.empty()) {
    entry.repository = pushed.repository;
  } else {
    entry.reference = pushed.repository + ":" + pushed.tag;
  }
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  if (absl::Status status = FindParts(*document, *entries); !status.ok()) return status;
  // A version is as old as it is, by whatever names it goes.
  const auto known = std::ranges::find_if(*entries, [&](const IndexEntry& each) {
    return each.digest == entry.digest && each.Repository() == pushed.repository;
  });
  if (known != entries->end() && known->created != 0) entry.created = known->created;
  auto set = SetOf(pushed);
  if (!set.ok()) return set.status();
  if (set->has_value()) {
    (*set)->created = entry.created;
    if (absl::Status status = HoldArchitectures(**set); !status.ok()) return status;
    if (pushed.check) {
      if (absl::Status status = pushed.check(**set); !status.ok()) return status;
    }
  }
  if (absl::Status status = TakeIn(*document); !status.ok()) return status;
  if (absl::Status status = PutBlob(pushed.text); !status.ok()) return status;
  if (absl::Status status = SyncFolder(blobs()); !status.ok()) return status;
  if (pushed.note) {
    if (absl::Status status = pushed.note(entry); !status.ok()) return status;
  }
  PutEntry(*entries, entry, now);
  if (absl::Status status = WriteIndex(*std::move(entries)); !status.ok()) return status;
  return entry;
}

}  // namespace slipway::control
