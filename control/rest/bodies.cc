// SPDX-License-Identifier: Apache-2.0
#include "control/rest/bodies.h"

#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "control/rest/registry_exchange.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::uint64_t kPassedOverMax = std::uint64_t{16} << 20;  // bytes
constexpr auto kPatience = std::chrono::seconds(5);

bool IsStreamed(const httplib::Request& request, const Router::Streamed& streamed) {
  return std::ranges::any_of(streamed, [&](const auto& route) {
    return route.first == request.method && std::regex_match(request.path, route.second);
  });
}

// Reads so many bytes off the connection; false when they do not come in time. httplib has read up
// to the end of the headers, and keeps nothing of what follows.
bool PassOver(SSL* ssl, std::uint64_t bytes) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::array<char, 16384> block;
  while (bytes != 0) {
    if (SSL_pending(ssl) == 0) {
      const auto left = end - std::chrono::steady_clock::now();
      pollfd wait{.fd = SSL_get_fd(ssl), .events = POLLIN, .revents = 0};
      const auto milliseconds = static_cast<int>(left / std::chrono::milliseconds(1));
      if (milliseconds <= 0 || ::poll(&wait, 1, milliseconds) <= 0) return false;
    }
    const auto most = static_cast<int>(std::min<std::uint64_t>(bytes, block.size()));
    const int got = SSL_read(ssl, block.data(), most);
    if (got <= 0) return false;
    bytes -= static_cast<std::uint64_t>(got);
  }
  return true;
}

}  // namespace

bool TakesBody(const httplib::Request& request, httplib::Response& response,
               const Router::Streamed& streamed) {
  if (!HasBody(request) || IsStreamed(request, streamed)) return true;
  const auto length = BodyLength(request);
  if (length && *length <= kPlainBodyMax) return true;
  if (length) {
    ReplyProblem(response, 413, Text("a body has at most ", kPlainBodyMax, " bytes here"));
  } else {
    ReplyProblem(response, 411, "say how long the body is: send Content-Length, and no chunks");
  }
  return false;
}

void SettleBody(const httplib::Request& request, httplib::Response& response) {
  if (!HasBody(request)) return;
  const auto length = BodyLength(request);
  // cpp-httplib has told who waits for "100 Continue" to go on.
  const bool may_read = length && request.ssl != nullptr && *length <= kPassedOverMax;
  if (may_read && PassOver(const_cast<SSL*>(request.ssl), *length)) return;
  if (!response.content_provider_) {
    const std::string type = response.get_header_value("Content-Type");
    response.headers.erase("Content-Type");
    return ReplyWhole(response, response.status, type, std::exchange(response.body, {}),
                      Connection::kEnds);
  }
  response.set_header("Connection", "close");
  response.content_provider_ = [give = std::move(response.content_provider_)](
                                   std::size_t offset, std::size_t size, httplib::DataSink& sink) {
    give(offset, size, sink);
    return false;  // ends the connection
  };
}

}  // namespace slipway::control
