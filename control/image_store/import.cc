// SPDX-License-Identifier: Apache-2.0
//
// Importing: files come in beside the blobs, which takes as long as it takes and no lock; then they
// become blobs, then the manifest, then index.json leads to it. Each step is on disk before the
// next begins, so a crash at any instant leaves the old set or the new one, and at worst blobs that
// nothing leads to.
#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "control/architecture.h"
#include "control/image_store/archive_source.h"
#include "control/image_store/boot_file.h"
#include "control/image_store/files.h"
#include "control/image_store/image_store.h"
#include "control/image_store/layout.h"
#include "control/image_store/lock.h"
#include "control/image_store/refusal.h"
#include "control/image_store/source.h"
#include "control/whole_file.h"
#include "protocols/http/media_type.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

// Staged files on their way to be blobs, while the store's lock is held. One that is there already
// is replaced by the same bytes, which also mends a damaged one.
class NewBlobs {
 public:
  explicit NewBlobs(fs::path blobs) : blobs_(std::move(blobs)) {}
  ~NewBlobs() {
    std::error_code ignored;
    for (const std::string& digest : fresh_) fs::remove(blobs_ / digest, ignored);
  }
  NewBlobs(const NewBlobs&) = delete;
  NewBlobs& operator=(const NewBlobs&) = delete;

  absl::Status Take(const StagedImport& staged) {
    std::set<std::string> taken;
    for (const ImageFile& file : staged.set.files) {
      if (!taken.insert(file.digest).second) continue;
      const fs::path place = blobs_ / file.digest;
      std::error_code error;
      if (!fs::exists(place, error)) fresh_.insert(file.digest);
      fs::rename(staged.BlobPath(file.digest), place, error);
      if (error) return SystemFailure(place.string(), "put in place", error.value());
    }
    return absl::OkStatus();
  }
  // They stay; those that were not there before go away with the object otherwise. The store's lock
  // is held, so nobody else has come to lead to them.
  void Keep() { fresh_.clear(); }

 private:
  fs::path blobs_;
  std::set<std::string> fresh_;
};

// Each file comes to lie under its digest.
class StagingSink final : public FileSink {
 public:
  explicit StagingSink(fs::path folder) : folder_(std::move(folder)) {}

  absl::Status Begin(const std::string& path) override {
    if (files_.contains(path)) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = path, .what = "stands twice in the source"});
    }
    auto file = NewFile::Create(folder_);
    if (!file.ok()) return file.status();
    file_.emplace(*std::move(file));
    path_ = path;
    return absl::OkStatus();
  }
  absl::Status Append(Bytes bytes) override { return file_->Append(bytes); }
  absl::Status End() override {
    const std::string digest = file_->TakeDigest();
    const auto architecture = PeArchitecture(AsBytes(file_->head()));
    candidates_.push_back({path_, std::string(architecture.value_or(""))});
    // A program is one whatever its name: firmware goes by the media type.
    files_[path_] = {.path = path_,
                     .digest = digest,
                     .size = file_->size(),
                     .media_type = std::string(http::MediaTypeOf(path_)),
                     .role = std::string(RoleOf(path_, AsBytes(file_->head()))),
                     .architecture = std::string(architecture.value_or(""))};
    absl::Status status = file_->Commit(folder_ / digest);
    file_.reset();
    return status;
  }
  absl::Status Same(const std::string& path, const std::string& as) override {
    const ImageFile file = files_.at(as);
    files_[path] = {.path = path,
                    .digest = file.digest,
                    .size = file.size,
                    .media_type = std::string(http::MediaTypeOf(path)),
                    .role = file.role,
                    .architecture = file.architecture};
    const auto candidate = std::ranges::find(candidates_, as, &BootCandidate::path);
    candidates_.push_back({path, std::string(candidate->architecture)});
    return absl::OkStatus();
  }

  std::vector<ImageFile> files() const {
    std::vector<ImageFile> files;
    for (const auto& [path, file] : files_) files.push_back(file);
    return files;
  }
  const std::vector<BootCandidate>& candidates() const { return candidates_; }

 private:
  fs::path folder_;
  std::optional<NewFile> file_;
  std::string path_;
  std::map<std::string, ImageFile> files_;
  std::vector<BootCandidate> candidates_;
};

