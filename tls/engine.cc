// SPDX-License-Identifier: Apache-2.0
//
// Driving libssl. Its callbacks arrive here through the SSL's application data, always within a
// call of ours, so nothing in this file is entered from elsewhere.
#include "tls/engine.h"

#include <openssl/err.h>

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway::tls {
namespace {

constexpr std::uint8_t kNoRenegotiation = 100;
constexpr std::uint8_t kKeyUpdate = 24;
// KeyUpdates of a peer: so many, and one more for each record of text that it filled. Each costs
// HKDF, outside every budget, and libssl 3.0 counts none. A peer has reason for one after 2^24
// records (RFC 8446 5.5).
constexpr std::uint64_t kKeyUpdatesMax = 32;

// 16 or 32 for an AES-GCM suite, 0 for one that OpenSSL has to seal.
std::uint8_t GcmKeySize(const SSL_CIPHER* cipher) {
  const int nid = SSL_CIPHER_get_cipher_nid(cipher);
  if (nid == NID_aes_128_gcm) return 16;
  if (nid == NID_aes_256_gcm) return 32;
  return 0;
}

std::string_view View(const char* text) { return text == nullptr ? std::string_view() : text; }

std::string_view GroupName(SSL* ssl, std::string_view suite) {
  if (suite.starts_with("DHE-")) return "ffdhe2048";
  if (!suite.starts_with("ECDHE-") && !suite.starts_with("TLS_")) return "RSA";
  const long group = SSL_get_negotiated_group(ssl);
  if (group == NID_X9_62_prime256v1) return "P-256";
  if (group == NID_secp384r1) return "P-384";
  return View(OBJ_nid2sn(static_cast<int>(group)));
}

}  // namespace

void Engine::SealedCount::See(Bytes records_made) {
  while (!records_made.empty()) {
    if (at < head.size() && (at < kRecordHeaderSize || at < size)) {
      // Of the header first, of what follows it then: they seldom come in pieces.
      const std::size_t wanted =
          at < kRecordHeaderSize ? kRecordHeaderSize : std::min(head.size(), size);
      const std::size_t part = std::min(wanted - at, records_made.size());
      std::ranges::copy(records_made.first(part), head.begin() + static_cast<std::ptrdiff_t>(at));
      records_made = records_made.subspan(part);
      at += part;
      if (at == kRecordHeaderSize) {
        size = kRecordHeaderSize + Reader(Bytes(head).subspan(3, 2)).U16();
      }
    } else {
      const std::size_t rest = std::min(size - at, records_made.size());
      records_made = records_made.subspan(rest);
      at += rest;
    }
    if (at >= kRecordHeaderSize && at == size) RecordDone();
  }
}

void Engine::SealedCount::RecordDone() {
  if (counting) {
    ++records;
    explicit_nonce = Reader(Bytes(head).subspan(kRecordHeaderSize)).U64();
  } else if (head[0] == static_cast<std::uint8_t>(ContentType::kChangeCipherSpec)) {
    counting = true;
  }
  at = size = 0;
}

Engine::Engine(std::shared_ptr<const Context> context, RecordSink& sink)
    : context_(std::move(context)), sink_(sink), ssl_(SSL_new(context_->native())) {
  SLIPWAY_CHECK(ssl_ != nullptr);
  BIO* bio = NewKeyBio(*this);
  SLIPWAY_CHECK(bio != nullptr);
  SSL_set_bio(ssl_.get(), bio, bio);  // one reference serves both directions
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_msg_callback(ssl_.get(), MessageCallback);
  SSL_set_accept_state(ssl_.get());
}

Engine::~Engine() {
  if (!secret_.empty()) OPENSSL_cleanse(secret_.data(), secret_.size());
}

Engine* Engine::Of(const SSL* ssl) { return static_cast<Engine*>(SSL_get_app_data(ssl)); }

void Engine::Hook(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(
      context,
      [](SSL* ssl, int*, void*) {
        Of(ssl)->OnClientHello(ssl);
        return SSL_CLIENT_HELLO_SUCCESS;
      },
      nullptr);
}

void Engine::HookSecrets(SSL_CTX* context) {
  SSL_CTX_set_keylog_callback(context, [](const SSL* ssl, const char* line) {
    if (const auto parsed = ParseKeyLogLine(line)) Of(ssl)->OnSecret(*parsed);
  });
}

Engine::Progress Engine::Feed(Bytes arrived, MutableBytes text) {
  Progress progress;
  if (state_ == SessionState::kFailed || state_ == SessionState::kClosedByPeer) {
    return {.consumed = arrived.size()};  // what follows the end is nobody's (RFC 8446 6.1)
  }
  arrived_ = arrived;
  if (state_ != SessionState::kHandshaking || Handshake()) progress.text = ReadText(text);
  const bool ended = state_ == SessionState::kFailed || state_ == SessionState::kClosedByPeer;
  progress.consumed = ended ? arrived.size() : arrived.size() - arrived_.size();
  arrived_ = {};
  return progress;
}

// True once the handshake is finished.
bool Engine::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    FinishHandshake();
    return state_ == SessionState::kOpen;
  }
  if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) SslFailed();
  return false;
}

