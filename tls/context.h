// SPDX-License-Identifier: Apache-2.0
//
// Context: what every session of one configuration has in common: certificate chains with their
// keys, a policy, ticket keys. Immutable, so a snapshot holds it and all workers share it.
//
// RSA and ECDSA chains stand side by side; OpenSSL picks by what the client offers. SNI is never
// needed (one answer per Context), ALPN http/1.1 is chosen when offered and its absence accepted
// (RFC 7301), resumption is by tickets only. Never: renegotiation, early data, compression,
// client certificates (a CertificateRequest stops old iPXE).
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tls/policy.h"
#include "tls/ticket_keys.h"

namespace slipway::tls {

struct Certificate {
  std::string name;       // how an operator knows it: a file, "boot-rsa"; for messages only
  std::string chain_pem;  // the leaf first, then the intermediates
  std::string private_key_pem;
};

struct ContextOptions {
  std::vector<Certificate> certificates;  // at least one, one of each key type at most
  Policy policy = Policy::kFirmware;
  std::shared_ptr<const TicketKeys> ticket_keys;  // null: no tickets
};

// What is wrong with the options, for the operator.
struct ContextError {
  std::string where;
  std::string what;
  std::string remedy;
};

class Context {
 public:
  using Result = std::variant<std::shared_ptr<const Context>, ContextError>;
  static Result Create(const ContextOptions& options);

  Policy policy() const { return policy_; }
  // libssl counts references behind this pointer and locks what it changes.
  SSL_CTX* native() const { return native_.get(); }
  // The same, and it tells secrets (its key log): for the few sessions that need them, since
  // libssl writes them with a sprintf() for each byte, a tenth of a handshake's time.
  SSL_CTX* telling() const { return telling_.get(); }

 private:
  struct NativeFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Native = std::unique_ptr<SSL_CTX, NativeFree>;

  Context(Native native, Native telling, const ContextOptions& options)
      : ticket_keys_(options.ticket_keys),
        policy_(options.policy),
        native_(std::move(native)),
        telling_(std::move(telling)) {}

  static std::variant<Native, ContextError> NewNative(const ContextOptions& options);

  std::shared_ptr<const TicketKeys> ticket_keys_;  // outlives the contexts, which point to it
  Policy policy_;
  Native native_;
  Native telling_;
};

}  // namespace slipway::tls
