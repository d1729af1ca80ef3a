// SPDX-License-Identifier: Apache-2.0
#include "control/rest/server.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "control/capture/capture_desk.h"
#include "control/events/webhooks.h"
#include "control/registry/pull.h"
#include "control/registry/registry.h"
#include "control/rest/bodies.h"
#include "control/rest/captures.h"
#include "control/rest/routes.h"
#include "control/rest/tags.h"
#include "control/rest/tls_server.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Each connection holds one, also while it rests: registry clients open several; and 16 for event
// streams and some for captures, which hold theirs for as long as they please.
constexpr std::size_t kThreads = 32 + 16 + dataplane::Captures::kAtOnceMax;
// For streams to say that they end.
constexpr auto kFarewell = std::chrono::seconds(1);
constexpr std::size_t kRequestsPerConnection = 1000;
constexpr auto kReadTimeout = std::chrono::seconds(30);  // between two pieces of an upload

}  // namespace

struct RestServer::State {
  State(Core& its_core, dataplane::Captures* its_captures)
      : core(its_core),
        server([this](SSL_CTX& context) { return PrepareTls(context, core); }),
        registry(core),
        pulls(core, registry.uploads()),
        webhooks(core),
        captures(core, its_captures) {}

  absl::Status AddRoutes() {
    Router router(server, core);
    AddImages(router, core);
    AddTags(router, core);
    AddRegistry(router, registry);
    AddPulls(router, pulls);
    AddSecureBoot(router, core);
    AddMachines(router, core);
    AddHeld(router, core);
    AddRules(router, core);
    AddRollouts(router, core);
    AddTemplates(router, core);
    AddNetworks(router, core);
    AddLeases(router, core);
    AddBoots(router, core);
    AddWhy(router, core);
    AddEvents(router, core);
    AddSystem(router, core);
    AddAudit(router, core);
    AddBackup(router, core);
    AddCertificates(router, core);
    AddTokens(router, core);
    AddSession(router, core);
    AddWeb(router);
    AddWorkers(router, core);
    AddWebhooks(router, webhooks);
    AddCaptures(router, core, captures);
    AddMetrics(router, core, webhooks);
    streamed = router.streamed();
    return router.Finish();
  }

  Core& core;
  httplib::SSLServer server;
  Router::Streamed streamed;
  Registry registry;
  Pulls pulls;
  Webhooks webhooks;
  CaptureDesk captures;
  int port = 0;
  std::thread thread;
};

RestServer::RestServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

RestServer::~RestServer() {
  state_->core.feed().Close();
  state_->webhooks.Stop();
  state_->captures.Close(kFarewell);
  state_->core.streams().AwaitNone(kFarewell);
  state_->server.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

int RestServer::port() const { return state_->port; }

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::Start(Core& core,
                                                              dataplane::Captures* captures,
                                                              Observer observer) {
  auto state = std::make_unique<State>(core, captures);
  httplib::SSLServer& server = state->server;
  if (!server.is_valid()) {
    return absl::InternalError("the management certificate or management.client_ca cannot be used");
  }
  // Headers and body are two writes: with Nagle's algorithm the second waits for the client's
  // delayed ACK of the first, 40 ms of each answer.
  server.set_tcp_nodelay(true);
  server.set_payload_max_length(core.config().upload_max);
  server.set_keep_alive_max_count(kRequestsPerConnection);
  server.set_read_timeout(kReadTimeout);
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_pre_routing_handler(
      [&core, &own = *state](const httplib::Request& request, httplib::Response& response) {
        EndHead();
        // httplib applies a Range to any answer, an error too, and asks providers that know their
        // length for what lies beyond it. Only blobs have ranges; elsewhere it may be ignored (RFC
        // 9110 14.2).
        if (!request.path.starts_with("/v2/"))
          const_cast<httplib::Request&>(request).ranges.clear();
        if (Admit(request, response, core) &&
            TakesBody(request, response, own.streamed, core.config().upload_max)) {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        SettleBody(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  server.set_logger([observer = std::move(observer)](const httplib::Request& request,
                                                     const httplib::Response& response) {
    AwaitHead();
    if (observer) observer(request, response);
  });
  server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty() || response.content_provider_) return;
    if (request.path.starts_with("/v2/")) {
      return ReplyRegistryError(response, response.status, "UNSUPPORTED",
                                Text(request.method, ' ', request.path, ": not answered here"));
    }
    ReplyProblem(response, response.status,
                 Text(request.method, ' ', request.path,
                      ": not answered here; resources are under /api/v1"));
  });
  server.set_exception_handler(ReplyException);
  if (absl::Status status = state->AddRoutes(); !status.ok()) return status;
  const Endpoint& endpoint = core.config().management;
  const std::string host = endpoint.address.ToString();
  if (endpoint.port == 0) {
    state->port = server.bind_to_any_port(host);
  } else if (server.bind_to_port(host, endpoint.port)) {
    state->port = endpoint.port;
  }
  if (state->port <= 0) {
    return absl::UnavailableError(Text("management.address = \"", endpoint.ToString(),
                                       "\": cannot be listened on; write a local address and a "
                                       "free port"));
  }
  state->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() before the loop has begun would be lost.
  while (!server.is_running()) std::this_thread::yield();
  return std::unique_ptr<RestServer>(new RestServer(std::move(state)));
}

}  // namespace slipway::control
