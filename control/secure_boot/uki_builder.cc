// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/uki_builder.h"

#include <array>
#include <string_view>

#include "control/secure_boot/pe_image.h"
#include "control/secure_boot/pe_writer.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::string_view kStubMark = "LoaderInfo: systemd-stub";

struct NewSection {
  std::string_view name;  // at most eight bytes
  Bytes content;
};

absl::Status Wrong(const std::string& words) { return absl::InvalidArgumentError(words); }

std::string WordsOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// systemd says in each stub what it is: in a section of its own or, in ARM64's of release 252
// (Debian 12), behind all sections, which its linker script leaves out of the headers.
bool IsSystemdsStub(const PeImage& stub) {
  const PeSection* mark = stub.Find(".sdmagic");
  return AsText(mark == nullptr ? stub.file : mark->content).find(kStubMark) !=
         std::string_view::npos;
}

absl::StatusOr<PeImage> CheckStub(Bytes bytes) {
  auto stub = ParsePe(bytes);
  if (!stub.ok()) return Wrong(Text("the stub: ", WordsOf(stub.status())));
  if (!IsSystemdsStub(*stub)) {
    return Wrong(Text("the stub is not systemd's; name linux", stub->architecture,
                      ".efi.stub of Debian's systemd-boot-efi"));
  }
  if (stub->is_signed()) return Wrong("the stub is signed already; bring it as it is packaged");
  if (stub->Find(".linux") != nullptr) return Wrong("the stub has a kernel already");
  for (const PeSection& section : stub->sections) {
    if (section.name.size() > 8) {
      return Wrong("the stub has sections with long names; bring it as it is packaged");
    }
  }
  return stub;
}

absl::Status CheckKernel(Bytes bytes, const PeImage& stub) {
  const auto kernel = ParsePe(bytes);
  if (!kernel.ok()) {
    return Wrong(Text("the kernel is no EFI program (", WordsOf(kernel.status()),
                      "); bring one built with its EFI stub, as distributions' are"));
  }
  if (kernel->machine == stub.machine) return absl::OkStatus();
  return Wrong(Text("the kernel is for ", kernel->architecture, ", the stub for ",
                    stub.architecture, "; name the stub of the kernel's architecture (--stub)"));
}

}  // namespace

absl::StatusOr<std::string> BuildUki(const UkiParts& parts) {
  const auto stub = CheckStub(parts.stub);
  if (!stub.ok()) return stub.status();
  if (absl::Status status = CheckKernel(parts.kernel, *stub); !status.ok()) return status;
  const std::array<NewSection, 4> sections = {NewSection{".osrel", AsBytes(parts.os_release)},
                                              NewSection{".cmdline", AsBytes(parts.command_line)},
                                              NewSection{".initrd", parts.initrd},
                                              NewSection{".linux", parts.kernel}};

  PeWriter image(*stub);
  for (const NewSection& section : sections) {
    if (section.content.empty()) continue;
    if (!image.AddSection(section.name, section.content)) {
      return Wrong(Text("the stub's headers have no room for ", section.name,
                        ", or the image would be beyond 2 GiB; bring smaller parts"));
    }
  }
  return image.Take();
}

}  // namespace slipway::control