void Engine::FinishHandshake() {
  RecordNegotiated();
  state_ = SessionState::kOpen;
  const std::uint8_t key_size = GcmKeySize(SSL_get_current_cipher(ssl_.get()));
  if (keys_taken_) {
    info_.sealed_by = RecordsSealedBy::kSlipway;
  } else if (key_size != 0) {
    DeriveKeys(key_size);
  } else {
    info_.sealed_by = RecordsSealedBy::kOpenssl;
  }
}

void Engine::DeriveKeys(std::size_t key_size) {
  std::optional<RecordKeys> keys;
  if (info_.version == Version::kTls13) {
    if (secret_.empty()) return Fail(Drop::kTlsHandshakeFailed);  // nobody thought it was needed
    keys = KeysFromTrafficSecret(secret_, key_size);
  } else {
    const SSL_SESSION* session = SSL_get_session(ssl_.get());
    std::array<std::uint8_t, 48> secret{};
    std::array<std::uint8_t, 32> client{};
    std::array<std::uint8_t, 32> server{};
    SSL_SESSION_get_master_key(session, secret.data(), secret.size());
    SSL_get_client_random(ssl_.get(), client.data(), client.size());
    SSL_get_server_random(ssl_.get(), server.data(), server.size());
    const EVP_MD* digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl_.get()));
    keys = ServerKeysFromMasterSecret({secret, client, server, EVP_MD_get0_name(digest)}, key_size);
    OPENSSL_cleanse(secret.data(), secret.size());
    if (keys) Writer(keys->iv).U64(sealed_.explicit_nonce + 1);
  }
  SLIPWAY_CHECK(keys.has_value() && sealed_.counting && sealed_.at == 0);
  keys->sequence = sealed_.records;
  key_size_ = static_cast<std::uint8_t>(key_size);
  discards_ = sink_.InstallKeys(*keys);
  keys->Cleanse();
  info_.sealed_by = RecordsSealedBy::kSlipway;
}

void Engine::RecordNegotiated() {
  SSL* ssl = ssl_.get();
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  info_.version = SSL_version(ssl) == TLS1_3_VERSION ? Version::kTls13 : Version::kTls12;
  info_.suite = SSL_CIPHER_get_protocol_id(cipher);
  info_.suite_name = View(SSL_CIPHER_get_name(cipher));
  info_.group = GroupName(ssl, info_.suite_name);
  info_.resumed = SSL_session_reused(ssl) != 0;
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  info_.http11_negotiated = alpn_size != 0;
  const int code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));
  info_.max_fragment_length = static_cast<std::uint16_t>(code == 0 ? 0 : 256 << code);
}

