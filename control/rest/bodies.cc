// SPDX-License-Identifier: Apache-2.0
#include "control/rest/bodies.h"

#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "control/rest/registry_exchange.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);

bool IsStreamed(const httplib::Request& request, const Router::Streamed& streamed) {
  return std::ranges::any_of(streamed, [&](const auto& route) {
    return route.first == request.method && std::regex_match(request.path, route.second);
  });
}

// cpp-httplib reads the bodies of these, and leaves another's on the connection.
bool IsRead(const httplib::Request& request) {
  constexpr std::string_view kMethods[] = {"POST", "PUT", "PATCH", "DELETE"};
  return std::ranges::find(kMethods, request.method) != std::end(kMethods);
}

struct Fault {
  int status = 0;
  std::string_view detail;
};

// What is wrong with that there is a body, or with how it is framed or coded.
std::optional<Fault> FaultOf(const httplib::Request& request) {
  if (!IsRead(request)) return Fault{400, "a body has no meaning here; send none"};
  const std::string transfer = request.get_header_value("Transfer-Encoding");
  const std::size_t transfers = request.get_header_value_count("Transfer-Encoding");
  if (request.has_header("Content-Length") && !BodyLength(request)) {
    return Fault{400, "say once how long the body is: one Content-Length, in digits, or chunks"};
  }
  if (transfers > 1 || (transfers == 1 && !absl::EqualsIgnoreCase(transfer, "chunked"))) {
    return Fault{400, "a body comes whole or in chunks; send no other Transfer-Encoding"};
  }
  for (std::size_t i = 0; i < request.get_header_value_count("Content-Encoding"); ++i) {
    if (absl::EqualsIgnoreCase(request.get_header_value("Content-Encoding", i), "identity")) {
      continue;
    }
    return Fault{415, "send the bytes as they are; nothing is unpacked here"};
  }
  if (request.is_multipart_form_data()) return Fault{415, "send the bytes as they are, as no form"};
  return std::nullopt;
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
               const Router::Streamed& streamed, std::uint64_t upload_max) {
  if (!HasBody(request)) {
    // Once: two of them would say of nothing how long it is.
    auto& headers = const_cast<httplib::Request&>(request).headers;
    if (!request.has_header("Content-Length")) headers.emplace("Content-Length", "0");
    return true;
  }
  if (const auto fault = FaultOf(request)) {
    if (fault->status == 415) response.set_header("Accept-Encoding", "identity");
    ReplyFault(request, response, fault->status, fault->detail);
    return false;
  }
  const bool is_streamed = IsStreamed(request, streamed);
  // The registry counts for itself.
  if (is_streamed && IsOfTheRegistry(request.path)) return true;
  const auto length = BodyLength(request);
  const std::uint64_t most = is_streamed ? upload_max : kPlainBodyMax;
  if (length ? *length <= most : is_streamed) return true;
  if (length) {
    ReplyFault(request, response, 413, Text("a body has at most ", most, " bytes here"));
  } else {
    ReplyFault(request, response, 411,
               "say how long the body is: send Content-Length, and no chunks");
  }
  return false;
}

void SettleBody(const httplib::Request& request, httplib::Response& response) {
  if (!HasBody(request)) return;
  const auto length = BodyLength(request);
  // cpp-httplib has told who waits for "100 Continue" to go on.
  const bool may_read = length && request.ssl != nullptr && *length <= kPassedOverMax;
  if (may_read && PassOver(const_cast<SSL*>(request.ssl), *length)) return;
  EndConnection(response);
  // An answer to HEAD has no body to end the connection with: nothing more is read from it.
  if (request.method == "HEAD" && request.ssl != nullptr) {
    SSL_set_shutdown(const_cast<SSL*>(request.ssl),
                     SSL_get_shutdown(request.ssl) | SSL_RECEIVED_SHUTDOWN);
  }
}

void EndConnection(httplib::Response& response) {
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
