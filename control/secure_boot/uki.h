// SPDX-License-Identifier: Apache-2.0
//
// Unified kernel images (UAPI Group, "Unified Kernel Image"): a stub with the kernel, initrd and
// arguments as sections. Read for what is shown and for whether the stub will find its kernel.
#pragma once

#include <optional>
#include <string>

#include "control/secure_boot/pe_image.h"

namespace slipway::control {

struct Uki {
  bool has_linux = false;
  bool has_initrd = false;
  std::string kernel;        // .uname: "6.1.0-56-amd64"
  std::string system;        // .osrel's PRETTY_NAME: "Debian GNU/Linux 12 (bookworm)"
  std::string command_line;  // .cmdline
  std::string fault;         // what its stub will stumble over; empty: nothing
};

// Nullopt when the image has none of the sections that only a UKI has (.linux, .initrd, .cmdline).
std::optional<Uki> ReadUki(const PeImage& image);

}  // namespace slipway::control