std::size_t Engine::ReadText(MutableBytes text) {
  std::size_t filled = 0;
  while (state_ == SessionState::kOpen && filled < text.size()) {
    ERR_clear_error();
    std::size_t size = 0;
    const MutableBytes room = text.subspan(filled);
    const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &size);
    filled += size;
    text_received_ += size;
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = SessionState::kClosedByPeer;
    } else if (error != SSL_ERROR_WANT_READ) {
      SslFailed();
    }
    break;
  }
  AnswerKeyUpdate();
  return filled;
}

// libssl answers a peer's update_requested with its next write, and we never write through it.
void Engine::AnswerKeyUpdate() {
  if (state_ != SessionState::kOpen || info_.version != Version::kTls13) return;
  if (SSL_get_key_update_type(ssl_.get()) != SSL_KEY_UPDATE_NONE) UpdateKeys();
}

void Engine::UpdateKeys() {
  if (state_ != SessionState::kOpen || info_.version != Version::kTls13 || close_sent_) return;
  ERR_clear_error();
  AskForSecrets();
  if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1) return SslFailed();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) return SslFailed();
  ++info_.key_updates;
}

void Engine::WriteText(Bytes text) {
  if (state_ == SessionState::kFailed || close_sent_) return;
  ERR_clear_error();
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), text.data(), text.size(), &written) != 1) return SslFailed();
  SLIPWAY_CHECK(written == text.size());  // the BIO takes everything
}

void Engine::WriteCloseNotify() {
  if (close_sent_ || state_ == SessionState::kFailed || SSL_in_init(ssl_.get()) != 0) return;
  ERR_clear_error();
  close_sent_ = true;
  if (SSL_shutdown(ssl_.get()) < 0) SslFailed();
}

void Engine::Fail(Drop drop) {
  if (state_ == SessionState::kFailed) return;
  state_ = SessionState::kFailed;
  drop_ = drop;
}

void Engine::SslFailed() {
  const bool handshaking = state_ == SessionState::kHandshaking;
  const unsigned long error = ERR_peek_error();
  if (error != 0) info_.failure = View(ERR_reason_error_string(error));
  ERR_clear_error();
  if (info_.alert_received.has_value()) return Fail(Drop::kTlsAlertReceived);
  Fail(handshaking ? Drop::kTlsHandshakeFailed : Drop::kTlsRecordMalformed);
}

std::size_t Engine::TakeArrived(MutableBytes out) {
  const std::size_t size = Copy(arrived_, out);
  arrived_ = arrived_.subspan(size);
  return size;
}

void Engine::PutRecords(Bytes records) {
  if (discards_) return;
  if (state_ == SessionState::kHandshaking) sealed_.See(records);
  sink_.AppendRecords(records);
}

void Engine::PutMessages(ContentType type, Bytes plaintext) {
  sink_.AppendMessage(type, plaintext);
}

bool Engine::TakeKeys(const RecordKeys& keys) {
  keys_taken_ = sink_.InstallKeys(keys);
  key_size_ = keys.key_size;
  return keys_taken_;
}

// NOLINTNEXTLINE(readability-function-size): OpenSSL says how many parameters there are
void Engine::MessageCallback(int sent, int, int type, const void* message, std::size_t size,
                             SSL* ssl, void*) {
  if (type != SSL3_RT_ALERT && type != SSL3_RT_HANDSHAKE) return;
  Of(ssl)->OnMessage(sent != 0, static_cast<ContentType>(type),
                     {static_cast<const std::uint8_t*>(message), size});
}

void Engine::OnMessage(bool sent, ContentType type, Bytes message) {
  if (sent && discards_) sink_.AppendMessage(type, message);
  if (!sent && type == ContentType::kHandshake && !message.empty() && message[0] == kKeyUpdate) {
    CountKeyUpdate();
  }
  if (type != ContentType::kAlert || message.size() != 2) return;
  (sent ? info_.alert_sent : info_.alert_received) = message[1];
  if (sent && message[1] == kNoRenegotiation) ++info_.renegotiations_refused;
}

