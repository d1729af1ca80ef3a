// SPDX-License-Identifier: Apache-2.0
//
// What the tests of Secure Boot stand on: files, tools run, and PE images built byte by byte, so
// that every field can be wrong.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/text.h"
#include "protocols/base/bytes.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {

inline std::string ReadAll(const std::filesystem::path& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

struct Ran {
  int code = 0;
  std::string text;  // both outputs
};

inline Ran Shell(const std::string& command) {
  Ran ran;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> piece;
  for (std::size_t got; (got = std::fread(piece.data(), 1, piece.size(), pipe)) != 0;) {
    ran.text.append(piece.data(), got);
  }
  ran.code = WEXITSTATUS(::pclose(pipe));
  return ran;
}

inline void PutLittle(std::string& bytes, std::size_t offset, std::uint64_t value,
                      std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes[offset + i] = static_cast<char>(value >> 8 * i & 0xff);
  }
}
inline std::uint32_t GetLittle32(const std::string& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i != 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[offset + i - 1]);
  }
  return value;
}

// A PE image of the sections named, 512-byte aligned, without a certificate table.
struct PeBuilder {
  static constexpr std::size_t kPe = 0x40;
  static constexpr std::size_t kOptional = kPe + 24;

  std::uint16_t machine = 0x8664;
  bool pe32_plus = true;
  std::uint16_t subsystem = 10;
  std::uint32_t directories = 16;
  std::vector<std::pair<std::string, std::string>> sections = {{".text", "code"}};

  std::size_t Directories() const { return kOptional + (pe32_plus ? 112 : 96); }
  std::size_t CertificateEntry() const { return Directories() + std::size_t{4} * 8; }
  std::size_t SectionTable() const { return Directories() + std::size_t{directories} * 8; }

  std::string Build() const {
    constexpr std::size_t kHeaders = 0x400;
    std::string bytes(kHeaders, '\0');
    bytes[0] = 'M';
    bytes[1] = 'Z';
    PutLittle(bytes, 0x3c, kPe, 4);
    PutLittle(bytes, kPe, 0x4550, 4);
    PutLittle(bytes, kPe + 4, machine, 2);
    PutLittle(bytes, kPe + 6, sections.size(), 2);
    PutLittle(bytes, kPe + 20, SectionTable() - kOptional, 2);
    PutLittle(bytes, kPe + 22, 0x0022, 2);
    PutLittle(bytes, kOptional, pe32_plus ? 0x20b : 0x10b, 2);
    PutLittle(bytes, kOptional + 32, 0x1000, 4);
    PutLittle(bytes, kOptional + 36, 0x200, 4);
    PutLittle(bytes, kOptional + 56, 0x1000 * (sections.size() + 1), 4);
    PutLittle(bytes, kOptional + 60, kHeaders, 4);
    PutLittle(bytes, kOptional + 64, 0x12345678, 4);
    PutLittle(bytes, kOptional + 68, subsystem, 2);
    PutLittle(bytes, Directories() - 4, directories, 4);
    for (std::size_t i = 0; i < sections.size(); ++i) {
      const auto& [name, content] = sections[i];
      const std::size_t header = SectionTable() + i * 40;
      std::string raw = content;
      raw.resize((content.size() + 0x1ff) / 0x200 * 0x200);
      bytes.replace(header, name.size(), name);
      PutLittle(bytes, header + 8, content.size(), 4);
      PutLittle(bytes, header + 12, 0x1000 * (i + 1), 4);
      PutLittle(bytes, header + 16, raw.size(), 4);
      PutLittle(bytes, header + 20, bytes.size(), 4);
      bytes += raw;
    }
    return bytes;
  }
};

// An EFI signature list of `count` SHA-256 digests of images, whose bytes are all `fill`.
inline std::string DigestList(std::size_t count, char fill) {
  constexpr std::size_t kHeader = 28, kEntry = 48;
  constexpr std::array<std::uint8_t, 16> kSha256Type = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50,
                                                        0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9,
                                                        0x36, 0x93, 0x43, 0x28};
  std::string list(AsText(kSha256Type));
  list.resize(kHeader + count * kEntry, fill);
  PutLittle(list, 16, list.size(), 4);
  PutLittle(list, 20, 0, 4);
  PutLittle(list, 24, kEntry, 4);
  return list;
}

inline constexpr const char* kShim = "/usr/lib/shim/shimx64.efi.signed";
inline constexpr const char* kMokManager = "/usr/lib/shim/mmx64.efi.signed";
inline constexpr const char* kGrub = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed";
inline constexpr const char* kUnsignedLoader = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
inline constexpr const char* kMicrosoftVariables = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
inline constexpr const char* kSnakeoilVariables = "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd";

// A key and certificate of our own, made by openssl, and images signed with it by sbsign.
class Signer {
 public:
  explicit Signer(const TemporaryFolder& folder, std::string name = "own")
      : folder_(folder), name_(std::move(name)) {
    // A key takes long to make: one of each name for the whole program.
    static std::map<std::string, std::vector<std::string>> kept;
    std::vector<std::string>& files = kept[name_];
    if (files.empty()) {
      made_ =
          Shell(Text("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Operator ",
                     name_, "' -keyout ", key().string(), " -out ", pem().string()))
                  .code == 0 &&
          Shell(Text("openssl x509 -in ", pem().string(), " -outform DER -out ", der().string()))
                  .code == 0;
      if (made_) files = {ReadAll(key()), ReadAll(pem()), ReadAll(der())};
      return;
    }
    folder_.Write(name_ + ".key", files[0]);
    folder_.Write(name_ + ".pem", files[1]);
    folder_.Write(name_ + ".der", files[2]);
    made_ = true;
  }
  bool made() const { return made_; }
  std::filesystem::path key() const { return folder_.path() / (name_ + ".key"); }
  std::filesystem::path pem() const { return folder_.path() / (name_ + ".pem"); }
  std::filesystem::path der() const { return folder_.path() / (name_ + ".der"); }

  // Empty when sbsign refuses. An image that is signed already gets a second signature.
  std::string Sign(const std::string& image) const {
    const auto source = folder_.Write("unsigned.efi", image);
    const auto target = folder_.path() / "signed.efi";
    std::filesystem::remove(target);
    const Ran ran = Shell(Text("sbsign --key ", key().string(), " --cert ", pem().string(),
                               " --output ", target.string(), " ", source.string()));
    return ran.code == 0 ? ReadAll(target) : std::string();
  }

 private:
  const TemporaryFolder& folder_;
  std::string name_;
  bool made_ = false;
};

}  // namespace slipway::control
