// SPDX-License-Identifier: Apache-2.0
#include "control/backup/backup.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "control/backup/layout.h"
#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBlock = std::size_t{1} << 20;

absl::Status Failed(const fs::path& file, std::string_view what) {
  return absl::UnavailableError(
      Text(file.string(), ": ", what, "; see that the state directory's disk has room"));
}

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;

Handle OpenHandle(const fs::path& file, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  Handle opened(handle);
  if (code != SQLITE_OK) opened.reset();
  return opened;
}

absl::Status CopyDatabase(const fs::path& from, const fs::path& to) {
  const Handle source = OpenHandle(from, SQLITE_OPEN_READWRITE);
  const Handle copy = OpenHandle(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!source || !copy) return Failed(from, "cannot be copied");
  sqlite3_busy_timeout(source.get(), 5000);
  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source.get(), "main");
  if (backup == nullptr) return Failed(from, sqlite3_errmsg(copy.get()));
  // All pages in one step are one moment of the database; writers go on in its WAL meanwhile.
  int code = SQLITE_BUSY;
  for (int tries = 0; tries < 100 && (code == SQLITE_BUSY || code == SQLITE_LOCKED); ++tries) {
    if (tries != 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    code = sqlite3_backup_step(backup, -1);
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE || finished != SQLITE_OK) return Failed(from, sqlite3_errstr(code));
  return absl::OkStatus();
}

absl::Status LinkFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  fs::create_hard_link(from, to, error);
  if (!error) return absl::OkStatus();
  fs::copy_file(from, to, error);
  return error ? Failed(from, error.message()) : absl::OkStatus();
}

nlohmann::json ReadJson(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return ParseJson(text.str());
}

// The hexadecimal digits of {"digest": "sha256:..."}; empty for anything else.
std::string DigestOf(const nlohmann::json& descriptor) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!descriptor.is_object()) return "";
  const std::string text = descriptor.value("digest", "");
  if (!text.starts_with(kAlgorithm) || !IsDigest(text.substr(kAlgorithm.size()))) return "";
  return text.substr(kAlgorithm.size());
}

// The digests of the manifests, of what they are configured by, and with images of their files.
std::set<std::string> BlobsOf(const fs::path& images, bool with_images) {
  std::set<std::string> digests;
  const auto index = ReadJson(images / "index.json");
  if (!index.is_object() || !index.contains("manifests")) return digests;
  for (const auto& entry : index["manifests"]) {
    const std::string digest = DigestOf(entry);
    if (digest.empty()) continue;
    digests.insert(digest);
    const auto manifest = ReadJson(images / "blobs/sha256" / digest);
    if (!manifest.is_object()) continue;
    digests.insert(DigestOf(manifest.value("config", nlohmann::json())));
    if (!with_images || !manifest.contains("layers")) continue;
    for (const auto& layer : manifest["layers"]) digests.insert(DigestOf(layer));
  }
  digests.erase("");
  return digests;
}

// All files of a backup but the databases, whether they are there or not.
std::vector<std::string> NamesOf(const fs::path& state, bool with_images) {
  std::vector<std::string> names(kBackupSecrets.begin(), kBackupSecrets.end());
  names.insert(names.end(), kBackupIndex.begin(), kBackupIndex.end());
  for (const std::string& digest : BlobsOf(state / "images", with_images)) {
    names.push_back(std::string(kBackupBlobs) + digest);
  }
  return names;
}

