// SPDX-License-Identifier: Apache-2.0
//
// The store's folder, its index, and loading: see the header. Importing is in import.cc.
#include "control/image_store/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/image_store/lock.h"
#include "control/image_store/refusal.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kCreated = "dev.slipway.created";
constexpr std::string_view kLayout = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
constexpr std::size_t kDocumentMax = std::size_t{16} << 20;

absl::Status Damaged(const std::string& where, const std::string& what) {
  return Refuse(absl::StatusCode::kDataLoss,
                {.where = where,
                 .what = what,
                 .rule = "blobs are named by the SHA-256 of their bytes",
                 .remedy = "import the image set again"});
}

absl::Status PutFile(const fs::path& incoming, const fs::path& target, std::string_view text) {
  auto file = NewFile::Create(incoming);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(AsBytes(text)); !status.ok()) return status;
  if (absl::Status status = file->Commit(target); !status.ok()) return status;
  return SyncFolder(target.parent_path());
}

}  // namespace

absl::StatusOr<ImageStore> ImageStore::Open(const fs::path& folder) {
  ImageStore store(folder);
  if (absl::Status status = store.Prepare(); !status.ok()) return status;
  return store;
}

absl::Status ImageStore::Prepare() {
  std::error_code error;
  for (const fs::path& path : {blobs(), incoming()}) {
    fs::create_directories(path, error);
    if (error) return SystemFailure(path.string(), "create", error.value());
  }
  const auto lock = StoreLock::TryTake(folder_);
  if (!lock.ok()) return lock.status();
  if (lock->has_value()) {  // nobody is importing: what lies there was left by a crash
    for (const fs::directory_entry& entry : fs::directory_iterator(incoming(), error)) {
      std::error_code ignored;
      fs::remove(entry.path(), ignored);
    }
    if (!fs::exists(folder_ / "oci-layout", error)) {
      if (absl::Status status = PutFile(incoming(), folder_ / "oci-layout", kLayout);
          !status.ok()) {
        return status;
      }
    }
    if (!fs::exists(folder_ / "index.json", error)) {
      if (absl::Status status = WriteIndex({}); !status.ok()) return status;
    }
  }
  return ReadIndex().status();
}

