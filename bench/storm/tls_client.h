// SPDX-License-Identifier: Apache-2.0
//
// The client's side of a TLS handshake, by OpenSSL over memory, and the keys it leaves behind.
//
// OpenSSL serves the handshake alone: its objects take tens of kilobytes, and a machine that reads
// its image needs a key and a counter. So once the handshake is finished the traffic keys of both
// directions are derived (tls/key_schedule.h) from what OpenSSL logs or exports, and the SSL object
// is freed. TLS 1.2's first record numbers and nonces were used by the Finished messages; ours go
// on from there.
//
// Left out: resumption, client certificates, suites that are not AES-GCM (a server that chooses
// one ends the boot with a reason of its own).
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/storm/failure.h"
#include "bench/storm/personality.h"
#include "tls/record.h"

namespace slipway::storm {

// What all handshakes of one personality have in common.
class TlsClient {
 public:
  // `authority_file`: PEM of the CA that the server's certificate must lead to; empty: none is
  // checked. Null: the file cannot be read, or OpenSSL refuses the personality.
  static std::unique_ptr<TlsClient> Create(const Personality& personality,
                                           const std::string& authority_file);

  SSL_CTX* native() const { return context_.get(); }
  bool can_verify() const { return can_verify_; }
  const Personality& personality() const { return *personality_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  TlsClient() = default;

  std::unique_ptr<SSL_CTX, Free> context_;
  const Personality* personality_ = nullptr;
  bool can_verify_ = false;
};

// What a finished handshake leaves.
struct TrafficKeys {
  tls::RecordKeys read;                   // the server's records
  tls::RecordKeys write;                  // ours
  std::vector<std::uint8_t> read_secret;  // TLS 1.3: for the server's next epoch
};

class Handshake {
 public:
  // Checks the certificate, and that it names `host`, when `verify`.
  Handshake(const TlsClient& client, const std::string& host, bool verify);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake() = default;

  enum class State : std::uint8_t { kGoing, kDone, kFailed };
  // Takes what arrived and appends to `out` what is to be sent. First called with nothing.
  State Receive(Bytes arrived, std::vector<std::uint8_t>& out);
  // After kDone: what arrived behind the handshake.
  std::vector<std::uint8_t> TakeRest();

  const TrafficKeys& keys() const { return keys_; }
  // After kFailed.
  Failure failure() const { return failure_; }

 private:
  friend class TlsClient;
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  static void OnSecret(const SSL* ssl, const char* line);
  State Fail(Failure failure);
  Failure Reason() const;
  bool TakeKeys();
  bool TakeKeys12(std::size_t key_size);
  bool TakeKeys13(std::size_t key_size);

  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;  // the SSL's
  BIO* out_ = nullptr;
  TrafficKeys keys_;
  std::vector<std::uint8_t> write_secret_;
  std::optional<std::uint64_t> finished_nonce_;
  Failure failure_ = Failure::kNone;
};

}  // namespace slipway::storm
