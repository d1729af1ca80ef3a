// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/uploads.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "control/image_store/refusal.h"
#include "control/whole_file.h"
#include "protocols/base/check.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSessionPrefix = "upload-";
constexpr std::size_t kBlock = std::size_t{256} << 10;
constexpr std::size_t kSessionsMax = 1000;
constexpr std::size_t kUuidSize = 36;

// 32 hex digits as a UUID is written.
std::string Dashed(std::string hex) {
  for (const std::size_t place : {20U, 16U, 12U, 8U}) hex.insert(place, "-");
  return hex;
}

std::string HexText(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// A random UUID (RFC 9562 5.4).
std::string NewUuid() {
  std::array<std::uint8_t, 16> bytes{};
  SLIPWAY_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  return Dashed(HexText(bytes));
}

// What ties a session to its repository, so that it is found below that alone.
std::string Mark(std::string_view repository) {
  return Sha256Hex(AsBytes(repository)).substr(0, 12);
}

absl::Status UnknownSession(std::string_view session) {
  return Refuse(absl::StatusCode::kNotFound, {.where = "upload " + std::string(session),
                                              .what = "not here",
                                              .rule = "uploads that rest for a day are given up",
                                              .remedy = "begin another"});
}

}  // namespace

bool IsUpload(std::string_view file_name) {
  return file_name.starts_with(kSessionPrefix) || file_name.starts_with(kUploadedPrefix);
}

struct Uploads::Session {
  std::string name;
  fs::path path;
  bool busy = false;  // guarded by Uploads::mutex_; the rest is the writer's
  Sha256 sha;
  std::uint64_t hashed = 0;  // bytes that `sha` has seen
};

Uploads::Uploads(fs::path incoming, fs::path blobs, std::uint64_t size_max)
    : incoming_(std::move(incoming)), blobs_(std::move(blobs)), size_max_(size_max) {}
Uploads::~Uploads() = default;

fs::path Uploads::PathOf(std::string_view session) const {
  return incoming_ / (std::string(kSessionPrefix) + std::string(session));
}

fs::path Uploads::Find(std::string_view repository, std::string_view session) const {
  const bool plain = std::ranges::all_of(
      session, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'; });
  const std::string mark = Mark(repository);
  if (!plain || session.size() != kUuidSize + 1 + mark.size() || !session.ends_with(mark)) {
    return {};
  }
  fs::path path = PathOf(session);
  std::error_code error;
  return fs::exists(path, error) ? path : fs::path();
}

absl::StatusOr<std::string> Uploads::Begin(std::string_view repository) {
  std::size_t open = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(incoming_, error)) {
    if (entry.path().filename().string().starts_with(kSessionPrefix)) ++open;
  }
  if (open >= kSessionsMax) {
    return Refuse(absl::StatusCode::kResourceExhausted,
                  {.where = "upload",
                   .what = std::to_string(open) + " uploads are open",
                   .remedy = "end some of them"});
  }
  std::string name = NewUuid() + "-" + Mark(repository);
  const auto file = OpenFile(PathOf(name), O_WRONLY | O_CREAT | O_EXCL);
  if (!file.ok()) return file.status();
  if (absl::Status status = SyncFolder(incoming_); !status.ok()) return status;
  return name;
}

absl::StatusOr<std::string> Uploads::BeginFor(std::string_view repository,
                                              const std::string& digest) {
  std::string name = Dashed(digest.substr(0, 32)) + "-" + Mark(repository);
  const auto file = OpenFile(PathOf(name), O_WRONLY | O_CREAT);
  if (!file.ok()) return file.status();
  if (absl::Status status = SyncFolder(incoming_); !status.ok()) return status;
  return name;
}

