// SPDX-License-Identifier: Apache-2.0
//
// The fingerprint of the TLS that sent a ClientHello, in the spirit of JA3: FNV-1a
// (protocols/base/fingerprint.h) over the versions, cipher suites, groups and signature algorithms
// that it offers, each list as its length and its numbers of two octets, in the client's order.
//
// Left out: values that only test our tolerance (RFC 8701), TLS_FALLBACK_SCSV (RFC 7507), which
// says that this is a second try, and the name, which is the boot server's and not the client's.
#pragma once

#include <cstdint>

#include "tls/session_info.h"

namespace slipway::tls {

std::uint64_t FingerprintOf(const ClientOffer& offer);

}  // namespace slipway::tls
