// SPDX-License-Identifier: Apache-2.0
//
// What an operator wants to know of a certificate: whose, of which key, until when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "tls/certificates.h"

namespace slipway::control {

struct CertificateState {
  std::string name;  // "boot-rsa", "management", "ca", or the file it came from
  std::string subject;
  std::string issuer;
  std::string key;                 // "RSA 3072"
  std::vector<std::string> names;  // subjectAltName
  std::int64_t not_before = 0;     // Unix seconds
  std::int64_t not_after = 0;
  std::string fingerprint;  // SHA-256 of the DER, in hexadecimal
  bool is_ours = false;     // issued by our CA: renewed by itself
  bool is_ca = false;       // our CA's, or that of a rotation's other one
};

// Of the chain's first; not_after: or its issuer's end, if earlier and not ours. Unread: all but
// the name empty.
CertificateState StateOf(const tls::Certificate& certificate, bool is_ours);

// Whole days from `now`; negative when it has expired.
constexpr std::int64_t DaysLeft(const CertificateState& state, std::int64_t now_unix_seconds) {
  const std::int64_t seconds = state.not_after - now_unix_seconds;
  return seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400);
}

// Ours are renewed, and others warned of, when so many are left.
inline constexpr std::int64_t kRenewDays = 30;

}  // namespace slipway::control
