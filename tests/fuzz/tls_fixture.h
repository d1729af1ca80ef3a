// SPDX-License-Identifier: Apache-2.0
//
// What the TLS fuzzers share: one context with fresh keys, a text to serve, a real client.
#pragma once

#include <algorithm>
#include <memory>
#include <variant>
#include <vector>

#include "protocols/base/check.h"
#include "tls/certificates.h"
#include "tls/session.h"

namespace slipway::tls {

struct FuzzText final : ByteSource {
  std::uint64_t length() const override { return 100000; }
  bool finished() const override { return false; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(offset++ * 7);
  }
  void Release(std::uint64_t) override {}
};

class FuzzFixture {
 public:
  static FuzzFixture& Get() {
    static FuzzFixture fixture;
    return fixture;
  }

  // A session whose handshake with OpenSSL's client is done.
  std::unique_ptr<Session> Established(bool tls13) {
    auto session = std::make_unique<Session>(context, text, *sealer);
    SSL_CTX* native = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(native, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL* client = SSL_new(native);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    std::uint64_t at = 0;
    for (int flight = 0; flight < 4; ++flight) {
      SSL_do_handshake(client);
      std::vector<std::uint8_t> bytes(BIO_ctrl_pending(SSL_get_wbio(client)));
      if (!bytes.empty()) {
        BIO_read(SSL_get_wbio(client), bytes.data(), static_cast<int>(bytes.size()));
      }
      session->Receive(bytes);
      while (session->handshake_pending()) session->Step();
      bytes.resize(static_cast<std::size_t>(session->output().length() - at));
      session->output().Read(at, bytes);
      at += bytes.size();
      BIO_write(SSL_get_rbio(client), bytes.data(), static_cast<int>(bytes.size()));
    }
    SSL_free(client);
    SSL_CTX_free(native);
    SLIPWAY_CHECK(session->is_open());
    return session;
  }

  void ReadAt(ByteSource& source, std::uint64_t from, std::uint64_t size) {
    room_.resize(static_cast<std::size_t>(std::min(size * 16, source.length() - from)));
    source.Read(from, room_);
  }
  void Drain(Session& session) {
    SLIPWAY_CHECK(session.output().length() < 65536);
    ReadAt(session.output(), 0, 4096);
    session.output().Release(session.output().length());
  }

  FuzzText text;
  std::unique_ptr<Sealer> sealer = Sealer::Create();
  std::shared_ptr<const Context> context = MakeContext();

 private:
  static std::shared_ptr<const Context> MakeContext() {
    const Authority authority = MakeAuthority({.key_type = KeyType::kEcdsaP256});
    ContextOptions options{.ticket_keys = std::make_shared<TicketKeys>()};
    for (const KeyType type : {KeyType::kRsa2048, KeyType::kEcdsaP256}) {
      options.certificates.push_back(std::get<Certificate>(
          IssueServerCertificate(authority, {.key_type = type, .dns_names = {"boot.test"}})));
    }
    return std::get<std::shared_ptr<const Context>>(Context::Create(options));
  }

  std::vector<std::uint8_t> room_;
};

}  // namespace slipway::tls
