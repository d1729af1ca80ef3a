// SPDX-License-Identifier: Apache-2.0
//
// A webhook as it is kept, and what is sent to it: Standard Webhooks 1.0 (symmetric signatures).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/events/feed.h"

namespace slipway::control {

inline constexpr std::size_t kWebhooksMax = 16;

struct WebhookRecord {
  std::string name;  // as a token's
  std::string url;   // https
  FeedFilter filter;
  std::string ca;            // PEM, trusted beside the system's authorities; may be empty
  std::string secret;        // "whsec_" and Base64: signing needs it as it is
  std::int64_t created = 0;  // Unix seconds
};

// A new secret of 32 random bytes; empty where the system gives no randomness.
std::string MakeWebhookSecret();

// A message before it is signed. `id` is the same however often it is sent.
struct WebhookMessage {
  std::string id;
  std::string body;
};
// `data` is JSON.
WebhookMessage MakeMessage(std::string_view type, std::string_view id,
                           std::int64_t unix_nanoseconds, std::string_view data);
WebhookMessage MessageOf(const FeedEvent& event);

// The header webhook-signature: "v1," and Base64 of the HMAC-SHA256 of "id.timestamp.body". Empty
// where the secret is none.
std::string WebhookSignature(std::string_view secret, const WebhookMessage& message,
                             std::int64_t timestamp_unix_seconds);

}  // namespace slipway::control
