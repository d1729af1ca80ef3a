// SPDX-License-Identifier: Apache-2.0
//
// Known-answer checks at start-up: a processor, a library or a build that seals wrongly must not
// serve a single machine. The answers are test cases 4 and 16 of the GCM specification (McGrew,
// Viega 2005), once in one part, once in uneven parts, and every range of them sealed again; and
// RFC 8448 section 3 for the TLS 1.3 key schedule.
#pragma once

#include <optional>
#include <string>

#include "tls/sealer.h"

namespace slipway::tls {

bool KnownAnswersAreRight(Sealer& sealer);

// Runs every check; the text says which one failed. Call once, before a worker starts.
std::optional<std::string> SelfCheck();

}  // namespace slipway::tls
