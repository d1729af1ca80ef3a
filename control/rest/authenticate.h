// SPDX-License-Identifier: Apache-2.0
//
// Who sends a request: the one place that reads credentials. A token comes as "Authorization:
// Bearer TOKEN", or as the password of "Authorization: Basic" with any user name, which is what
// registry clients (skopeo, oras, crane) send. A client without that header may have shown a
// certificate of management.client_ca in the handshake; [[management.client]] gives it a role.
//
// Whoever shows wrong tokens again and again is not listened to for a while (access/throttle.h);
// to show none is no failure: that is how registry clients ask for the scheme.
#pragma once

#include <httplib.h>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/serve/core.h"

namespace slipway::control {

// Unauthenticated, with what to do, where the request shows no valid credential.
absl::StatusOr<Actor> Authenticate(const httplib::Request& request, Core& core);

// Runs before any route: finds the actor for RequestActor(), or replies 401 or 429 and gives false.
bool Admit(const httplib::Request& request, httplib::Response& response, Core& core);

// Who sent the request that this thread is answering. httplib answers one request at a time on a
// thread, from Admit() to the handler's return. For an open route the actor has no name.
const Actor& RequestActor(const httplib::Request& request);

}  // namespace slipway::control
