// SPDX-License-Identifier: Apache-2.0
//
// ImageStore: image sets on disk, as an OCI image layout (image-spec 1.1): `oci-layout`,
// `index.json` whose entries carry org.opencontainers.image.ref.name, and blobs by their SHA-256.
//
// Invariants: index.json is replaced last, and atomically, so a reference leads to a whole set or
// to the one before; a blob is verified each time it is loaded; nothing outside the folder is
// written. One writer at a time, by a lock file that a crash releases; readers need no lock.
// Left out: pulling from registries, and signatures of sets (a later issue).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/image_store/image_set.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

struct ImportOptions {
  // Take the files out of an ISO instead of keeping it as one RAM-disk image.
  bool tree = false;
  // Architecture to path: the boot files where the rules (boot_file.h) would choose others.
  std::map<std::string, std::string> boot;
  std::int64_t created = 0;  // seconds since 1970; 0 is now
  // Asked once all files are blobs, before anything leads to them; an error ends the import, and
  // the blobs wait for the next collection.
  std::function<absl::Status(const ImageSet&)> check;
};

class ImageStore {
 public:
  // Opens or creates the store, and clears away what a crash left half-written.
  static absl::StatusOr<ImageStore> Open(const std::filesystem::path& folder);

  // `source`: a folder, an EFI program or other file, or an .iso. `reference`: "name:tag"; one that
  // exists is replaced. Nothing is visible before everything is on disk.
  absl::StatusOr<ImageSet> Import(const std::filesystem::path& source, std::string_view reference,
                                  const ImportOptions& options = {});

  // By reference, ascending. A set that cannot be read makes the list fail and says which.
  absl::StatusOr<std::vector<ImageSet>> List() const;
  absl::StatusOr<ImageSet> Resolve(std::string_view reference) const;

  // The blob straight into `destination`, which must be exactly as long. Fails with kDataLoss, and
  // `destination` is worth nothing, when the bytes are not those the digest names.
  absl::Status Load(std::string_view digest, MutableBytes destination) const;

  // Makes `to` lead to the version that `from` leads to, in one step; `to` may be new.
  absl::Status Tag(std::string_view from, std::string_view to);

  // Forgets the reference. Its blobs stay until garbage is collected.
  absl::Status Remove(std::string_view reference);

  // Deletes blobs that no reference leads to and that are not in `pinned` (hex digests); gives the
  // bytes freed.
  absl::StatusOr<std::uint64_t> CollectGarbage(const std::set<std::string>& pinned);

  const std::filesystem::path& folder() const { return folder_; }
  // Where the bytes of a digest lie, if they are here; they never change.
  std::filesystem::path BlobPath(const std::string& digest) const { return blobs() / digest; }

 private:
  explicit ImageStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  struct Entry {
    std::string reference;
    std::string digest;
    std::uint64_t size = 0;
    std::int64_t created = 0;
  };

  std::filesystem::path blobs() const { return folder_ / "blobs" / "sha256"; }
  std::filesystem::path incoming() const { return folder_ / ".incoming"; }
  absl::Status Prepare();
  absl::StatusOr<std::vector<Entry>> ReadIndex() const;
  absl::Status WriteIndex(std::vector<Entry> entries) const;
  absl::StatusOr<ImageSet> ReadSet(const Entry& entry) const;
  absl::Status PutBlob(const std::string& bytes) const;

  std::filesystem::path folder_;
};

}  // namespace slipway::control
