// SPDX-License-Identifier: Apache-2.0
//
// The way back: every name is checked against layout.h and every file against backup.json before
// the directory gets its name.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "control/backup/backup.h"
#include "control/backup/layout.h"
#include "control/parse_json.h"
#include "control/text.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kListMax = std::size_t{64} << 20;

// Of the format, not of the program: nothing is wrong with the file.
absl::Status Newer(const fs::path& tar, std::uint64_t version) {
  return absl::FailedPreconditionError(
      Text(tar.string(), ": a newer slipwayd wrote it: its backups have the version ", version,
           ", and this one reads those up to ", kBackupVersion, "; restore it with that one"));
}

absl::Status NotOurs(const fs::path& tar, std::string_view what) {
  return absl::DataLossError(
      Text(tar.string(), ": ", what, "; it is not a whole backup, take another copy"));
}

// What a file is written to; closed with the object.
class OutFile {
 public:
  OutFile(const fs::path& path, mode_t mode)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {}
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;
  ~OutFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool Append(const char* data, std::size_t size) const {
    while (size != 0) {
      const ssize_t written = ::write(descriptor_, data, size);
      if (written <= 0) return false;
      data += written;
      size -= static_cast<std::size_t>(written);
    }
    return descriptor_ >= 0;
  }
  bool Sync() const { return ::fsync(descriptor_) == 0; }

 private:
  int descriptor_;
};

class Restorer {
 public:
  Restorer(const fs::path& tar, fs::path work, const std::function<void(std::uint64_t bytes)>& told)
      : tar_(tar), work_(std::move(work)), told_(told) {}
  ~Restorer() { archive_read_free(reader_); }
  Restorer(const Restorer&) = delete;
  Restorer& operator=(const Restorer&) = delete;

  absl::StatusOr<Restored> Run() {
    archive_read_support_format_tar(reader_);
    if (archive_read_open_filename(reader_, tar_.c_str(), 1 << 16) != ARCHIVE_OK) {
      return NotOurs(tar_, archive_error_string(reader_));
    }
    if (absl::Status status = ReadList(); !status.ok()) return status;
    archive_entry* entry = nullptr;
    int result = ARCHIVE_OK;
    while ((result = archive_read_next_header(reader_, &entry)) == ARCHIVE_OK) {
      if (absl::Status status = TakeEntry(entry); !status.ok()) return status;
    }
    if (result != ARCHIVE_EOF) return NotOurs(tar_, archive_error_string(reader_));
    if (!missing_.empty()) return NotOurs(tar_, missing_.begin()->first + " is missing");
    for (const fs::path& folder : folders_) {
      if (!SyncFolder(folder).ok()) return NotOurs(tar_, "cannot be written to disk");
    }
    return restored_;
  }

 private:
  struct Expected {
    std::string sha256;
    std::uint64_t bytes = 0;
  };

  absl::Status ReadList() {
    archive_entry* entry = nullptr;
    if (archive_read_next_header(reader_, &entry) != ARCHIVE_OK ||
        archive_entry_pathname(entry) == nullptr || archive_entry_pathname(entry) != kBackupList ||
        archive_entry_size(entry) > static_cast<la_int64_t>(kListMax)) {
      return NotOurs(tar_, "it does not begin with backup.json");
    }
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    if (archive_read_data(reader_, text.data(), text.size()) !=
        static_cast<la_ssize_t>(text.size())) {
      return NotOurs(tar_, "backup.json is cut off");
    }
    const auto list = ParseJson(text);
    const bool is_ours =
        list.is_object() && list.contains("version") && list["version"].is_number_unsigned();
    const std::uint64_t version = is_ours ? list["version"].get<std::uint64_t>() : 0;
    if (version == 0) return NotOurs(tar_, "backup.json is damaged");
    // Before all else: what else a newer one says is its own affair.
    if (version > kBackupVersion) return Newer(tar_, version);
    if (!list.contains("files") || !list["files"].is_object()) {
      return NotOurs(tar_, "backup.json is damaged");
    }
    for (const auto& [name, file] : list["files"].items()) {
      if (!IsBackupName(name) || !file.is_object()) {
        return NotOurs(tar_, Text("backup.json names ", name));
      }
      if (!file.contains("sha256") || !file["sha256"].is_string() || !file.contains("bytes") ||
          !file["bytes"].is_number_unsigned()) {
        return NotOurs(tar_, Text("backup.json says nothing of ", name));
      }
      missing_[name] = {file.value("sha256", ""), file.value("bytes", std::uint64_t{0})};
      restored_.has_images = restored_.has_images || name == kBackupIndex[1];
    }
    restored_.created = list.contains("created") ? list["created"].dump() : "";
    return absl::OkStatus();
  }