void Engine::CountKeyUpdate() {
  if (++key_updates_received_ <= kKeyUpdatesMax + text_received_ / kRecordTextMax) return;
  Fail(Drop::kTlsKeyUpdateLimit);
  arrived_ = {};  // libssl takes no more of them
}

// From here on this session's secrets are told. Its certificates and settings are the same ones.
void Engine::AskForSecrets() {
  SLIPWAY_CHECK(SSL_set_SSL_CTX(ssl_.get(), context_->telling()) != nullptr);
}

// RFC 8446 7.1: the application secret of our direction, and after each KeyUpdate the next one.
void Engine::OnSecret(const KeyLogLine& line) {
  if (line.label == "SERVER_TRAFFIC_SECRET_0") {
    secret_ = line.secret;
    sealed_.counting = true;
    sealed_.records = 0;
  } else if (line.label == "SERVER_TRAFFIC_SECRET_N" && key_size_ != 0) {
    const auto next = secret_.empty() ? line.secret : NextTrafficSecret(secret_);
    SLIPWAY_CHECK(next.has_value() && *next == line.secret);
    secret_ = *next;
    std::optional<RecordKeys> keys = KeysFromTrafficSecret(secret_, key_size_);
    SLIPWAY_CHECK(keys.has_value());
    if (!sink_.InstallKeys(*keys)) Fail(Drop::kTlsKeyUpdateLimit);
    keys->Cleanse();
  }
}

namespace {

// A list of 16-bit numbers behind a length of `length_size` bytes.
std::vector<std::uint16_t> Numbers(SSL* ssl, unsigned extension, std::size_t length_size) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  std::vector<std::uint16_t> numbers;
  if (SSL_client_hello_get0_ext(ssl, extension, &data, &size) != 1) return numbers;
  Reader reader(Bytes{data, size});
  reader.Skip(length_size);
  while (reader.remaining() >= 2 && numbers.size() < 64) numbers.push_back(reader.U16());
  return numbers;
}

std::string ServerName(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  Reader reader(Bytes{data, size});
  reader.Skip(3);  // list length, name type
  const std::uint16_t length = reader.U16();
  const Bytes name = reader.Take(length);
  return reader.ok() && length <= 255 ? std::string(AsText(name)) : std::string();
}

}  // namespace

void Engine::OnClientHello(SSL* ssl) {
  ClientOffer& offer = info_.offer;
  const unsigned char* suites = nullptr;
  Reader reader(Bytes{suites, 0});
  const std::size_t size = SSL_client_hello_get0_ciphers(ssl, &suites);
  reader = Reader(Bytes{suites, size});
  offer.suites.clear();
  while (reader.remaining() >= 2 && offer.suites.size() < 128) offer.suites.push_back(reader.U16());
  offer.versions = Numbers(ssl, TLSEXT_TYPE_supported_versions, 1);
  if (offer.versions.empty()) {
    offer.versions = {static_cast<std::uint16_t>(SSL_client_hello_get0_legacy_version(ssl))};
  }
  offer.groups = Numbers(ssl, TLSEXT_TYPE_supported_groups, 2);
  offer.signature_algorithms = Numbers(ssl, TLSEXT_TYPE_signature_algorithms, 2);
  offer.server_name = ServerName(ssl);
  // With a maximum fragment length libssl hands no keys over: ours come from the secrets then.
  const unsigned char* length = nullptr;
  std::size_t length_size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_max_fragment_length, &length, &length_size) == 1) {
    AskForSecrets();
  }
}

std::string AlertText(std::uint8_t alert) {
  std::string text(SSL_alert_desc_string_long(alert));
  std::ranges::replace(text, ' ', '_');
  return text + " (" + std::to_string(alert) + ")";
}

}  // namespace slipway::tls
