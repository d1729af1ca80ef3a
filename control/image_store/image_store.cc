// SPDX-License-Identifier: Apache-2.0
//
// The store's folder, its index, and loading: see the header. Importing is in import.cc, what
// the registry writes in push.cc, and deleting in collect.cc.
#include "control/image_store/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/image_store/lock.h"
#include "control/image_store/previous.h"
#include "control/image_store/refusal.h"
#include "control/image_store/uploads.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLayout = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
constexpr std::size_t kDocumentMax = std::size_t{16} << 20;
constexpr std::size_t kIndexMax = std::size_t{64} << 20;

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
  if (lock->has_value()) {  // nobody is writing: what lies there was left by a crash
    for (const fs::directory_entry& entry : fs::directory_iterator(incoming(), error)) {
      std::error_code ignored;
      // Uploads go on where they were; a collection takes those that nobody goes on with.
      if (IsUpload(entry.path().filename().string())) continue;
      if (entry.is_directory(ignored)) {
        Staging::RemoveAbandoned(entry.path());
      } else {
        fs::remove(entry.path(), ignored);
      }
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
  return Index().status();
}

absl::StatusOr<IndexCache::Entries> ImageStore::Index() const {
  const fs::path path = folder_ / "index.json";
  auto text = ReadFile(path, kIndexMax);
  if (!text.ok()) return text.status();
  return index_->Parsed(*std::move(text), path.string());
}

absl::StatusOr<std::vector<IndexEntry>> ImageStore::ReadIndex() const {
  const auto entries = Index();
  if (!entries.ok()) return entries.status();
  return **entries;
}

// The only way in which a reference comes to lead elsewhere: so here it is noted what it led to.
absl::Status ImageStore::WriteIndex(std::vector<IndexEntry> entries) const {
  std::optional<std::string> was;
  if (const auto before = Index(); before.ok()) {
    Previous previous = Previous::Read(folder_);
    std::string text = previous.ToText();
    if (previous.Take(**before, entries)) {
      const absl::Status noted = PutFile(incoming(), Previous::PathIn(folder_), previous.ToText());
      if (!noted.ok()) return noted;
      was = std::move(text);
    }
  }
  absl::Status written = PutFile(incoming(), folder_ / "index.json", IndexText(std::move(entries)));
  // Nothing moved: so the way back stays the old one.
  if (!written.ok() && was) static_cast<void>(PutFile(incoming(), Previous::PathIn(folder_), *was));
  return written;
}

absl::StatusOr<std::shared_ptr<const KnownManifest>> ImageStore::Read(
    const IndexEntry& entry) const {
  if (auto known = manifests_->Find(entry.digest)) return known;
  const std::string where = entry.reference + " (sha256:" + entry.digest + ")";
  const auto text = ReadFile(blobs() / entry.digest, kDocumentMax);
  if (!text.ok()) return text.status();
  if (Sha256Hex(AsBytes(*text)) != entry.digest) {
    return Damaged(where, "the manifest is not what its digest names");
  }
  auto document = ParseOciDocument(*text, entry.media_type);
  if (!document.ok()) return Damaged(where, std::string(document.status().message()));
  KnownManifest known;
  if (document->artifact_type == kArtifactType) {
    auto set = ParseManifest(*text, where);
    if (!set.ok()) return set.status();
    known.set = *std::move(set);
  }
  known.document = std::make_shared<const OciDocument>(*std::move(document));
  return manifests_->Put(entry.digest, std::move(known));
}

absl::StatusOr<ImageSet> ImageStore::ReadSet(const IndexEntry& entry) const {
  const auto known = Read(entry);
  if (!known.ok()) return known.status();
  if (!(*known)->set) {
    return Refuse(absl::StatusCode::kNotFound,
                  {.where = entry.reference,
                   .what = "not an image set",
                   .rule = std::string("its artifactType is not ") + std::string(kArtifactType)});
  }
  ImageSet set = *(*known)->set;
  set.reference = entry.reference;
  set.digest = entry.digest;
  set.created = entry.created;
  return set;
}

absl::StatusOr<std::vector<IndexEntry>> ImageStore::Entries() const { return ReadIndex(); }

fs::path ImageStore::BlobPath(const std::string& digest) const {
  fs::path path = blobs() / digest;
  std::error_code error;
  if (fs::exists(path, error)) return path;
  fs::path uploaded = incoming() / (std::string(kUploadedPrefix) + digest);
  return fs::exists(uploaded, error) ? uploaded : path;
}

std::string ImageStore::BeginningOf(const fs::path& path) {
  constexpr std::size_t kBeginning = std::size_t{64} << 10;
  const auto open = OpenFile(path, O_RDONLY);
  if (!open.ok()) return {};
  std::vector<std::uint8_t> bytes(kBeginning);
  const auto got = ReadSome(*open, path, bytes);
  return std::string(AsText(Bytes(bytes).first(got.ok() ? *got : 0)));
}

absl::StatusOr<std::vector<ImageSet>> ImageStore::List() const {
  const auto entries = Index();
  if (!entries.ok()) return entries.status();
  std::vector<ImageSet> sets;
  std::vector<std::string> left_out;
  for (const IndexEntry& entry : **entries) {
    // Of others' manifests only those are read that do not say what they are.
    const bool other = !entry.artifact_type.empty() && entry.artifact_type != kArtifactType;
    if (entry.reference.empty() || other || OciKindOf(entry.media_type) != OciKind::kManifest) {
      continue;
    }
    const auto known = Read(entry);
    if (known.status().code() == absl::StatusCode::kUnavailable) return known.status();
    if (!known.ok()) {
      const auto what = known.status().message();
      left_out.push_back("image set " + entry.reference +
                         " is left out: " + std::string(what.data(), what.size()));
      continue;
    }
    if (!(*known)->set) continue;
    auto set = ReadSet(entry);
    if (!set.ok()) return set.status();
    sets.push_back(*std::move(set));
  }
  manifests_->TellLeftOut(std::move(left_out));
  manifests_->Keep(**entries);
  return sets;
}

absl::StatusOr<ImageSet> ImageStore::Resolve(std::string_view reference) const {
  const auto canonical = CanonicalReference(reference);
  if (!canonical.ok()) return canonical.status();
  const auto entries = Index();
  if (!entries.ok()) return entries.status();
  const auto found = std::ranges::find(**entries, *canonical, &IndexEntry::reference);
  if (found != (*entries)->end()) return ReadSet(*found);
  return Refuse(absl::StatusCode::kNotFound, {.where = "image set " + *canonical,
                                              .what = "not in " + folder_.string(),
                                              .remedy = "slipway image list shows what is"});
}

absl::Status ImageStore::LoadFrom(const fs::path& path, std::string_view digest,
                                  MutableBytes destination) {
  if (!IsDigest(digest)) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = "digest " + std::string(digest), .what = "not 64 hex digits"});
  }
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

}  // namespace slipway::control
