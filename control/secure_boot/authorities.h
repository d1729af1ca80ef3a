// SPDX-License-Identifier: Apache-2.0
//
// The certificate authorities that firmware is shipped with, known by the SHA-256 of their
// certificates: no certificate is shipped here, but one that a signature brings along can be told
// to be the real one. With each: which firmware has it, and which setting takes it away.
#pragma once

#include <string>
#include <string_view>

#include "control/secure_boot/authenticode.h"

namespace slipway::control {

struct Authority {
  std::string_view fingerprint;
  std::string_view name;
  std::string_view code;     // of the finding
  std::string_view setting;  // which firmware has it, and what would refuse it
};

// Null when it is none of them: an operator's or a distribution's own.
const Authority* FindAuthority(const Certificate& certificate);

}  // namespace slipway::control
