// SPDX-License-Identifier: Apache-2.0
#include "control/rest/server.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <string>
#include <thread>
#include <utility>

#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// The management certificate straight from memory; TLS 1.2 at least.
bool UseCertificate(SSL_CTX& context, const tls::Certificate& certificate) {
  BIO* chain =
      BIO_new_mem_buf(certificate.chain_pem.data(), static_cast<int>(certificate.chain_pem.size()));
  BIO* keys = BIO_new_mem_buf(certificate.private_key_pem.data(),
                              static_cast<int>(certificate.private_key_pem.size()));
  X509* leaf = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(keys, nullptr, nullptr, nullptr);
  const bool good = SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_use_certificate(&context, leaf) == 1 &&
                    SSL_CTX_use_PrivateKey(&context, key) == 1;
  X509_free(leaf);
  EVP_PKEY_free(key);
  BIO_free(chain);
  BIO_free(keys);
  return good;
}

struct StatusWord {
  absl::StatusCode code;
  int status;
};
// Every other code is our own fault.
constexpr StatusWord kStatuses[] = {
    {absl::StatusCode::kNotFound, 404},        {absl::StatusCode::kInvalidArgument, 400},
    {absl::StatusCode::kOutOfRange, 400},      {absl::StatusCode::kDataLoss, 400},
    {absl::StatusCode::kAlreadyExists, 409},   {absl::StatusCode::kFailedPrecondition, 409},
    {absl::StatusCode::kUnauthenticated, 401}, {absl::StatusCode::kPermissionDenied, 403},
    {absl::StatusCode::kAborted, 409},         {absl::StatusCode::kResourceExhausted, 507},
    {absl::StatusCode::kUnavailable, 503}};

int HttpStatusOf(absl::StatusCode code) {
  for (const StatusWord& word : kStatuses) {
    if (word.code == code) return word.status;
  }
  return 500;
}

std::string_view TitleOf(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return status < 500 ? "Refused" : "Internal Server Error";
  }
}

}  // namespace

void Reply(httplib::Response& response, const nlohmann::json& body, int status) {
  response.status = status;
  response.set_content(body.dump() + "\n", std::string(kJsonType));
}

void ReplyProblem(httplib::Response& response, int status, std::string_view detail) {
  const nlohmann::json problem = {
      {"type", "about:blank"}, {"title", TitleOf(status)}, {"status", status}, {"detail", detail}};
  response.status = status;
  response.set_content(problem.dump() + "\n", "application/problem+json");
}

void ReplyProblem(httplib::Response& response, const absl::Status& status) {
  const auto message = status.message();
  ReplyProblem(response, HttpStatusOf(status.code()), {message.data(), message.size()});
}

std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response) {
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (body.is_object()) return body;
  ReplyProblem(response, 400,
               "the body is not a JSON object; send one with Content-Type "
               "application/json");
  return std::nullopt;
}

struct RestServer::State {
  explicit State(Core& core)
      : server([&core](SSL_CTX& context) {
          return UseCertificate(context, core.management_certificate());
        }) {}

  httplib::SSLServer server;
  int port = 0;
  std::thread thread;
};

RestServer::RestServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

RestServer::~RestServer() {
  state_->server.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

int RestServer::port() const { return state_->port; }

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::Start(Core& core) {
  auto state = std::make_unique<State>(core);
  httplib::SSLServer& server = state->server;
  if (!server.is_valid()) return absl::InternalError("the management certificate cannot be used");
  // Headers and body are two writes: with Nagle's algorithm the second waits for the client's
  // delayed ACK of the first, 40 ms of each answer.
  server.set_tcp_nodelay(true);
  server.set_payload_max_length(core.config().upload_max);
  server.set_pre_routing_handler(
      [&core](const httplib::Request& request, httplib::Response& response) {
        return Admit(request, response, core) ? httplib::Server::HandlerResponse::Unhandled
                                              : httplib::Server::HandlerResponse::Handled;
      });
  server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    ReplyProblem(response, response.status,
                 Text(request.method, ' ', request.path,
                      ": not answered here; resources are under /api/v1"));
  });
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
        ReplyProblem(response, 400, "a value in the body has another type than it should");
      });
  Router router(server, core);
  AddImages(router, core);
  AddSecureBoot(router, core);
  AddMachines(router, core);
  AddRules(router, core);
  AddRollouts(router, core);
  AddNetworks(router, core);
  AddLeases(router, core);
  AddBoots(router, core);
  AddWhy(router, core);
  AddSystem(router, core);
  AddAudit(router, core);
  AddWorkers(router, core);
  AddMetrics(router, core);
  if (absl::Status status = router.Finish(); !status.ok()) return status;
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
