// SPDX-License-Identifier: Apache-2.0
#include "control/events/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

#include "absl/strings/escaping.h"
#include "control/moment.h"
#include "control/text.h"
#include "protocols/base/bytes.h"

namespace slipway::control {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

std::string Base64(std::string_view bytes) {
  return absl::Base64Escape({bytes.data(), bytes.size()});
}

}  // namespace

std::string MakeWebhookSecret() {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return "";
  return Text(kSecretPrefix, Base64(std::string(random.begin(), random.end())));
}

WebhookMessage MakeMessage(std::string_view type, std::string_view id,
                           std::int64_t unix_nanoseconds, std::string_view data) {
  return {.id = std::string(id),
          .body = Text(R"({"type":")", type, R"(","timestamp":")", Rfc3339(unix_nanoseconds),
                       R"(","data":)", data, '}')};
}

WebhookMessage MessageOf(const FeedEvent& event) {
  return MakeMessage(NameOf(event.kind), Text("event_", event.id), event.unix_nanoseconds,
                     DataOf(event));
}

std::string WebhookSignature(std::string_view secret, const WebhookMessage& message,
                             std::int64_t timestamp_unix_seconds) {
  if (!secret.starts_with(kSecretPrefix)) return "";
  secret.remove_prefix(kSecretPrefix.size());
  std::string key;
  if (!absl::Base64Unescape({secret.data(), secret.size()}, &key)) return "";
  const std::string content = Text(message.id, '.', timestamp_unix_seconds, '.', message.body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), AsBytes(content).data(),
           content.size(), mac.data(), &size) == nullptr) {
    return "";
  }
  return "v1," + Base64(std::string(mac.begin(), mac.begin() + size));
}

}  // namespace slipway::control