absl::Status ReadSource(const fs::path& source, ImportAs as, FileSink& sink) {
  std::error_code error;
  const fs::file_status status = fs::status(source, error);
  if (error) return SystemFailure(source.string(), "open", error.value());
  const std::string name = source.filename().string();
  const auto kind = ArchiveKindOf(name);
  const bool is_tar = kind == ArchiveKind::kTar;
  if (as == ImportAs::kRamDisk && (is_tar || fs::is_directory(status))) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = name,
                   .what = "is no disk, and cannot be a RAM disk",
                   .remedy = "import it as a tree, or make an ISO of it"});
  }
  if (fs::is_directory(status)) return ReadFolder(source, sink);
  if (!fs::is_regular_file(status)) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = source.string(),
                   .what = "neither a file nor a folder",
                   .remedy = "import a folder, an EFI program, an ISO or a tar"});
  }
  if (is_tar || as == ImportAs::kTree) {
    return ReadArchive(source, kind.value_or(ArchiveKind::kIso), sink);
  }
  return ReadSingleFile(source, name, sink);
}

ImageFile* FindFile(ImageSet& set, const std::string& path) {
  const auto found = std::ranges::find(set.files, path, &ImageFile::path);
  return found == set.files.end() ? nullptr : &*found;
}

// What only the set as a whole tells: which programs are booted, and what belongs to an installer.
void GiveRoles(ImageSet& set, const std::optional<Layout>& layout) {
  if (layout) {
    for (const BootProposal& boot : layout->boots) {
      ImageFile* const kernel = FindFile(set, boot.kernel);
      kernel->role = "kernel";
      if (kernel->architecture.empty()) kernel->architecture = boot.architecture;
      for (const std::string& path : boot.initrds) {
        ImageFile* const initrd = FindFile(set, path);
        initrd->role = "initrd";
        initrd->architecture = boot.architecture;
      }
    }
  }
  for (const auto& [architecture, path] : set.boot) {
    ImageFile* const file = FindFile(set, path);
    if (file->role == "efi") file->role = "boot";
    if (file->role != "iso" && file->role != "disk") continue;
    // Firmware makes it a RAM disk (UEFI 2.10 section 24.7.3.1), which takes its size of memory.
    set.needs.emplace("ram-disk", "true");
    set.needs.emplace("memory-mib", std::to_string((file->size + (1U << 20) - 1) >> 20));
  }
}

// Whatever the operator calls an architecture, the manifest has UEFI's name.
std::map<std::string, std::string> ByUefiName(const std::map<std::string, std::string>& said) {
  std::map<std::string, std::string> named;
  for (const auto& [architecture, what] : said) {
    named.emplace(UefiArchitecture(architecture), what);
  }
  return named;
}

absl::Status TakeArguments(ImageSet& set, const ImportOptions& options,
                           const std::optional<Layout>& layout) {
  set.arguments = ByUefiName(options.arguments);
  const auto proposed = std::ranges::find(set.arguments, "proposed",
                                          &std::map<std::string, std::string>::value_type::second);
  if (proposed == set.arguments.end()) return absl::OkStatus();
  const std::string asked = proposed->first;
  if (!layout) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = set.reference,
                   .what = "no distribution's tree was recognised, so no arguments are proposed",
                   .remedy = "say the arguments themselves"});
  }
  set.arguments.erase(proposed);
  bool found = false;
  for (const BootProposal& boot : layout->boots) {
    if (asked != "any" && asked != boot.architecture) continue;
    set.arguments.emplace(boot.architecture, boot.arguments);
    found = true;
  }
  if (found) return absl::OkStatus();
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = set.reference,
                 .what = "no arguments are proposed for " + asked,
                 .remedy = "say the arguments themselves"});
}

