// SPDX-License-Identifier: Apache-2.0
//
// What the registry's routes share: one request and its reply, errors in the specification's form,
// and bodies that are neither kept in memory nor left on the connection.
//
// Replies are sent by a content provider whose length we say ourselves: cpp-httplib 0.11 applies a
// request's Range to whatever else is the body, an error's too, and computes ranges beyond the end
// and from the end wrongly.
#pragma once

#include <httplib.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "control/registry/path.h"
#include "control/registry/registry.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// How much of the body is still on the connection.
enum class BodyState : std::uint8_t { kAll, kNothing, kSome };

struct RegistryExchange {
  Registry& registry;
  const httplib::Request& request;
  httplib::Response& response;
  const httplib::ContentReader* body;  // null where the method has none
  RegistryPath path;
  BodyState& body_state;
};

// All of a short reply. `last`: the connection ends with it.
enum class Connection : std::uint8_t { kStays, kEnds };
void ReplyWhole(httplib::Response& response, int status, std::string_view type, std::string text,
                Connection connection = Connection::kStays);
// Takes what is left of the body off the connection first, where that is little.
void ReplyError(const RegistryExchange& exchange, const RegistryError& error);
// No body.
void ReplyEmpty(httplib::Response& response, int status);

// Of the Content-Length header; nullopt without just one in digits, or when the body comes in
// chunks.
std::optional<std::uint64_t> BodyLength(const httplib::Request& request);
// Also where it cannot be told how long it is.
bool HasBody(const httplib::Request& request);
// Gives the body to `sink`, piece by piece; kUnavailable when it ends too early, and the sink's
// error when that has one. The rest of the body is then still on the connection.
absl::Status ReadBody(const RegistryExchange& exchange,
                      const std::function<absl::Status(Bytes)>& sink);

// registry_uploads.cc
void AnswerBlob(const RegistryExchange& exchange);
void RemoveBlob(const RegistryExchange& exchange);
void BeginUpload(const RegistryExchange& exchange);
void AnswerUpload(const RegistryExchange& exchange);
void ContinueUpload(const RegistryExchange& exchange);
void FinishUpload(const RegistryExchange& exchange);
void CancelUpload(const RegistryExchange& exchange);

}  // namespace slipway::control
