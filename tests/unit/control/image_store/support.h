// SPDX-License-Identifier: Apache-2.0
//
// A temporary folder, files in it, and the smallest bytes that are a PE program.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace slipway::control {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  std::filesystem::path Write(std::string_view name, std::string_view content) const {
    const std::filesystem::path path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::filesystem::path path_;
};

// A program for `machine` (PE/COFF's number), told from others by `body`.
inline std::string Program(unsigned machine, std::string_view body = "") {
  std::string bytes(0x40, '\0');
  bytes[0] = 'M';
  bytes[1] = 'Z';
  bytes[0x3c] = 0x40;
  bytes += std::string_view("PE\0\0", 4);
  bytes += static_cast<char>(machine & 0xff);
  bytes += static_cast<char>(machine >> 8);
  return bytes + std::string(body);
}
inline std::string ProgramX64(std::string_view body = "") { return Program(0x8664, body); }
inline std::string ProgramAa64(std::string_view body = "") { return Program(0xaa64, body); }

}  // namespace slipway::control
