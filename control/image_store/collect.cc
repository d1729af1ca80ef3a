// SPDX-License-Identifier: Apache-2.0
//
// What moves and what goes: names, manifests that have none and are old, blobs that no manifest
// leads to, uploads that nobody goes on with. A manifest that cannot be read keeps everything:
// nobody knows what it leads to.
#include <algorithm>
#include <ctime>
#include <system_error>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/image_store/image_store.h"
#include "control/image_store/lock.h"
#include "control/image_store/refusal.h"
#include "control/image_store/uploads.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

absl::Status NotHere(const std::string& what, const fs::path& folder) {
  return Refuse(absl::StatusCode::kNotFound, {.where = what,
                                              .what = "not in " + folder.string(),
                                              .remedy = "slipway image list shows what is"});
}

std::time_t ModifiedAt(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return std::time(nullptr);  // it is going away by itself
  return std::chrono::system_clock::to_time_t(std::chrono::file_clock::to_sys(time));
}

std::uint64_t RemoveFile(const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  return fs::remove(path, error) && size != static_cast<std::uint64_t>(-1) ? size : 0;
}

}  // namespace

absl::Status ImageStore::Remove(std::string_view reference) {
  const auto canonical = CanonicalReference(reference);
  if (!canonical.ok()) return canonical.status();
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto is_it = [&](const IndexEntry& entry) { return entry.reference == *canonical; };
  if (std::erase_if(*entries, is_it) == 0) return NotHere("image set " + *canonical, folder_);
  return WriteIndex(*std::move(entries));
}

absl::Status ImageStore::Tag(std::string_view from, std::string_view to) {
  const auto source = CanonicalReference(from);
  const auto target = CanonicalReference(to);
  if (!source.ok()) return source.status();
  if (!target.ok()) return target.status();
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto found = std::ranges::find(*entries, *source, &IndexEntry::reference);
  if (found == entries->end()) return NotHere("image set " + *source, folder_);
  IndexEntry tagged = *found;
  tagged.reference = *target;
  PutEntry(*entries, std::move(tagged), std::time(nullptr));
  return WriteIndex(*std::move(entries));
}

absl::Status ImageStore::Untag(std::string_view reference) {
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto found = std::ranges::find(*entries, reference, &IndexEntry::reference);
  if (found == entries->end()) return NotHere(std::string(reference), folder_);
  IndexEntry entry = *found;
  entry.repository = std::string(found->Repository());
  entry.reference.clear();
  entries->erase(found);
  PutEntry(*entries, std::move(entry), std::time(nullptr));
  return WriteIndex(*std::move(entries));
}

absl::Status ImageStore::RemoveManifest(std::string_view repository, std::string_view digest) {
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto is_it = [&](const IndexEntry& entry) {
    return entry.digest == digest && entry.Repository() == repository;
  };
  if (std::erase_if(*entries, is_it) == 0) {
    return NotHere(std::string(repository) + "@sha256:" + std::string(digest), folder_);
  }
  return WriteIndex(*std::move(entries));
}

absl::Status ImageStore::RemoveBlob(const std::string& digest) {
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  const auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto reachable = Reachable(*entries);
  if (!reachable.ok()) return reachable.status();
  if (reachable->contains(digest)) {
    return Refuse(absl::StatusCode::kFailedPrecondition,
                  {.where = "blob sha256:" + digest,
                   .what = "in use",
                   .rule = "a blob goes when no manifest leads to it",
                   .remedy = "delete the manifests that name it"});
  }
  const fs::path path = BlobPath(digest);
  std::error_code error;
  if (fs::remove(path, error)) return absl::OkStatus();
  return NotHere("blob sha256:" + digest, folder_);
}

absl::StatusOr<std::set<std::string>> ImageStore::Reachable(
    const std::vector<IndexEntry>& entries) const {
  std::set<std::string> reached = {Sha256Hex(AsBytes("{}"))};
  std::vector<IndexEntry> waiting = entries;
  while (!waiting.empty()) {
    const IndexEntry entry = std::move(waiting.back());
    waiting.pop_back();
    if (!reached.insert(entry.digest).second) continue;
    const auto document = Document(entry);
    if (!document.ok()) return document.status();
    for (const Descriptor& blob : (*document)->blobs) reached.insert(blob.digest);
    for (const Descriptor& child : (*document)->manifests) {
      std::error_code error;
      // One of an index may be left out, as skopeo does for other architectures.
      if (!fs::exists(blobs() / child.digest, error)) continue;
      waiting.push_back({.digest = child.digest, .media_type = child.media_type});
    }
  }
  return reached;
}

// A manifest without tag stays as long as an index lists it or its subject stays: so do the parts
// of an image for several architectures, and signatures.
absl::Status ImageStore::DropUntagged(std::vector<IndexEntry>& entries, std::time_t before) const {
  std::vector<IndexEntry> old;
  std::vector<IndexEntry> kept;
  for (const IndexEntry& entry : entries) {
    // One that never had a tag here was put here by another tool, and stays.
    const bool is_old = entry.reference.empty() && entry.untagged != 0 && entry.untagged < before;
    (is_old ? old : kept).push_back(entry);
  }
  while (!old.empty()) {
    const auto reachable = Reachable(kept);
    if (!reachable.ok()) return reachable.status();
    const std::size_t count = kept.size();
    for (auto each = old.begin(); each != old.end();) {
      const auto document = Document(*each);
      if (!document.ok()) return document.status();
      const bool stays =
          reachable->contains(each->digest) || reachable->contains((*document)->subject);
      if (stays) kept.push_back(*each);
      each = stays ? old.erase(each) : each + 1;
    }
    if (kept.size() == count) break;
  }
  entries = std::move(kept);
  return absl::OkStatus();
}

std::uint64_t ImageStore::DropIncoming(std::time_t before) const {
  std::uint64_t freed = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(incoming(), error)) {
    if (!IsUpload(entry.path().filename().string()) || ModifiedAt(entry.path()) >= before) continue;
    freed += RemoveFile(entry.path());
  }
  return freed;
}

absl::StatusOr<std::uint64_t> ImageStore::CollectGarbage(const std::set<std::string>& pinned,
                                                         const KeptFor& kept_for) {
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const std::time_t now = std::time(nullptr);
  const std::size_t count = entries->size();
  if (absl::Status status = DropUntagged(*entries, now - kept_for.untagged); !status.ok()) {
    return status;
  }
  const auto reachable = Reachable(*entries);
  if (!reachable.ok()) return reachable.status();
  if (entries->size() != count) {
    if (absl::Status status = WriteIndex(*entries); !status.ok()) return status;
  }
  std::uint64_t freed = DropIncoming(now - kept_for.uploads);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(blobs(), error)) {
    const std::string name = entry.path().filename().string();
    if (!reachable->contains(name) && !pinned.contains(name)) freed += RemoveFile(entry.path());
  }
  if (error) return SystemFailure(blobs().string(), "list", error.value());
  return freed;
}

}  // namespace slipway::control
