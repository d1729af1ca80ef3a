// SPDX-License-Identifier: Apache-2.0
//
// Preconditions (RFC 9110 section 13): whether the version that is here is the one the client
// means. A resource has a strong entity tag, its digest, and the date of its last change.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/http/request.h"

namespace slipway::http {

struct Validators {
  std::string_view digest;  // the entity tag is this in double quotes
  std::int64_t last_modified = 0;
  std::int64_t now = 0;
};

enum class Condition : std::uint8_t { kGoOn, kNotModified, kFailed };

// 13.2.2 steps 1 to 4, for GET and HEAD of a resource that exists.
Condition Evaluate(const Request& request, const Validators& validators);

// 13.1.5: true when there is no If-Range, or it names exactly this version.
bool RangeApplies(const Request& request, const Validators& validators);

}  // namespace slipway::http
