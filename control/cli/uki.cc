// SPDX-License-Identifier: Apache-2.0
#include "control/cli/uki.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "control/secure_boot/image_signer.h"
#include "control/secure_boot/trust_archive.h"
#include "control/secure_boot/uki_builder.h"
#include "control/text.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kOptions = {"kernel", "initrd",   "trust",    "cmdline",
                                                      "stub",   "sign-key", "sign-cert"};
// Where Debian's systemd-boot-efi has its stubs, by UEFI's short name of the architecture.
constexpr std::string_view kStubs = "/usr/lib/systemd/boot/efi/linux";

bool Fail(const std::string& words) {
  std::cerr << "slipway: " << words << '\n';
  return false;
}
bool Fail(std::string_view where, const absl::Status& status) {
  const std::string words(status.message().data(), status.message().size());
  return Fail(where.empty() ? words : Text(where, ": ", words));
}

// Appends the file; false, and why is said, when it cannot be read.
bool ReadInto(std::string& bytes, const std::string& path) {
  // A folder opens too, and says that it has no end.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return Fail(Text(path, ": is no file; name a file"));
  }
  // Without a buffer, which would keep bytes of a key after it is closed.
  std::ifstream file;
  file.rdbuf()->pubsetbuf(nullptr, 0);
  file.open(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) return Fail(Text(path, ": cannot be read; name a file"));
  const std::size_t before = bytes.size();
  bytes.resize(before + static_cast<std::size_t>(size));
  file.seekg(0);
  if (file.read(bytes.data() + before, size)) return true;
  return Fail(Text(path, ": cannot be read whole"));
}

// Several initrds are one behind the other, each at a multiple of four (Linux,
// Documentation/driver-api/early-userspace/buffer-format.rst).
void Align(std::string& initrds) { initrds.resize((initrds.size() + 3) / 4 * 4); }

bool ReadInitrds(std::string& bytes, std::string_view paths) {
  while (!paths.empty()) {
    const std::string_view path = paths.substr(0, paths.find(','));
    paths.remove_prefix(std::min(paths.size(), path.size() + 1));
    Align(bytes);
    if (!ReadInto(bytes, std::string(path))) return false;
  }
  return true;
}

// The authorities of --trust behind the last initrd.
bool AddTrust(std::string& initrds, const std::string& path) {
  if (path.empty()) return true;
  if (initrds.empty()) return Fail("--trust adds to an initrd: name one with --initrd");
  std::string pem;
  if (!ReadInto(pem, path)) return false;
  const auto archive = TrustArchive(AsBytes(pem));
  OPENSSL_cleanse(pem.data(), pem.size());  // whoever keeps the key in the same file
  if (!archive.ok()) return Fail(path, archive.status());
  Align(initrds);
  initrds += *archive;
  return true;
}

// The key's bytes are cleared when they are no longer needed.
class KeyText {
 public:
  ~KeyText() { OPENSSL_cleanse(text.data(), text.size()); }
  std::string text;
};

// The whole of it, or what was there before. What is no file (a pipe, /dev/stdout) is written to.
bool Write(const std::string& bytes, const fs::path& target) {
  std::error_code error;
  const bool is_new = !fs::exists(target, error);
  const bool beside = is_new || fs::is_regular_file(target, error);
  // A link stays one.
  const fs::path end = is_new ? target : fs::canonical(target, error);
  const fs::path path = beside ? fs::path(Text(end.string(), ".", ::getpid(), ".new")) : target;
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (file && !beside) return true;
  if (file) {
    if (!is_new) fs::permissions(path, fs::status(end, error).permissions(), error);
    fs::rename(path, end, error);
    if (!error) return true;
  }
  if (beside) fs::remove(path, error);
  return Fail(Text(target.string(), ": cannot be written; make room on its disk"));
}

bool SignWith(const std::string& key, const std::string& certificate, std::string& image) {
  KeyText key_text;
  std::string certificate_text;
  if (!ReadInto(key_text.text, key) || !ReadInto(certificate_text, certificate)) return false;
  const auto signer = ImageSigner::Open(AsBytes(key_text.text), AsBytes(certificate_text));
  if (!signer.ok()) return Fail(Text(key, " and ", certificate), signer.status());
  auto with = signer->Sign(std::move(image));
  if (!with.ok()) return Fail("signing", with.status());
  image = *std::move(with);
  return true;
}

}  // namespace

bool IsUkiOption(std::string_view name) {
  return std::ranges::find(kOptions, name) != kOptions.end();
}

bool MakeUki(const Command& command, std::string_view name, const fs::path& target) {
  const std::string key = OptionOf(command, "sign-key");
  const std::string certificate = OptionOf(command, "sign-cert");
  if (key.empty() != certificate.empty()) {
    return Fail("a signature takes both, --sign-key KEY and --sign-cert CERTIFICATE");
  }
  std::string kernel;
  std::string initrd;
  if (!ReadInto(kernel, OptionOf(command, "kernel")) ||
      !ReadInitrds(initrd, OptionOf(command, "initrd")) ||
      !AddTrust(initrd, OptionOf(command, "trust"))) {
    return false;
  }
  std::string stub_path = OptionOf(command, "stub");
  if (stub_path.empty()) {
    const auto image = ParsePe(AsBytes(kernel));
    stub_path = Text(kStubs, image.ok() ? image->architecture : "x64", ".efi.stub");
    std::error_code error;
    if (!fs::exists(stub_path, error)) {
      return Fail(Text(stub_path,
                       ": is not there; install systemd-boot-efi, or name systemd's stub "
                       "of the kernel's architecture with --stub"));
    }
  }
  std::string stub;
  if (!ReadInto(stub, stub_path)) return false;
  auto image = BuildUki({.stub = AsBytes(stub),
                         .kernel = AsBytes(kernel),
                         .initrd = AsBytes(initrd),
                         .command_line = OptionOf(command, "cmdline"),
                         .os_release = Text("ID=slipway\nPRETTY_NAME=\"", name, "\"\n")});
  if (!image.ok()) return Fail("", image.status());
  if (!key.empty() && !SignWith(key, certificate, *image)) return false;
  return Write(*image, target);
}

int WriteUki(const Command& command) {
  const fs::path target = command.words[2];
  if (!MakeUki(command, target.stem().string(), target)) return 1;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(target, error);
  std::cout << Text(target.string(), error ? "" : Text(": ", size, " bytes"), ", ",
                    OptionOf(command, "sign-key").empty() ? "not signed" : "signed", '\n');
  return 0;
}

}  // namespace slipway::control
