// SPDX-License-Identifier: Apache-2.0
//
// Bodies: what becomes of a request's body before any handler runs. Plain routes keep theirs in
// memory, so it is bounded by its stated length; routes that take files read theirs themselves. A
// request that is refused leaves nothing of its body on the connection, or ends it.
#pragma once

#include <httplib.h>

#include "control/rest/router.h"

namespace slipway::control {

// Of plain routes: rules, templates, certificates in PEM.
inline constexpr std::uint64_t kPlainBodyMax = std::uint64_t{1} << 20;  // bytes

// False, and 411 or 413 replied, where the body cannot be taken.
bool TakesBody(const httplib::Request& request, httplib::Response& response,
               const Router::Streamed& streamed);

// For an answer that was given before the body was read: reads it, where that is little and comes
// soon, else has the connection end with the answer.
void SettleBody(const httplib::Request& request, httplib::Response& response);

}  // namespace slipway::control
