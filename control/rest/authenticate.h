// SPDX-License-Identifier: Apache-2.0
//
// Who sends a request: the one place that reads credentials. A token comes as "Authorization:
// Bearer TOKEN", or as the password of "Authorization: Basic" with any user name, which is what
// registry clients (skopeo, oras, crane) send.
#pragma once

#include <httplib.h>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/serve/core.h"

namespace slipway::control {

// Unauthenticated, with what to do, where the request shows no valid credential.
absl::StatusOr<Actor> Authenticate(const httplib::Request& request, Core& core);

// Runs before any route: finds the actor for RequestActor(), or replies 401 and gives false.
bool Admit(const httplib::Request& request, httplib::Response& response, Core& core);

// Who sent the request that this thread is answering. httplib answers one request at a time on a
// thread, from Admit() to the handler's return. For an open route the actor has no name.
const Actor& RequestActor(const httplib::Request& request);

}  // namespace slipway::control
