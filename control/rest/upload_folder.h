// SPDX-License-Identifier: Apache-2.0
//
// A folder of one upload, or of one backup to send, below the state directory; gone with the
// object. Without a folder there is no object: a relative path would be in the daemon's working
// directory, and stay there.
#pragma once

#include <httplib.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

namespace slipway::control {

class UploadFolder {
 public:
  // Nullopt, 507 replied and the body settled, where it cannot be made.
  static std::optional<UploadFolder> Make(const std::filesystem::path& state,
                                          const httplib::Request& request,
                                          httplib::Response& response);
  UploadFolder(UploadFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  UploadFolder& operator=(UploadFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~UploadFolder();

  // Writes the body as the file that "?file=" names; nullopt, and a problem replied, when it has no
  // name, has more bytes than `bytes_max` (413), did not come whole or cannot be written (507).
  std::optional<std::filesystem::path> Receive(const httplib::Request& request,
                                               httplib::Response& response,
                                               const httplib::ContentReader& reader,
                                               std::uint64_t bytes_max) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit UploadFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;  // empty: moved from
};

}  // namespace slipway::control