absl::StatusOr<std::vector<ImageStore::Entry>> ImageStore::ReadIndex() const {
  const fs::path path = folder_ / "index.json";
  const auto text = ReadFile(path, kDocumentMax);
  if (!text.ok()) return text.status();
  const Json index = Json::parse(*text, nullptr, false);
  const absl::Status damaged =
      Refuse(absl::StatusCode::kDataLoss,
             {.where = path.string(),
              .what = "not an OCI image index",
              .remedy = "put back a copy, or remove it and import the image sets again"});
  if (!index.is_object() || !index.contains("manifests") || !index["manifests"].is_array()) {
    return damaged;
  }
  std::vector<Entry> entries;
  for (const Json& manifest : index["manifests"]) {
    if (!manifest.is_object()) return damaged;
    const Json annotations = manifest.value("annotations", Json::object());
    const Json digest = manifest.value("digest", Json());
    const Json size = manifest.value("size", Json());
    if (!annotations.is_object() || !digest.is_string() || !size.is_number_unsigned()) {
      return damaged;
    }
    const std::string hex = digest.get<std::string>();
    if (!hex.starts_with("sha256:") || !IsDigest(std::string_view(hex).substr(7))) return damaged;
    const Json reference = annotations.value(kRefName, Json());
    const Json created = annotations.value(kCreated, Json());
    Entry entry{.digest = hex.substr(7), .size = size.get<std::uint64_t>()};
    if (reference.is_string()) entry.reference = reference.get<std::string>();
    if (created.is_string()) {
      entry.created = std::strtoll(created.get<std::string>().c_str(), nullptr, 10);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status ImageStore::WriteIndex(std::vector<Entry> entries) const {
  std::ranges::sort(entries, {}, &Entry::reference);
  Json index = {{"schemaVersion", 2},
                {"mediaType", "application/vnd.oci.image.index.v1+json"},
                {"manifests", Json::array()}};
  for (const Entry& entry : entries) {
    index["manifests"].push_back(
        {{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
         {"artifactType", kArtifactType},
         {"digest", "sha256:" + entry.digest},
         {"size", entry.size},
         {"annotations",
          {{kRefName, entry.reference}, {kCreated, std::to_string(entry.created)}}}});
  }
  return PutFile(incoming(), folder_ / "index.json", index.dump(2) + "\n");
}

absl::StatusOr<ImageSet> ImageStore::ReadSet(const Entry& entry) const {
  const std::string where = entry.reference + " (sha256:" + entry.digest + ")";
  const auto text = ReadFile(blobs() / entry.digest, kDocumentMax);
  if (!text.ok()) return text.status();
  if (Sha256Hex(AsBytes(*text)) != entry.digest) {
    return Damaged(where, "the manifest is not what its digest names");
  }
  auto set = ParseManifest(*text, where);
  if (!set.ok()) return set;
  set->reference = entry.reference;
  set->digest = entry.digest;
  set->created = entry.created;
  return set;
}

absl::StatusOr<std::vector<ImageSet>> ImageStore::List() const {
  const auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  std::vector<ImageSet> sets;
  for (const Entry& entry : *entries) {
    auto set = ReadSet(entry);
    if (!set.ok()) return set.status();
    sets.push_back(*std::move(set));
  }
  return sets;
}

absl::StatusOr<ImageSet> ImageStore::Resolve(std::string_view reference) const {
  const auto canonical = CanonicalReference(reference);
  if (!canonical.ok()) return canonical.status();
  const auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto found = std::ranges::find(*entries, *canonical, &Entry::reference);
  if (found != entries->end()) return ReadSet(*found);
  return Refuse(absl::StatusCode::kNotFound, {.where = "image set " + *canonical,
                                              .what = "not in " + folder_.string(),
                                              .remedy = "slipway image list shows what is"});
}

absl::Status ImageStore::Load(std::string_view digest, MutableBytes destination) const {
  if (!IsDigest(digest)) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = "digest " + std::string(digest), .what = "not 64 hex digits"});
  }
  const fs::path path = blobs() / std::string(digest);
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return file.status();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return SystemFailure(path.string(), "measure", errno);
  if (static_cast<std::uint64_t>(status.st_size) != destination.size()) {
    return Damaged(path.string(), "has " + std::to_string(status.st_size) + " bytes instead of " +
                                      std::to_string(destination.size()));
  }
  // Hashed block by block while each is still in the processor's cache.
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  Sha256 sha;
  while (!destination.empty()) {
    const MutableBytes block = destination.first(std::min(kBlock, destination.size()));
    const auto got = ReadSome(*file, path, block);
    if (!got.ok()) return got.status();
    if (*got != block.size()) return Damaged(path.string(), "became shorter while it was read");
    sha.Update(block);
    destination = destination.subspan(block.size());
  }
  if (sha.Hex() != digest) return Damaged(path.string(), "the bytes are not what the digest names");
  return absl::OkStatus();
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
  const auto found = std::ranges::find(*entries, *source, &Entry::reference);
  if (found == entries->end()) {
    return Refuse(absl::StatusCode::kNotFound, {.where = "image set " + *source,
                                                .what = "not in " + folder_.string(),
                                                .remedy = "slipway image list shows what is"});
  }
  Entry tagged = *found;
  tagged.reference = *target;
  std::erase_if(*entries, [&](const Entry& entry) { return entry.reference == *target; });
  entries->push_back(std::move(tagged));
  return WriteIndex(*std::move(entries));
}

absl::Status ImageStore::Remove(std::string_view reference) {
  const auto canonical = CanonicalReference(reference);
  if (!canonical.ok()) return canonical.status();
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  const auto is_it = [&](const Entry& entry) { return entry.reference == *canonical; };
  if (std::erase_if(*entries, is_it) == 0) {
    return Refuse(absl::StatusCode::kNotFound, {.where = "image set " + *canonical,
                                                .what = "not in " + folder_.string(),
                                                .remedy = "slipway image list shows what is"});
  }
  return WriteIndex(*std::move(entries));
}

absl::StatusOr<std::uint64_t> ImageStore::CollectGarbage(const std::set<std::string>& pinned) {
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  // A set that cannot be read keeps everything: nobody knows what it leads to.
  const auto sets = List();
  if (!sets.ok()) return sets.status();
  std::set<std::string> kept = pinned;
  kept.insert(Sha256Hex(AsBytes("{}")));
  for (const ImageSet& set : *sets) {
    kept.insert(set.digest);
    for (const ImageFile& file : set.files) kept.insert(file.digest);
  }
  std::uint64_t freed = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(blobs(), error)) {
    if (kept.contains(entry.path().filename().string())) continue;
    std::error_code ignored;
    const std::uint64_t size = entry.is_regular_file() ? entry.file_size(ignored) : 0;
    if (fs::remove(entry.path(), ignored)) freed += size;
  }
  if (error) return SystemFailure(blobs().string(), "list", error.value());
  return freed;
}

}  // namespace slipway::control
