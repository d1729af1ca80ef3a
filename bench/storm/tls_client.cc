// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>

#include "protocols/base/ipv4.h"
#include "tls/key_agreement.h"
#include "tls/key_schedule.h"

namespace slipway::storm {
namespace {

int HandshakeIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// The explicit nonce of the first encrypted record of a TLS 1.2 flight: our Finished.
std::optional<std::uint64_t> NonceOfFinished(Bytes flight) {
  bool encrypted = false;
  Reader reader(flight);
  while (reader.remaining() >= tls::kRecordHeaderSize) {
    const auto type = static_cast<tls::ContentType>(reader.U8());
    reader.Skip(2);
    Reader body = reader.Narrow(reader.U16());
    if (type == tls::ContentType::kChangeCipherSpec) {
      encrypted = true;
    } else if (encrypted && type == tls::ContentType::kHandshake) {
      const std::uint64_t nonce = body.U64();
      return body.ok() ? std::optional(nonce) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<TlsClient> TlsClient::Create(const Personality& personality,
                                             const std::string& authority_file) {
  std::unique_ptr<TlsClient> client(new TlsClient);
  client->personality_ = &personality;
  client->context_.reset(
      SSL_CTX_new_ex(nullptr, tls::KeyAgreementProperties(), TLS_client_method()));
  SSL_CTX* context = client->native();
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, personality.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_keylog_callback(context, Handshake::OnSecret);
  SSL_CTX_set_security_level(context, 0);  // what firmware offers is older than OpenSSL's taste
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  if (personality.tls13) {
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
  } else if (SSL_CTX_set_cipher_list(context, personality.ciphers) != 1) {
    return nullptr;
  }
  const std::string groups = personality.groups;
  const std::string signatures = personality.signatures;
  if (!groups.empty() && SSL_CTX_set1_groups_list(context, groups.c_str()) != 1) return nullptr;
  if (!signatures.empty() && SSL_CTX_set1_sigalgs_list(context, signatures.c_str()) != 1) {
    return nullptr;
  }
  if (personality.fragments_4096 &&
      SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_4096) != 1) {
    return nullptr;
  }
  if (!authority_file.empty()) {
    if (SSL_CTX_load_verify_locations(context, authority_file.c_str(), nullptr) != 1) {
      return nullptr;
    }
    client->can_verify_ = true;
  }
  return client;
}

Handshake::Handshake(const TlsClient& client, const std::string& host, bool verify)
    : ssl_(SSL_new(client.native())) {
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  BIO_ctrl(in_, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nullptr);
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
  SSL_set_ex_data(ssl_.get(), HandshakeIndex(), this);
  const bool is_address = Ipv4Address::Parse(host).has_value();
  if (client.personality().sends_server_name &&
      (!is_address || client.personality().firmware == Firmware::kIpxe)) {
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));  // only read
  }
  if (verify && client.can_verify()) {
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
    if (is_address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
    } else {
      SSL_set1_host(ssl_.get(), host.c_str());
    }
  }
}

Handshake::State Handshake::Receive(Bytes arrived, std::vector<std::uint8_t>& out) {
  ERR_clear_error();
  if (!arrived.empty()) BIO_write(in_, arrived.data(), static_cast<int>(arrived.size()));
  const int result = SSL_do_handshake(ssl_.get());
  const std::size_t before = out.size();
  out.resize(before + BIO_ctrl_pending(out_));
  if (out.size() > before) {
    BIO_read(out_, &out[before], static_cast<int>(out.size() - before));
  }
  // In TLS 1.2 our Finished leaves a flight before the handshake ends.
  if (const auto nonce = NonceOfFinished(Bytes(out).subspan(before))) finished_nonce_ = nonce;
  if (result == 1) {
    return TakeKeys() ? State::kDone : Fail(Failure::kSuiteUnsupported);
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return State::kGoing;
  return Fail(Reason());
}

Handshake::State Handshake::Fail(Failure failure) {
  failure_ = failure;
  return State::kFailed;
}

Failure Handshake::Reason() const {
  const bool distrusted = SSL_get_verify_result(ssl_.get()) != X509_V_OK;
  return distrusted ? Failure::kCertificateRefused : Failure::kHandshakeRefused;
}

std::vector<std::uint8_t> Handshake::TakeRest() {
  std::vector<std::uint8_t> rest(BIO_ctrl_pending(in_));
  if (!rest.empty()) BIO_read(in_, rest.data(), static_cast<int>(rest.size()));
  return rest;
}

void Handshake::OnSecret(const SSL* ssl, const char* line) {
  auto* self = static_cast<Handshake*>(SSL_get_ex_data(ssl, HandshakeIndex()));
  auto secret = tls::ParseKeyLogLine(line);
  if (self == nullptr || !secret) return;
  if (secret->label == "SERVER_TRAFFIC_SECRET_0") {
    self->keys_.read_secret = std::move(secret->secret);
  } else if (secret->label == "CLIENT_TRAFFIC_SECRET_0") {
    self->write_secret_ = std::move(secret->secret);
  }
}

bool Handshake::TakeKeys() {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  const int nid = SSL_CIPHER_get_cipher_nid(cipher);
  if (nid != NID_aes_128_gcm && nid != NID_aes_256_gcm) return false;
  const std::size_t key_size = nid == NID_aes_128_gcm ? 16 : 32;
  return SSL_version(ssl_.get()) == TLS1_3_VERSION ? TakeKeys13(key_size) : TakeKeys12(key_size);
}

bool Handshake::TakeKeys13(std::size_t key_size) {
  const auto read = tls::KeysFromTrafficSecret(keys_.read_secret, key_size);
  const auto write = tls::KeysFromTrafficSecret(write_secret_, key_size);
  if (!read || !write) return false;
  keys_.read = *read;
  keys_.write = *write;
  return true;
}

bool Handshake::TakeKeys12(std::size_t key_size) {
  std::array<std::uint8_t, SSL_MAX_MASTER_KEY_LENGTH> secret{};
  std::array<std::uint8_t, 32> client{};
  std::array<std::uint8_t, 32> server{};
  const std::size_t size =
      SSL_SESSION_get_master_key(SSL_get_session(ssl_.get()), secret.data(), secret.size());
  SSL_get_client_random(ssl_.get(), client.data(), client.size());
  SSL_get_server_random(ssl_.get(), server.data(), server.size());
  const EVP_MD* digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl_.get()));
  const tls::MasterSecret master{.secret = Bytes(secret).first(size),
                                 .client_random = client,
                                 .server_random = server,
                                 .digest_name = EVP_MD_get0_name(digest)};
  const auto read = tls::ServerKeysFromMasterSecret(master, key_size);
  const auto write = tls::ClientKeysFromMasterSecret(master, key_size);
  if (!read || !write || !finished_nonce_) return false;
  keys_.read = *read;
  keys_.read.sequence = 1;
  keys_.write = *write;
  keys_.write.sequence = 1;
  Writer(keys_.write.iv).U64(*finished_nonce_ + 1);
  return true;
}

}  // namespace slipway::storm
