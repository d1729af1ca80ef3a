// SPDX-License-Identifier: Apache-2.0
//
// Who sends a request: the one place that reads credentials. A token comes as "Authorization:
// Bearer TOKEN", or as the password of "Authorization: Basic" with any user name, which is what
// registry clients (skopeo, oras, crane) send. A client without that header may have shown a
// certificate of management.client_ca in the handshake; [[management.client]] gives it a role.
//
// A browser shows its token once, at POST /session, and the session's cookie from then on. Cookies
// and client certificates are sent by browsers unasked, also along with what another site made them
// send: what comes without a token and is no mere reading must come from our own page.
//
// Where management.requests_per_second says so, each token, certificate, and address without either
// may ask so often and no more (access/request_limit.h).
//
// Whoever shows wrong tokens again and again is not listened to for a while (access/throttle.h);
// to show none is no failure: that is how registry clients ask for the scheme.
#pragma once

#include <httplib.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/access/tokens.h"
#include "control/serve/core.h"

namespace slipway::control {

// The prefix has browsers take it from this host over TLS alone (RFC 6265bis, 4.1.3.2).
inline constexpr std::string_view kSessionCookie = "__Host-slipway";
// What the request's cookie of that name holds; empty: it has none.
std::string SessionTextOf(const httplib::Request& request);
// The token that the Authorization header shows; Unauthenticated, with what to do, for none.
absl::StatusOr<TokenRecord> TokenOf(const httplib::Request& request, Core& core);

// Unauthenticated, with what to do, where the request shows no valid credential.
absl::StatusOr<Actor> Authenticate(const httplib::Request& request, Core& core);

// Runs before any route: finds the actor for RequestActor(), or replies 401, 403 or 429 and gives
// false.
bool Admit(const httplib::Request& request, httplib::Response& response, Core& core);

// Who sent the request that this thread is answering. httplib answers one request at a time on a
// thread, from Admit() to the handler's return. For an open route the actor has no name.
const Actor& RequestActor(const httplib::Request& request);

}  // namespace slipway::control
