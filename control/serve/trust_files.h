// SPDX-License-Identifier: Apache-2.0
//
// TrustFiles: what the machines' firmware is taken to trust, and the files of [secure_boot] that
// say it. Others replace these while the daemon runs: whoever keeps dbx new, a package, an editor.
//
// What is taken is whole. Every file was read to its end and is what its key says, and none of them
// was another (device, inode, size, mtime, ctime) after the last was read than before the first:
// no half of a file, and no new db beside the dbx of before. Otherwise all stays as it was taken
// before. Without [secure_boot] db, OVMF's Microsoft variables stand in where Debian's package ovmf
// is installed: the authorities that most firmware is shipped with.
//
// Left out: who writes a list in place and rests, between two of its parts, for longer than
// Look()'s caller waits, looks as if he had finished. rename(2) is how a list is replaced.
//
// Any thread may call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/secure_boot/verdict.h"

namespace slipway::control {

// What stat(2) says of a file: another one is another content. Times are Unix nanoseconds.
struct FileStamp {
  bool is_there = false;  // else nothing below counts
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;  // bytes
  std::int64_t modified = 0;
  std::int64_t changed = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

enum class TrustLook : std::uint8_t {
  kSame,       // as they were when they were read last
  kUnsettled,  // other ones, since this look: whoever writes may not have finished
  kChanged,    // other ones, and the same as at the look before: to be read
};

class TrustFiles {
 public:
  struct Options {
    std::filesystem::path stand_in = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
    std::function<void()> was_read = {};  // each time that all have been read; for tests
  };
  explicit TrustFiles(SecureBootConfig config) : TrustFiles(std::move(config), Options()) {}
  TrustFiles(SecureBootConfig config, Options options);

  // Takes what the files say now, and gives what it replaces: null at the first time.
  // FailedPrecondition: a file is missing or not what its key says; refusal() has the words from
  // then on. Unavailable: they are being written, half a second long; to be tried again. After
  // either everything is as it was. Waits for a tenth of a second where a file is newer than that.
  absl::StatusOr<std::shared_ptr<const FirmwareTrust>> Read();
  // Cheap: one stat(2) for each file. What Read() refused counts as read.
  TrustLook Look();

  // As it was taken last; null before.
  std::shared_ptr<const FirmwareTrust> trust() const;
  // Why the last Read() was refused, so that the files say other than trust(); empty: it was not.
  std::string refusal() const;

 private:
  using Stamps = std::vector<FileStamp>;
  using Contents = std::vector<std::string>;  // in the order of files_, as Stamps are
  Stamps StampsNow() const;
  absl::Status ReadContents(const Stamps& stamps, Contents& contents) const;
  absl::Status ReadWhole(Stamps& stamps, Contents& contents) const;
  absl::StatusOr<std::shared_ptr<const FirmwareTrust>> Build(const Contents& contents) const;
  const std::string& ContentOf(const std::filesystem::path& file, const Contents& contents) const;

  const SecureBootConfig config_;
  const Options options_;
  std::vector<std::filesystem::path> files_;  // each once
  std::mutex reading_mutex_;                  // one Read() at a time; taken before mutex_
  mutable std::mutex mutex_;                  // what follows; nothing is read under it
  Stamps read_;                               // by the last Read(), whatever came of it
  Stamps seen_;                               // by the last Look()
  std::shared_ptr<const FirmwareTrust> trust_;
  std::string refusal_;
};

}  // namespace slipway::control
