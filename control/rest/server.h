// SPDX-License-Identifier: Apache-2.0
//
// RestServer: the control plane over HTTPS, for `slipway` and other tools. Routes are under
// /api/v1, one file per resource; what each needs stands in route_table.cc. An error is a problem
// document (RFC 9457): type, title, status, detail that says what to do.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "control/serve/core.h"

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace slipway::dataplane {
class Captures;
}  // namespace slipway::dataplane

namespace slipway::control {

class RestServer {
 public:
  // Sees each answer after it was sent; called from the server's threads.
  using Observer = std::function<void(const httplib::Request&, const httplib::Response&)>;

  // Listens at the configured address when it returns. `captures`: whom workers copy the frames of;
  // null where there are no workers.
  static absl::StatusOr<std::unique_ptr<RestServer>> Start(Core& core,
                                                           dataplane::Captures* captures = nullptr,
                                                           Observer observer = {});
  ~RestServer();

  int port() const;  // the real one when the configuration says 0

 private:
  struct State;
  explicit RestServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::control
