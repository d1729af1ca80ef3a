// SPDX-License-Identifier: Apache-2.0
//
// A unified kernel image made here, at the operator's, out of kernel, initrd and arguments, and
// signed here: the private key is read by this process and goes nowhere.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

bool IsUkiOption(std::string_view name);
// The file of --kernel, --initrd, --trust, --cmdline, --stub, --sign-key and --sign-cert, written
// to `target`; `name` is what a boot menu shows. False, and why is said.
bool MakeUki(const Command& command, std::string_view name, const std::filesystem::path& target);

// `slipway image uki FILE`: the same, told; the exit code.
int WriteUki(const Command& command);

}  // namespace slipway::control
