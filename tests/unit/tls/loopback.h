// SPDX-License-Identifier: Apache-2.0
//
// A real OpenSSL client in memory before a tls::Session, and the TCP between them: pulls the
// session's output in pieces, remembers every byte it was given (a byte that changes on a later
// reading fails the test), and releases what the client has taken.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocols/base/entropy.h"
#include "tls/certificates.h"
#include "tls/session.h"

namespace slipway::tls {

using Buffer = std::vector<std::uint8_t>;

// Plaintext by offset: a repeatable pattern, lent out as image memory where `lends`.
class TextSource final : public ByteSource {
 public:
  std::uint64_t length() const override { return text.size(); }
  bool finished() const override { return ended; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    ASSERT_GE(offset, released) << "read after release";
    static_cast<void>(Copy(Bytes(text).subspan(offset, out.size()), out));
  }
  Bytes Borrow(std::uint64_t offset, std::uint64_t limit) override {
    // Extents end at odd places, as slices of images do.
    const std::uint64_t extent = std::min<std::uint64_t>(limit, 1021 - offset % 1021);
    return lends ? Bytes(text).subspan(offset, extent) : Bytes();
  }
  void Release(std::uint64_t offset) override { released = offset; }

  void Add(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      text.push_back(static_cast<std::uint8_t>((text.size() * 2654435761U) >> 13));
    }
  }

  Buffer text;
  std::uint64_t released = 0;
  bool ended = false;
  bool lends = true;
};

// Made once per test program: keys are slow.
struct Certificates {
  Authority authority = MakeAuthority({.key_type = KeyType::kEcdsaP256});
  Certificate rsa = Issue(KeyType::kRsa2048);
  Certificate ecdsa = Issue(KeyType::kEcdsaP256);
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>();

  Certificate Issue(KeyType type) const {
    return std::get<Certificate>(IssueServerCertificate(
        authority,
        {.key_type = type, .dns_names = {"boot.test"}, .ip_addresses = {"10.77.0.1", "fd00::1"}}));
  }
  static const Certificates& Get() {
    static const Certificates certificates;
    return certificates;
  }
};

inline std::shared_ptr<const Context> MakeContext(Policy policy = Policy::kFirmware) {
  const Certificates& made = Certificates::Get();
  const ContextOptions options{
      .certificates = {made.rsa, made.ecdsa}, .policy = policy, .ticket_keys = made.tickets};
  return std::get<std::shared_ptr<const Context>>(Context::Create(options));
}

struct ClientOptions {
  int version = TLS1_2_VERSION;
  const char* suites_tls12 = nullptr;
  const char* suites_tls13 = nullptr;
  const char* groups = nullptr;
  const char* sigalgs = nullptr;
  int max_fragment_length = 0;  // RFC 6066 code, 1 to 4
  bool trusts = true;
  bool alpn = false;
  const char* server_name = nullptr;
  SSL_SESSION* resume = nullptr;
};

// The client's SSL and what it wants to send.
class Client {
 public:
  explicit Client(const ClientOptions& options) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
    SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    if (options.suites_tls12) SSL_CTX_set_cipher_list(context, options.suites_tls12);
    if (options.suites_tls13) SSL_CTX_set_ciphersuites(context, options.suites_tls13);
    if (options.groups) SSL_CTX_set1_groups_list(context, options.groups);
    if (options.sigalgs) SSL_CTX_set1_sigalgs_list(context, options.sigalgs);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (options.trusts) Trust();
    SSL_CTX_set_keylog_callback(context, [](const SSL* ssl, const char* line) {
      static_cast<Client*>(SSL_get_app_data(ssl))->Log(line);
    });
    SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
      static_cast<Client*>(SSL_get_app_data(ssl))->session_.reset(session);
      return 1;
    });
    ssl_.reset(SSL_new(context));
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    if (options.max_fragment_length != 0) {
      SSL_set_tlsext_max_fragment_length(ssl_.get(),
                                         static_cast<std::uint8_t>(options.max_fragment_length));
    }
    if (options.alpn) {
      static constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";
      SSL_set_alpn_protos(ssl_.get(), kProtocols, sizeof kProtocols - 1);
    }
    if (options.server_name) {
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(options.server_name));
    }
    if (options.resume) SSL_set_session(ssl_.get(), options.resume);
    SSL_set_connect_state(ssl_.get());
  }

  SSL* ssl() { return ssl_.get(); }
  SSL_SESSION* session() { return session_.get(); }
  // Handshakes and reads with what has arrived.
  void Run(Bytes arrived) {
    if (!arrived.empty()) {
      BIO_write(SSL_get_rbio(ssl_.get()), arrived.data(), static_cast<int>(arrived.size()));
    }
    ERR_clear_error();
    if (SSL_in_init(ssl_.get()) && SSL_do_handshake(ssl_.get()) != 1) {
      failed = SSL_get_error(ssl_.get(), -1) == SSL_ERROR_SSL;
      return;
    }
    Buffer room(20000);
    std::size_t size = 0;
    while (SSL_read_ex(ssl_.get(), room.data(), room.size(), &size) == 1) {
      text.insert(text.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
    }
    failed = SSL_get_error(ssl_.get(), 0) == SSL_ERROR_SSL;
  }
  void Write(std::string_view what) {
    std::size_t written = 0;
    SSL_write_ex(ssl_.get(), what.data(), what.size(), &written);
    EXPECT_EQ(written, what.size());
  }
  Buffer TakeOutput() {
    BIO* bio = SSL_get_wbio(ssl_.get());
    Buffer out(BIO_ctrl_pending(bio));
    if (!out.empty()) BIO_read(bio, out.data(), static_cast<int>(out.size()));
    return out;
  }
  bool closed() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

  Buffer text;  // what the server sent
  bool failed = false;
  std::map<std::string, Buffer> secrets;  // of the key log, the newest of each label

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  void Trust() {
    BIO* bio = BIO_new_mem_buf(Certificates::Get().authority.certificate_pem.data(), -1);
    X509* authority = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authority);
    X509_free(authority);
    BIO_free(bio);
  }
  void Log(std::string_view line) {
    if (const auto parsed = ParseKeyLogLine(line)) {
      secrets[std::string(parsed->label)] = parsed->secret;
    }
  }

  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::unique_ptr<SSL_SESSION, Free> session_;
};

