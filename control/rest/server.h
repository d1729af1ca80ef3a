// SPDX-License-Identifier: Apache-2.0
//
// RestServer: the control plane over HTTPS, for `slipway` and other tools. Routes are under
// /api/v1, one file per resource; health needs no token, everything else the bearer token. An
// error is a problem document (RFC 9457): title, status, detail that says what to do.
//
// Left out for now: several tokens with rights of their own.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "control/serve/core.h"

namespace slipway::control {

class RestServer {
 public:
  // Listens at the configured address when it returns.
  static absl::StatusOr<std::unique_ptr<RestServer>> Start(Core& core);
  ~RestServer();

  int port() const;  // the real one when the configuration says 0

 private:
  struct State;
  explicit RestServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::control
