// SPDX-License-Identifier: Apache-2.0
#include "control/serve/trust_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/moment.h"
#include "control/secure_boot/sbat.h"
#include "control/secure_boot/signature_database.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kFileMax = std::size_t{16} << 20;  // bytes; real ones have some 20 KiB
// Longer than a tick of the clock that files get their times from: a file that was written within
// it may be written again and keep its stamp.
constexpr auto kQuiet = std::chrono::milliseconds(100);
constexpr int kTries = 5;

constexpr std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp StampOf(const struct stat& found) {
  return {.is_there = true,
          .device = found.st_dev,
          .inode = found.st_ino,
          .size = found.st_size,
          .modified = Nanoseconds(found.st_mtim),
          .changed = Nanoseconds(found.st_ctim)};
}

// What lies in the future was not written now: somebody set the clock.
bool IsQuiet(const std::vector<FileStamp>& stamps) {
  const std::int64_t now = UnixNanoseconds();
  const std::int64_t quiet = std::chrono::nanoseconds(kQuiet).count();
  return std::ranges::none_of(stamps, [&](const FileStamp& stamp) {
    return stamp.is_there && stamp.changed > now - quiet && stamp.changed < now + quiet;
  });
}

std::string MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

absl::Status Refused(const std::filesystem::path& file, std::string_view what) {
  return absl::FailedPreconditionError(Text(file.string(), ": ", what));
}

absl::Status BeingWritten(const std::filesystem::path& file) {
  return absl::UnavailableError(
      Text(file.string(), ": is being written; ask again when that is done"));
}

// Collects what the files hold, and a digest of all of it.
class TrustBuilder {
 public:
  absl::Status Add(const std::filesystem::path& file, std::string_view key,
                   const std::string& bytes) {
    const bool is_db = key == "db";
    auto database = ReadDatabase(AsBytes(bytes), key);
    if (!database.ok()) return Wrong(file, key, database.status());
    SignatureDatabase& into = is_db ? trust_.db : trust_.dbx;
    for (DatabaseEntry& entry : *database) into.push_back(std::move(entry));
    Note(Text(key, " of ", file.string()), bytes);
    return absl::OkStatus();
  }
  absl::Status AddLevel(const std::filesystem::path& file, const std::string& bytes) {
    auto level = ParseSbatLevel(AsBytes(bytes));
    if (!level.ok()) return Wrong(file, "sbat_level", level.status());
    trust_.sbat_level = *std::move(level);
    Note(Text("SBAT level of ", file.string()), bytes);
    return absl::OkStatus();
  }
  std::shared_ptr<const FirmwareTrust> Take(bool is_known) {
    trust_.is_known = is_known;
    trust_.version = Sha256Hex(AsBytes(seen_));
    return std::make_shared<const FirmwareTrust>(std::move(trust_));
  }

 private:
  static absl::Status Wrong(const std::filesystem::path& file, std::string_view key,
                            const absl::Status& why) {
    return Refused(file, Text(MessageOf(why), "; bring it whole, or name another file in ",
                              "secure_boot.", key));
  }
  void Note(const std::string& source, std::string_view bytes) {
    trust_.sources.push_back(source);
    seen_ += Text(source, ' ', Sha256Hex(AsBytes(bytes)), '\n');
  }

  FirmwareTrust trust_;
  std::string seen_ = "1\n";  // another number when the rules of judging change
};

}  // namespace

TrustFiles::TrustFiles(SecureBootConfig config, Options options)
    : config_(std::move(config)), options_(std::move(options)) {
  const auto add = [this](const std::filesystem::path& file) {
    if (std::ranges::find(files_, file) == files_.end()) files_.push_back(file);
  };
  for (const auto& file : config_.db) add(file);
  if (config_.db.empty()) add(options_.stand_in);
  for (const auto& file : config_.dbx) add(file);
  if (config_.sbat_level) add(*config_.sbat_level);
}

TrustFiles::Stamps TrustFiles::StampsNow() const {
  Stamps stamps;
  for (const auto& file : files_) {
    struct stat found {};
    stamps.push_back(::stat(file.c_str(), &found) == 0 ? StampOf(found) : FileStamp());
  }
  return stamps;
}

