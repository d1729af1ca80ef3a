// SPDX-License-Identifier: Apache-2.0
//
// TicketKeys: what session tickets are sealed with (RFC 5077 4, RFC 8446 4.6.1), shared by every
// worker and every Context, so that a machine resumes wherever its next connection lands.
//
// Rotating makes a new current key and keeps the one before it for tickets still out; a ticket
// under the previous key is accepted and renewed. The pair is immutable and swapped as one
// pointer: any thread may Rotate() while workers shake hands. Left out: keys shared between
// appliances (they would have to come from outside; Restore() is the seam).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <openssl/ssl.h>

#include "protocols/base/bytes.h"

namespace slipway::tls {

struct TicketKey {
  std::array<std::uint8_t, 16> name{};
  std::array<std::uint8_t, 32> cipher_key{};  // AES-256-CBC
  std::array<std::uint8_t, 32> mac_key{};     // HMAC-SHA-256
};

struct TicketKeyPair {
  TicketKey current;
  std::optional<TicketKey> previous;
};

class TicketKeys {
 public:
  // Begins with one random key.
  TicketKeys();

  // A new random key becomes current, the current one previous. Once in 12 hours is a good pace.
  void Rotate();
  void Restore(const TicketKeyPair& pair);
  std::shared_ptr<const TicketKeyPair> pair() const { return pair_.load(); }

  // Makes `context` use these keys, which must outlive it.
  void Install(SSL_CTX* context) const;

 private:
  std::atomic<std::shared_ptr<const TicketKeyPair>> pair_;
};

}  // namespace slipway::tls