absl::StatusOr<std::uint64_t> Uploads::Offset(std::string_view repository,
                                              std::string_view session) const {
  const fs::path path = Find(repository, session);
  if (path.empty()) return UnknownSession(session);
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return file.status();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return SystemFailure(path.string(), "measure", errno);
  // What comes in after the measuring is not spoken of.
  if (::fdatasync(file->get()) != 0) return SystemFailure(path.string(), "sync", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

absl::Status Uploads::Cancel(std::string_view repository, std::string_view session) {
  auto writer = Continue(repository, session);
  if (!writer.ok()) return writer.status();
  writer->Discard();
  return absl::OkStatus();
}

std::shared_ptr<Uploads::Session> Uploads::Enter(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = sessions_.find(name);
  if (found == sessions_.end()) {
    auto session = std::make_shared<Session>();
    session->name = std::string(name);
    session->path = PathOf(name);
    found = sessions_.emplace(std::string(name), std::move(session)).first;
  }
  if (found->second->busy) return nullptr;
  found->second->busy = true;
  return found->second;
}

void Uploads::Leave(const Session& session) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(session.name);
  if (found == sessions_.end()) return;
  found->second->busy = false;
  std::error_code error;
  // Ended, or collected meanwhile.
  if (!fs::exists(session.path, error)) sessions_.erase(found);
}

absl::StatusOr<Uploads::Writer> Uploads::Continue(std::string_view repository,
                                                  std::string_view session) {
  if (Find(repository, session).empty()) return UnknownSession(session);
  auto entered = Enter(session);
  if (entered == nullptr) {
    return Refuse(absl::StatusCode::kAborted, {.where = "upload " + std::string(session),
                                               .what = "another request is writing to it",
                                               .remedy = "ask for its offset, and go on there"});
  }
  auto file = OpenFile(entered->path, O_RDWR | O_APPEND);
  if (!file.ok()) {
    Leave(*entered);
    return file.status();
  }
  Writer writer(*this, std::move(entered), *std::move(file));
  Session& own = *writer.session_;
  struct stat status {};
  if (::fstat(writer.file_.get(), &status) != 0) {
    return SystemFailure(own.path.string(), "measure", errno);
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (own.hashed != size) {  // begun before a restart
    own.sha = Sha256();
    own.hashed = 0;
    std::vector<std::uint8_t> block(kBlock);
    while (own.hashed < size) {
      const auto got = ReadSome(writer.file_, own.path, block);
      if (!got.ok()) return got.status();
      if (*got == 0) break;
      own.sha.Update(Bytes(block).first(*got));
      own.hashed += *got;
    }
  }
  writer.size_ = size;
  return writer;
}

Uploads::Writer::Writer(Uploads& uploads, std::shared_ptr<Session> session, FileDescriptor file)
    : uploads_(&uploads), session_(std::move(session)), file_(std::move(file)) {}

Uploads::Writer::~Writer() {
  if (session_ == nullptr) return;
  static_cast<void>(Flush());  // what arrived before the wire broke stays
  uploads_->Leave(*session_);
}

absl::Status Uploads::Writer::Flush() {
  if (buffer_.empty()) return absl::OkStatus();
  const std::string block = std::exchange(buffer_, {});
  absl::Status status = WriteAll(file_, session_->path, AsBytes(block));
  if (!status.ok()) {
    session_->hashed = static_cast<std::uint64_t>(-1);  // some of it may be there: hash anew
    return status;
  }
  session_->sha.Update(AsBytes(block));
  session_->hashed += block.size();
  return absl::OkStatus();
}

absl::Status Uploads::Writer::Expect(std::uint64_t bytes) const {
  const std::uint64_t most = uploads_->size_max_;
  if (bytes <= most && size_ <= most - bytes) return absl::OkStatus();
  return Refuse(absl::StatusCode::kOutOfRange,
                {.where = "upload " + session_->name,
                 .what = "more than " + std::to_string(most) + " bytes",
                 .remedy = "raise images.upload_max"});
}

absl::Status Uploads::Writer::Append(Bytes bytes) {
  if (absl::Status status = Expect(bytes.size()); !status.ok()) return status;
  buffer_ += AsText(bytes);
  size_ += bytes.size();
  return buffer_.size() < kBlock ? absl::OkStatus() : Flush();
}

absl::StatusOr<std::uint64_t> Uploads::Writer::Commit() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (::fdatasync(file_.get()) != 0) return SystemFailure(session_->path.string(), "sync", errno);
  return size_;
}

absl::Status Uploads::Writer::Finish(const std::string& digest) {
  const auto committed = Commit();
  if (!committed.ok()) return committed.status();
  const std::string found = session_->sha.Hex();
  session_->hashed = static_cast<std::uint64_t>(-1);  // used up
  if (found != digest) {
    Discard();
    return Refuse(absl::StatusCode::kDataLoss,
                  {.where = "upload " + session_->name,
                   .what = "its bytes are sha256:" + found + ", not sha256:" + digest,
                   .remedy = "send them again"});
  }
  std::error_code error;
  // What is here already is replaced, as by an import: these bytes were just hashed, and so mend a
  // damaged one.
  const bool is_here = fs::exists(uploads_->blobs_ / digest, error);
  const fs::path folder = is_here ? uploads_->blobs_ : uploads_->incoming_;
  const fs::path place = folder / (is_here ? digest : std::string(kUploadedPrefix) + digest);
  fs::rename(session_->path, place, error);
  if (error) return SystemFailure(place.string(), "put in place", error.value());
  return SyncFolder(folder);
}

void Uploads::Writer::Discard() {
  buffer_.clear();
  std::error_code ignored;
  fs::remove(session_->path, ignored);
}

}  // namespace slipway::control
