// SPDX-License-Identifier: Apache-2.0
//
// Recognises the trees that distributions ship, and proposes what boots their installers: kernel
// and initrd for each architecture, and the arguments by which the installer fetches the rest over
// HTTPS instead of looking for a CD. Nothing is changed: the operator takes it, or does not.
//
// In arguments, {base} stands for the address of the set (https://HOST/NAME/TAG, without a slash
// at its end), {host} and {path} for its parts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/image_store/image_set.h"

namespace slipway::control {

struct BootProposal {
  std::string architecture;  // UEFI's short name
  std::string kernel;        // paths in the set
  std::vector<std::string> initrds;
  std::string arguments;
};

struct Layout {
  std::string family;  // "debian", "ubuntu", "fedora" (RHEL and its kin too) or "suse"
  std::string title;   // as it calls itself: "Debian GNU/Linux 12.5.0 ..."; the family's otherwise
  std::vector<BootProposal> boots;
  std::vector<std::string> notes;  // sentences: what else is needed
};

// The text of a file of the set, or of its beginning; empty where there is none.
using TextOfFile = std::function<std::string(const ImageFile&)>;

// Nullopt: none that is known, or one without a kernel.
std::optional<Layout> RecogniseLayout(const ImageSet& set, const TextOfFile& text);

// {base}, {host} and {path} replaced.
std::string Filled(std::string arguments, const std::string& host, const std::string& path);

}  // namespace slipway::control
