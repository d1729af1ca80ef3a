// SPDX-License-Identifier: Apache-2.0
//
// Bodies: what becomes of a request's body before any handler runs. Plain routes keep theirs in
// memory, so it is bounded by its stated length; routes that take files read theirs themselves; GET
// and HEAD have none. A request that is refused leaves nothing of its body on the connection, or
// ends it.
//
// cpp-httplib 0.11 unpacks gzip and brotli without bound, takes "+5" for a length, and reads a body
// without a length up to the connection's end: none of that comes as far (RFC 9110 8.4, 9112 6.3).
#pragma once

#include <httplib.h>

#include <cstdint>

#include "control/rest/router.h"

namespace slipway::control {

// Of plain routes: rules, templates, certificates in PEM.
inline constexpr std::uint64_t kPlainBodyMax = std::uint64_t{1} << 20;  // bytes

// Of a body that nobody wants, before its connection is ended rather than read on.
inline constexpr std::uint64_t kPassedOverMax = std::uint64_t{16} << 20;  // bytes

// False, and 400, 411, 413 or 415 replied, where the body cannot be taken. A body without a length
// is none from here on. `upload_max`: bytes of a file.
bool TakesBody(const httplib::Request& request, httplib::Response& response,
               const Router::Streamed& streamed, std::uint64_t upload_max);

// For an answer that was given before the body was read: reads it, where that is little and comes
// soon, else has the connection end with the answer.
void SettleBody(const httplib::Request& request, httplib::Response& response);
// Has the connection end with this answer: something of the body is left on it.
void EndConnection(httplib::Response& response);

}  // namespace slipway::control