  absl::Status TakeEntry(archive_entry* entry) {
    const char* path = archive_entry_pathname(entry);
    const std::string name = path == nullptr ? "" : path;
    const auto expected = missing_.find(name);
    if (expected == missing_.end() || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != nullptr) {
      return NotOurs(tar_, Text("it holds ", name, ", which backup.json does not"));
    }
    if (static_cast<std::uint64_t>(archive_entry_size(entry)) != expected->second.bytes) {
      return NotOurs(tar_, name + " has another size than backup.json says");
    }
    const fs::path file = work_ / name;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    for (fs::path folder = file.parent_path(); folder != work_.parent_path();
         folder = folder.parent_path()) {
      folders_.insert(folder);
    }
    const bool open = name == kBackupSecrets[0] || name.starts_with("images/");
    const OutFile out(file, open ? 0644 : 0600);
    Sha256 hash;
    std::vector<char> block(std::size_t{1} << 20);
    for (la_ssize_t got = 1; got > 0;) {
      got = archive_read_data(reader_, block.data(), block.size());
      if (got < 0) return NotOurs(tar_, name + " is cut off");
      if (told_) told_(static_cast<std::uint64_t>(archive_filter_bytes(reader_, -1)));
      const auto size = static_cast<std::size_t>(got);
      hash.Update(AsBytes({block.data(), size}));
      if (!out.Append(block.data(), size)) {
        return absl::UnavailableError(
            Text(file.string(), ": cannot be written: ", std::string_view(std::strerror(errno)),
                 "; make room, or name another directory"));
      }
    }
    if (hash.Hex() != expected->second.sha256) return NotOurs(tar_, name + " was changed");
    if (!out.Sync()) return NotOurs(tar_, name + " cannot be written to disk");
    ++restored_.files;
    restored_.bytes += expected->second.bytes;
    missing_.erase(expected);
    return absl::OkStatus();
  }

  const fs::path tar_;
  const fs::path work_;
  const std::function<void(std::uint64_t bytes)>& told_;
  archive* reader_ = archive_read_new();
  std::map<std::string, Expected> missing_;
  std::set<fs::path> folders_;
  Restored restored_;
};

}  // namespace

absl::StatusOr<Restored> Restore(const fs::path& tar, const fs::path& state,
                                 const std::function<void(std::uint64_t bytes)>& told) {
  std::error_code error;
  const fs::path target = fs::absolute(state, error).lexically_normal();
  const fs::path name = target.has_filename() ? target : target.parent_path();
  if (fs::exists(name, error) && !(fs::is_directory(name, error) && fs::is_empty(name, error))) {
    return absl::FailedPreconditionError(
        Text(name.string(), ": is there and not empty; name an empty or a new directory"));
  }
  // What a killed one left behind is no state directory, and only ever in our way.
  const fs::path work = name.string() + ".restoring";
  fs::remove_all(work, error);
  fs::create_directories(work, error);
  if (error) {
    return absl::UnavailableError(
        Text(work.string(), ": cannot be made: ", error.message(), "; name a writable place"));
  }
  fs::permissions(work,
                  fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                      fs::perms::others_read | fs::perms::others_exec,
                  error);
  auto restored = Restorer(tar, work, told).Run();
  // A directory takes the place of an empty one in one step.
  if (restored.ok() &&
      (std::rename(work.c_str(), name.c_str()) != 0 || !SyncFolder(name.parent_path()).ok())) {
    restored = absl::UnavailableError(
        Text(name.string(), ": cannot be put in place: ", std::string_view(std::strerror(errno))));
  }
  if (!restored.ok()) fs::remove_all(work, error);
  return restored;
}

}  // namespace slipway::control
