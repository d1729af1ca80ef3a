// SPDX-License-Identifier: Apache-2.0
//
// ImageStore: image sets on disk, as an OCI image layout (image-spec 1.1): `oci-layout`,
// `index.json` whose entries carry org.opencontainers.image.ref.name, and blobs by their SHA-256.
//
// Invariants: index.json is replaced last, and atomically, so a reference leads to a whole set or
// to the one before; a blob is verified each time it is loaded; nothing outside the folder is
// written. One writer at a time, by a lock file that a crash releases; readers need no lock.
// What is pushed to the registry (control/registry) lies here too: manifests of others are kept and
// given back, and are no image sets. An uploaded blob waits in `.incoming` until a manifest names
// it. Left out: signatures of sets are kept, and not verified.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/image_store/image_set.h"
#include "control/image_store/index.h"
#include "control/image_store/index_cache.h"
#include "control/image_store/manifest_cache.h"
#include "control/image_store/oci.h"
#include "control/image_store/staging.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// What becomes of the source: its files, or one image that machines take as a RAM disk. By its
// name: a folder and a tar are trees, any other file is kept as it is.
enum class ImportAs : std::uint8_t { kByName, kTree, kRamDisk };

struct ImportOptions {
  ImportAs as = ImportAs::kByName;
  // Architecture to path: the boot files where the rules (boot_file.h) would choose others.
  std::map<std::string, std::string> boot;
  // Architecture (or "any") to kernel arguments. {"any", "proposed"}: those of the layout that is
  // recognised (layout.h), for each architecture that it has.
  std::map<std::string, std::string> arguments;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> needs;  // beside what is known of itself
  std::int64_t created = 0;                  // seconds since 1970; 0 is now
  // Asked once all files are on this disk, before anything leads to them; an error ends the import.
  std::function<absl::Status(const ImageSet&)> check;
};

// An import whose files have come in: hashed, on disk, and nobody's yet.
struct StagedImport {
  ImageSet set;
  std::string manifest;
  Staging staging;

  std::filesystem::path BlobPath(const std::string& digest) const {
    return staging.folder() / digest;
  }
};

// A manifest as it came to the registry.
struct PushedManifest {
  std::string repository;
  std::string tag;         // empty: it is reached by its digest alone
  std::string media_type;  // as it was said beside it; may be empty
  std::string text;
  // Asked where it is an image set, once all it names is found to be here; an error ends the push.
  std::function<absl::Status(const ImageSet&)> check;
  // Told of what the index is about to say, when all else is done; an error ends the push.
  std::function<absl::Status(const IndexEntry&)> note;
};

// Seconds that what nothing leads to is kept.
struct KeptFor {
  std::time_t untagged = std::time_t{7} * 86400;  // a manifest without tag that no index lists
  std::time_t uploads = 86400;  // an upload, since its last byte; a blob that no manifest names
};

class ImageStore {
 public:
  // Opens or creates the store, and clears away what a crash left half-written.
  static absl::StatusOr<ImageStore> Open(const std::filesystem::path& folder);

  // `source`: a folder, an EFI program or other file, an .iso, or a tar (archive_source.h).
  // `reference`: "name:tag"; one that exists is replaced. Nothing is visible before everything is
  // on disk, and of what is refused nothing is kept.
  absl::StatusOr<ImageSet> Import(const std::filesystem::path& source, std::string_view reference,
                                  const ImportOptions& options = {});
  // Its two halves: the long one, which takes no lock and asks no check; and the short one, which
  // makes blobs of the files, asks `check`, and makes the reference lead to them.
  absl::StatusOr<StagedImport> Stage(const std::filesystem::path& source,
                                     std::string_view reference,
                                     const ImportOptions& options) const;
  absl::StatusOr<ImageSet> Commit(const StagedImport& staged,
                                  const std::function<absl::Status(const ImageSet&)>& check);

  // By reference, ascending, without those whose manifest is damaged, gone or none of ours:
  // LeftOut() says which. A disk that does not answer makes the list fail, as it may again.
  absl::StatusOr<std::vector<ImageSet>> List() const;
  // What the last list left out, and why and what to do: one sentence each.
  std::vector<std::string> LeftOut() const { return manifests_->left_out(); }
  absl::StatusOr<ImageSet> Resolve(std::string_view reference) const;