// A file that is not there has no content; whether it must be, Build() says.
absl::Status TrustFiles::ReadContents(const Stamps& stamps, Contents& contents) const {
  contents.assign(files_.size(), {});
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!stamps[i].is_there) continue;
    // A pipe keeps nobody waiting.
    const auto file = OpenFile(files_[i], O_RDONLY | O_NONBLOCK);
    struct stat found {};
    if (absl::IsNotFound(file.status())) return BeingWritten(files_[i]);
    if (!file.ok()) {
      return absl::FailedPreconditionError(
          Text(MessageOf(file.status()), "; make it readable for slipwayd's user"));
    }
    if (::fstat(file->get(), &found) != 0 || StampOf(found) != stamps[i]) {
      return BeingWritten(files_[i]);
    }
    if (!S_ISREG(found.st_mode)) return Refused(files_[i], "is no file; name one");
    std::array<std::uint8_t, 65536> block;
    for (std::size_t got = block.size(); got == block.size();) {
      const auto size = ReadSome(*file, files_[i], block);
      if (!size.ok()) return absl::FailedPreconditionError(MessageOf(size.status()));
      got = *size;
      contents[i] += AsText(Bytes(block).first(got));
      if (contents[i].size() > kFileMax) {
        return Refused(files_[i], "is longer than 16 MiB; name another file");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status TrustFiles::ReadWhole(Stamps& stamps, Contents& contents) const {
  absl::Status why = absl::UnavailableError(
      "the files of [secure_boot] are being written; ask again when that is done");
  for (int i = 0; i < kTries; ++i) {
    stamps = StampsNow();
    if (!IsQuiet(stamps)) {
      std::this_thread::sleep_for(kQuiet);
      continue;
    }
    absl::Status status = ReadContents(stamps, contents);
    if (options_.was_read) options_.was_read();
    if (absl::IsUnavailable(status)) {
      why = std::move(status);
      continue;
    }
    // What is wrong with files that are being written is nothing to tell.
    if (StampsNow() == stamps) return status;
  }
  return why;
}

const std::string& TrustFiles::ContentOf(const std::filesystem::path& file,
                                         const Contents& contents) const {
  return contents[static_cast<std::size_t>(std::ranges::find(files_, file) - files_.begin())];
}

absl::StatusOr<std::shared_ptr<const FirmwareTrust>> TrustFiles::Build(
    const Contents& contents) const {
  const auto before = trust();
  std::vector<std::filesystem::path> db = config_.db;
  // Whoever empties a file to fill it is in the middle of that: a list of nothing has a header.
  const auto is_empty = [&](const std::filesystem::path& file) {
    return ContentOf(file, contents).empty();
  };
  if (db.empty() && !is_empty(options_.stand_in)) {
    db.push_back(options_.stand_in);
  } else if (db.empty() && before != nullptr && before->is_known) {
    return Refused(options_.stand_in,
                   "is not there any more, or empty; install Debian's package ovmf again, or name "
                   "files in secure_boot.db");
  }
  std::vector<std::filesystem::path> dbx = config_.dbx;
  if (dbx.empty()) {  // a variable store has both
    std::ranges::copy_if(db, std::back_inserter(dbx), [&](const std::filesystem::path& file) {
      return IsVariableStore(AsBytes(ContentOf(file, contents)));
    });
  }
  TrustBuilder builder;
  const auto missing = [](const std::filesystem::path& file, std::string_view key) {
    return Refused(file, Text("is missing or empty; bring it whole, or name another file in ",
                              "secure_boot.", key));
  };
  const auto add = [&](const std::vector<std::filesystem::path>& files, std::string_view key) {
    absl::Status status;
    for (const auto& file : files) {
      if (status.ok() && is_empty(file)) status = missing(file, key);
      if (status.ok()) status = builder.Add(file, key, ContentOf(file, contents));
    }
    return status;
  };
  if (absl::Status status = add(db, "db"); !status.ok()) return status;
  if (absl::Status status = add(dbx, "dbx"); !status.ok()) return status;
  if (const auto& level = config_.sbat_level) {
    if (is_empty(*level)) return missing(*level, "sbat_level");
    const absl::Status status = builder.AddLevel(*level, ContentOf(*level, contents));
    if (!status.ok()) return status;
  }
  return builder.Take(!db.empty());
}

absl::StatusOr<std::shared_ptr<const FirmwareTrust>> TrustFiles::Read() {
  const std::scoped_lock turn(reading_mutex_);
  Stamps stamps;
  Contents contents;
  const absl::Status read = ReadWhole(stamps, contents);
  if (absl::IsUnavailable(read)) return read;
  auto built =
      read.ok() ? Build(contents) : absl::StatusOr<std::shared_ptr<const FirmwareTrust>>(read);
  const std::scoped_lock lock(mutex_);
  read_ = stamps;
  seen_ = std::move(stamps);
  if (!built.ok()) {
    refusal_ = MessageOf(built.status());
    return built.status();
  }
  refusal_.clear();
  return std::exchange(trust_, *std::move(built));
}

TrustLook TrustFiles::Look() {
  Stamps now = StampsNow();
  const std::scoped_lock lock(mutex_);
  const bool is_settled = now == seen_;
  const bool is_same = now == read_;
  seen_ = std::move(now);
  if (is_same) return TrustLook::kSame;
  return is_settled ? TrustLook::kChanged : TrustLook::kUnsettled;
}

std::shared_ptr<const FirmwareTrust> TrustFiles::trust() const {
  const std::scoped_lock lock(mutex_);
  return trust_;
}

std::string TrustFiles::refusal() const {
  const std::scoped_lock lock(mutex_);
  return refusal_;
}

}  // namespace slipway::control