// What the operator says stands in annotations, for others to read.
absl::Status CheckWords(const ImportOptions& options) {
  constexpr std::size_t kNameMax = 63;
  constexpr std::size_t kValueMax = 4096;
  for (const auto* words : {&options.arguments, &options.labels, &options.needs}) {
    for (const auto& [name, value] : *words) {
      const bool is_name =
          !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                   c == '-';
          });
      if (is_name && value.size() <= kValueMax && Printable(value) == value) continue;
      return Refuse(
          absl::StatusCode::kInvalidArgument,
          {.where = "\"" + Printable(name) + "\"",
           .what = is_name ? "has a value that is no text, or too long" : "is no name",
           .rule = "names are of 'a' to 'z', digits, '.', '_' and '-', at most 63; values at most "
                   "4096 bytes of UTF-8 without control characters",
           .remedy = "say it as NAME=VALUE"});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageSet> ImageStore::Import(const fs::path& source, std::string_view reference,
                                            const ImportOptions& options) {
  const auto staged = Stage(source, reference, options);
  if (!staged.ok()) return staged.status();
  return Commit(*staged, options.check);
}

absl::StatusOr<StagedImport> ImageStore::Stage(const fs::path& source, std::string_view reference,
                                               const ImportOptions& options) const {
  const auto canonical = CanonicalReference(reference);
  if (!canonical.ok()) return canonical.status();
  if (absl::Status status = CheckNewName(*canonical); !status.ok()) return status;
  if (absl::Status status = CheckWords(options); !status.ok()) return status;
  auto staging = Staging::Create(incoming());
  if (!staging.ok()) return staging.status();
  StagingSink sink(staging->folder());
  if (absl::Status status = ReadSource(source, options.as, sink); !status.ok()) return status;
  if (sink.candidates().empty()) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = source.string(), .what = "holds no file"});
  }
  auto boot = ChooseBootFiles(sink.candidates(), ByUefiName(options.boot));
  if (!boot.ok()) return boot.status();

  StagedImport staged{
      .set = {.reference = *canonical,
              .created = options.created != 0 ? options.created : std::time(nullptr),
              .files = sink.files(),
              .boot = *std::move(boot),
              .labels = options.labels,
              .needs = options.needs},
      .staging = *std::move(staging)};
  const auto layout = RecogniseLayout(
      staged.set, [&](const ImageFile& file) { return BeginningOf(staged.BlobPath(file.digest)); });
  if (absl::Status status = TakeArguments(staged.set, options, layout); !status.ok()) return status;
  GiveRoles(staged.set, layout);
  staged.manifest = ManifestOf(staged.set);
  staged.set.digest = Sha256Hex(AsBytes(staged.manifest));
  return staged;
}

absl::StatusOr<ImageSet> ImageStore::Commit(
    const StagedImport& staged, const std::function<absl::Status(const ImageSet&)>& check) {
  const ImageSet& set = staged.set;
  const auto lock = StoreLock::Take(folder_);
  if (!lock.ok()) return lock.status();
  NewBlobs fresh(blobs());
  if (absl::Status status = fresh.Take(staged); !status.ok()) return status;
  if (check) {
    if (absl::Status status = check(set); !status.ok()) return status;
  }
  for (const std::string& blob : {std::string("{}"), staged.manifest}) {
    if (absl::Status status = PutBlob(blob); !status.ok()) return status;
  }
  if (absl::Status status = SyncFolder(blobs()); !status.ok()) return status;

  auto entries = ReadIndex();
  if (!entries.ok()) return entries.status();
  IndexEntry entry{.reference = set.reference,
                   .digest = set.digest,
                   .size = staged.manifest.size(),
                   .media_type = std::string(kManifestType),
                   .artifact_type = std::string(kArtifactType),
                   .created = set.created};
  PutEntry(*entries, std::move(entry), std::time(nullptr));
  fresh.Keep();  // before anything may lead there; should this fail, a collection takes them
  if (absl::Status status = WriteIndex(*std::move(entries)); !status.ok()) return status;
  return set;
}

absl::Status ImageStore::PutBlob(const std::string& bytes) const {
  auto file = NewFile::Create(incoming());
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(AsBytes(bytes)); !status.ok()) return status;
  return file->Commit(blobs() / file->TakeDigest());
}

}  // namespace slipway::control