  // The blob straight into `destination`, which must be exactly as long. Fails with kDataLoss, and
  // `destination` is worth nothing, when the bytes are not those the digest names.
  absl::Status Load(std::string_view digest, MutableBytes destination) const {
    return LoadFrom(BlobPath(std::string(digest)), digest, destination);
  }
  // The same where the bytes lie elsewhere.
  static absl::Status LoadFrom(const std::filesystem::path& path, std::string_view digest,
                               MutableBytes destination);

  // Makes `to` lead to the version that `from` leads to, in one step; `to` may be new.
  absl::Status Tag(std::string_view from, std::string_view to);

  // Forgets the reference. Its blobs stay until garbage is collected.
  absl::Status Remove(std::string_view reference);

  // Deletes blobs that no manifest leads to and that are not in `pinned` (hex digests), manifests
  // without a tag and uploads that are too old; gives the bytes freed.
  absl::StatusOr<std::uint64_t> CollectGarbage(const std::set<std::string>& pinned,
                                               const KeptFor& kept = {});

  // All manifests, image sets or not.
  absl::StatusOr<std::vector<IndexEntry>> Entries() const;
  // What a manifest says.
  absl::StatusOr<std::shared_ptr<const OciDocument>> Document(const IndexEntry& entry) const {
    auto known = Read(entry);
    if (!known.ok()) return known.status();
    return (*known)->document;
  }
  // kNotFound: a blob that it names is not here; kInvalidArgument: it is malformed, or a size is
  // wrong; anything else is its check's, or the disk's. Nothing is visible before all is on disk.
  absl::StatusOr<IndexEntry> PutManifest(const PushedManifest& pushed);
  // What it would become; nullopt where that is no image set. What it names need not be here.
  static absl::StatusOr<std::optional<ImageSet>> SetOf(const PushedManifest& pushed);
  // Takes a name away; its manifest stays reachable by digest.
  absl::Status Untag(std::string_view reference);
  // Takes a manifest, and its tags, out of one repository.
  absl::Status RemoveManifest(std::string_view repository, std::string_view digest);
  // Deletes a blob; kFailedPrecondition when some manifest leads to it.
  absl::Status RemoveBlob(const std::string& digest);

  const std::filesystem::path& folder() const { return folder_; }
  // Where the bytes of a digest lie, if they are here; they never change. A blob that no manifest
  // names yet lies among what is incoming.
  std::filesystem::path BlobPath(const std::string& digest) const;
  // The first 64 KiB of a file that is here; empty where it cannot be read.
  std::string Beginning(const ImageFile& file) const { return BeginningOf(BlobPath(file.digest)); }
  static std::string BeginningOf(const std::filesystem::path& path);
  // Where uploads lie, and where the layout's blobs.
  std::filesystem::path incoming() const { return folder_ / ".incoming"; }
  std::filesystem::path blobs() const { return folder_ / "blobs" / "sha256"; }

 private:
  explicit ImageStore(std::filesystem::path folder)
      : folder_(std::move(folder)),
        index_(std::make_unique<IndexCache>()),
        manifests_(std::make_unique<ManifestCache>()) {}

  absl::Status Prepare();
  absl::StatusOr<IndexCache::Entries> Index() const;
  absl::StatusOr<std::vector<IndexEntry>> ReadIndex() const;  // to be changed
  absl::Status WriteIndex(std::vector<IndexEntry> entries) const;
  absl::StatusOr<std::shared_ptr<const KnownManifest>> Read(const IndexEntry& entry) const;
  absl::StatusOr<ImageSet> ReadSet(const IndexEntry& entry) const;
  absl::Status PutBlob(const std::string& bytes) const;
  absl::Status FindParts(const OciDocument& document, const std::vector<IndexEntry>& entries) const;
  absl::Status TakeIn(const OciDocument& document) const;
  absl::Status HoldArchitectures(const ImageSet& set) const;
  absl::StatusOr<std::set<std::string>> Reachable(const std::vector<IndexEntry>& entries) const;
  absl::Status DropUntagged(std::vector<IndexEntry>& entries, std::time_t before) const;
  std::uint64_t DropIncoming(std::time_t before) const;

  std::filesystem::path folder_;
  std::unique_ptr<IndexCache> index_;
  std::unique_ptr<ManifestCache> manifests_;
};

}  // namespace slipway::control