class Loopback {
 public:
  explicit Loopback(const ClientOptions& options, std::shared_ptr<const Context> context,
                    Sealer::Kind kind = Sealer::Kind::kFastest, const Sizing& sizing = {})
      : sealer(Sealer::Create(kind)),
        client(options),
        session(std::move(context), source, *sealer, sizing) {}

  // Everything the client has to say reaches the session.
  void ToServer() {
    client.Run({});
    Take(session.Receive(client.TakeOutput()));
    while (session.handshake_pending()) Take(session.Step());
  }
  void Take(const Received& received) {
    requests.insert(requests.end(), received.plaintext.begin(), received.plaintext.end());
    if (received.drop != Drop::kNone) drops.push_back(received.drop);
  }
  // Sends up to `limit` bytes in segments of random sizes, each read again now and then.
  void ToClient(std::uint64_t limit = ~std::uint64_t{0}) {
    ByteSource& out = session.output();
    out.Extend(std::min<std::uint64_t>(limit, 60000));
    while (seen.size() < out.length() && limit != 0) {
      const std::uint64_t size =
          std::min({1 + random.Below(3000), out.length() - seen.size(), limit});
      Buffer segment(size);
      out.Read(seen.size(), segment);
      seen.insert(seen.end(), segment.begin(), segment.end());
      limit -= size;
      Reread();
      client.Run(segment);
      if (releases) out.Release(released += random.Below(seen.size() - released + 1));
      out.Extend(std::min<std::uint64_t>(limit, 60000));
    }
  }
  // A range that was sent before must be the same again.
  void Reread() {
    const std::uint64_t from = released + random.Below(seen.size() - released + 1);
    const std::uint64_t size = random.Below(std::min<std::uint64_t>(seen.size() - from, 5000) + 1);
    Buffer again(size);
    session.output().Read(from, again);
    ASSERT_TRUE(Equal(again, Bytes(seen).subspan(from, size))) << from << "+" << size;
  }
  void ReleaseAll() { session.output().Release(released = seen.size()); }
  void Handshake() {
    for (int flight = 0; flight < 6; ++flight) {
      ToServer();
      ToClient();
    }
  }
  // Sends everything the source has and checks that the client got it.
  void Deliver() {
    for (int round = 0; round < 10000 && client.text.size() < source.text.size(); ++round) {
      const std::size_t before = seen.size();
      ToClient();
      ReleaseAll();
      if (before == seen.size()) break;
    }
    EXPECT_TRUE(client.text == source.text)
        << client.text.size() << " of " << source.text.size() << " bytes";
  }

  TextSource source;
  std::unique_ptr<Sealer> sealer;
  Client client;
  Session session;
  Buffer seen;  // the stream as it was first read
  std::uint64_t released = 0;
  bool releases = true;
  Buffer requests;  // what the client asked
  std::vector<Drop> drops;
  SeededEntropy random{20261122};
};

// DHE-RSA and RSA suites in the order OVMF 2022.11 and 2025.02 send them.
inline constexpr char kOvmfSuites[] =
    "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA256:"
    "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-GCM-SHA384:"
    "AES128-GCM-SHA256:AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA";

}  // namespace slipway::tls