class Tar {
 public:
  explicit Tar(const fs::path& file) : file_(file), writer_(archive_write_new()) {
    archive_write_set_format_pax_restricted(writer_);
    descriptor_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    good_ = descriptor_ >= 0 && archive_write_open_fd(writer_, descriptor_) == ARCHIVE_OK;
  }
  Tar(const Tar&) = delete;
  Tar& operator=(const Tar&) = delete;
  ~Tar() {
    archive_write_free(writer_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void Begin(const std::string& name, std::uint64_t size) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, std::time(nullptr), 0);
    good_ = good_ && archive_write_header(writer_, entry) == ARCHIVE_OK;
    archive_entry_free(entry);
  }
  void Append(const char* data, std::size_t size) {
    good_ = good_ && archive_write_data(writer_, data, size) == static_cast<la_ssize_t>(size);
  }
  absl::Status Close() {
    good_ = good_ && archive_write_close(writer_) == ARCHIVE_OK && ::fsync(descriptor_) == 0;
    return good_ ? absl::OkStatus() : Failed(file_, "cannot be written");
  }

 private:
  fs::path file_;
  archive* writer_;
  int descriptor_ = -1;
  bool good_ = false;
};

// Calls `take` with pieces of the file; false when it cannot be read.
template <class Take>
bool ReadPieces(const fs::path& file, Take take) {
  std::ifstream stream(file, std::ios::binary);
  std::string block(kBlock, '\0');
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    take(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  return stream.eof();
}

std::vector<std::string> FilesIn(const fs::path& work) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(work)) {
    const std::string name = entry.path().lexically_relative(work).generic_string();
    if (entry.is_regular_file() && IsBackupName(name)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

absl::Status CheckRoom(const fs::path& state, bool with_images) {
  constexpr std::uint64_t kEntry = 2048;  // of a tar: header, padding, its line in backup.json
  std::error_code error;
  std::uint64_t databases = 0;
  std::uint64_t tar = std::uint64_t{1} << 20;
  for (const std::string_view name : kBackupDatabases) {
    for (const char* suffix : {"", "-wal"}) {
      const std::uint64_t size = fs::file_size(state / Text(name, suffix), error);
      if (!error) databases += size;
    }
  }
  for (const std::string& name : NamesOf(state, with_images)) {
    const std::uint64_t size = fs::file_size(state / name, error);
    if (!error) tar += size + kEntry;
  }
  const std::uint64_t needed = 2 * databases + tar;  // once as copies, once in the tar
  const auto room = fs::space(state, error);
  if (error || needed <= room.available) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Text("a backup needs ", needed, " bytes on the disk of ", state.string(), ", where ",
           room.available, " are free; make room",
           with_images ? ", or leave the images out and copy images/ by itself" : ""));
}

absl::Status CopyDatabases(const fs::path& state, const fs::path& work) {
  for (const std::string_view name : kBackupDatabases) {
    // A daemon that never served has no leases yet.
    if (!fs::exists(state / name)) continue;
    if (absl::Status status = CopyDatabase(state / name, work / name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LinkFiles(const fs::path& state, const fs::path& work, bool with_images) {
  for (const std::string& name : NamesOf(state, with_images)) {
    if (!fs::exists(state / name)) continue;
    if (absl::Status status = LinkFile(state / name, work / name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WriteTar(const fs::path& work, const fs::path& tar) {
  nlohmann::json list = {{"version", kBackupVersion},
                         {"created", std::time(nullptr)},
                         {"files", nlohmann::json::object()}};
  const auto names = FilesIn(work);
  for (const std::string& name : names) {
    Sha256 hash;
    std::uint64_t size = 0;
    const bool read = ReadPieces(work / name, [&](const char* data, std::size_t count) {
      hash.Update(AsBytes({data, count}));
      size += count;
    });
    if (!read) return Failed(work / name, "cannot be read");
    list["files"][name] = {{"sha256", hash.Hex()}, {"bytes", size}};
  }
  Tar out(tar);
  const std::string text = list.dump(1) + "\n";
  out.Begin(std::string(kBackupList), text.size());
  out.Append(text.data(), text.size());
  for (const std::string& name : names) {
    out.Begin(name, list["files"][name]["bytes"].get<std::uint64_t>());
    const bool read = ReadPieces(
        work / name, [&](const char* data, std::size_t count) { out.Append(data, count); });
    if (!read) return Failed(work / name, "cannot be read");
  }
  return out.Close();
}

}  // namespace slipway::control
