// SPDX-License-Identifier: Apache-2.0
//
// An initrd with nothing in it but authorities, to stand behind another: Linux unpacks one over the
// other (Documentation/driver-api/early-userspace/buffer-format.rst, the format "newc").
//
// They lie where OpenSSL looks for them, in etc/ssl/certs under the hash of their subject
// (openssl-rehash(1)); that is where the wget of Debian's installer looks, and nowhere else. What
// goes by a bundle in one file (GnuTLS, NSS, curl of some) does not see them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// `pem`: one certificate or several; what else is in it is left out, above all a key. The error
// says what is wrong and what to bring.
absl::StatusOr<std::string> TrustArchive(Bytes pem);

}  // namespace slipway::control
