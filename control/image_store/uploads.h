// SPDX-License-Identifier: Apache-2.0
//
// Uploads: blobs on their way in, as sessions of distribution-spec 1.1. The bytes lie in the
// store's `.incoming`, as upload-<session>; when the digest is found right, as blob-<digest>, where
// the blob waits for a manifest that names it.
//
// A session is its file: it goes on after a restart where that ends. What is said to be there has
// been synced. One writer at a time; any thread may call. A digest that is not that of the bytes
// ends the session and leaves nothing.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

inline constexpr std::string_view kUploadedPrefix = "blob-";
// True for the names of what this file keeps in `.incoming`.
bool IsUpload(std::string_view file_name);

class Uploads {
 public:
  // `incoming`, `blobs`: the store's folders. `size_max`: bytes of one blob.
  Uploads(std::filesystem::path incoming, std::filesystem::path blobs, std::uint64_t size_max);
  ~Uploads();

  // A new session; kResourceExhausted when too many are open.
  absl::StatusOr<std::string> Begin(std::string_view repository);
  // The session for a blob (hex digest) that somebody fetches himself: begun, or there already.
  absl::StatusOr<std::string> BeginFor(std::string_view repository, const std::string& digest);
  // Bytes of it that are durably there; kNotFound.
  absl::StatusOr<std::uint64_t> Offset(std::string_view repository, std::string_view session) const;
  absl::Status Cancel(std::string_view repository, std::string_view session);

  struct Session;
  // Appends to a session. What was appended stays, also when the writer goes away in the middle.
  class Writer {
   public:
    Writer(Writer&&) = default;
    Writer& operator=(Writer&&) = delete;
    ~Writer();
    std::uint64_t offset() const { return size_; }
    // kOutOfRange when so many more bytes are beyond the largest size.
    absl::Status Expect(std::uint64_t bytes) const;
    absl::Status Append(Bytes bytes);
    // Syncs; gives the bytes that are there.
    absl::StatusOr<std::uint64_t> Commit();
    // Ends the session: the blob becomes visible, if these are the bytes of `digest` (hex);
    // kDataLoss, and nothing is left, if not.
    absl::Status Finish(const std::string& digest);
    // Ends the session and leaves nothing.
    void Discard();

   private:
    friend class Uploads;
    Writer(Uploads& uploads, std::shared_ptr<Session> session, FileDescriptor file);
    absl::Status Flush();

    Uploads* uploads_;
    std::shared_ptr<Session> session_;  // null when moved from
    FileDescriptor file_;
    std::uint64_t size_ = 0;
    std::string buffer_;
  };
  // kNotFound; kAborted while another writer is at it.
  absl::StatusOr<Writer> Continue(std::string_view repository, std::string_view session);

 private:
  std::filesystem::path PathOf(std::string_view session) const;
  // The session's file; empty when no such session can be of the repository.
  std::filesystem::path Find(std::string_view repository, std::string_view session) const;
  std::shared_ptr<Session> Enter(std::string_view name);
  void Leave(const Session& session);

  const std::filesystem::path incoming_;
  const std::filesystem::path blobs_;
  const std::uint64_t size_max_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Session>, std::less<>> sessions_;  // since the start
};

}  // namespace slipway::control
