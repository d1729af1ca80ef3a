// SPDX-License-Identifier: Apache-2.0
//
// Router: registers handlers by the route table. A handler runs only for an actor whose role is
// enough (else 403), and a change that succeeded without a record of its own gets one in the audit
// log. A route that the table does not have is not registered, and Finish() says so.
#pragma once

#include <httplib.h>

#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "control/rest/route_table.h"
#include "control/serve/core.h"

namespace slipway::control {

class Router {
 public:
  using Handler = httplib::Server::Handler;
  using ReaderHandler = httplib::Server::HandlerWithContentReader;  // reads the body itself

  // Both outlive the handlers; the router may go once all are registered.
  Router(httplib::Server& server, Core& core) : server_(server), core_(core) {}

  // Paths as the table writes them; request.matches has the variables, from 1.
  void Get(std::string_view path, Handler handler);  // answers HEAD as well
  void Post(std::string_view path, Handler handler);
  void Post(std::string_view path, ReaderHandler handler);
  void Put(std::string_view path, Handler handler);
  void Put(std::string_view path, ReaderHandler handler);
  void Patch(std::string_view path, Handler handler);
  void Patch(std::string_view path, ReaderHandler handler);
  void Delete(std::string_view path, Handler handler);
  void Delete(std::string_view path, ReaderHandler handler);

  // Of routes whose handlers read the body themselves: methods and patterns.
  using Streamed = std::vector<std::pair<std::string, std::regex>>;
  Streamed streamed() const { return streamed_; }

  // Internal, naming every route that only the table or only a handler has.
  absl::Status Finish() const;

 private:
  // Nullptr, and remembered, where the table has no such route.
  const Route* Take(std::string_view method, std::string_view path);
  Handler Guard(const Route& route, Handler handler);
  ReaderHandler Guard(const Route& route, ReaderHandler handler);

  httplib::Server& server_;
  Core& core_;
  std::set<const Route*> taken_;
  std::vector<std::string> unknown_;
  Streamed streamed_;
};

}  // namespace slipway::control
