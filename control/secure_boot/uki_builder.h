// SPDX-License-Identifier: Apache-2.0
//
// A unified kernel image out of its parts (UAPI Group, "Unified Kernel Image"): systemd's stub with
// the operating system's name, arguments, initrd and kernel as sections of their own, behind its
// own ones.
//
// The kernel comes last: stubs before systemd 251 start it where it lies, and it unpacks itself
// over what follows. Debug symbols of the stub are left out, so that the file has no gaps that
// signers would hash in different ways.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

struct UkiParts {
  Bytes stub;                // systemd's, not signed, for the kernel's architecture
  Bytes kernel;              // an EFI program: Linux with its EFI stub
  Bytes initrd;              // empty: none
  std::string command_line;  // empty: the boot loader's counts
  std::string os_release;    // os-release(5)
};

// The image, not signed. The error says which part is wrong and what to bring instead.
absl::StatusOr<std::string> BuildUki(const UkiParts& parts);

}  // namespace slipway::control
