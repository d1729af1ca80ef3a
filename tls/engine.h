// SPDX-License-Identifier: Apache-2.0
//
// Engine: one connection's libssl: handshake, arriving records, alerts, tickets, KeyUpdate. What it
// wants to send goes to a RecordSink in order; once our own keys are in force those are plaintext
// messages that the sink seals. Three ways there, by what was negotiated:
//
//   AES-GCM                        libssl hands the keys over in the middle of the handshake
//   AES-GCM, max_fragment_length   libssl refuses to; we derive them when the handshake is finished
//                                  and count the records it sealed until then. What it writes
//                                  afterwards is thrown away and its message callback is used
//                                  instead, so a nonce never seals two records that leave.
//   CBC, ChaCha20                  libssl seals everything (WriteText)
//
// RFC 5246, 8446 by OpenSSL; refused: renegotiation (RFC 5746 answers no_renegotiation), early
// data, compression. Invariant: after state() is kFailed libssl is not called again.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "protocols/base/drop.h"
#include "tls/context.h"
#include "tls/key_bio.h"
#include "tls/key_schedule.h"
#include "tls/session_info.h"

namespace slipway::tls {

// Takes what is to be sent, in the order of the stream.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // Records (or parts of them) ready for the wire.
  virtual void AppendRecords(Bytes records) = 0;
  // A message to be sealed under the newest keys.
  virtual void AppendMessage(ContentType type, Bytes plaintext) = 0;
  // A new epoch begins with the next message; false when too many are still unacknowledged.
  virtual bool InstallKeys(const RecordKeys& keys) = 0;
};

// What SealedSource asks of the engine.
class TextWriter {
 public:
  virtual ~TextWriter() = default;
  // Seals `text` (at most one record) and appends it to the sink; only where OpenSSL seals.
  virtual void WriteText(Bytes text) = 0;
  virtual void WriteCloseNotify() = 0;
};

enum class SessionState : std::uint8_t { kHandshaking, kOpen, kClosedByPeer, kFailed };

class Engine final : public TextWriter, private BioPeer {
 public:
  // `sink` outlives the engine.
  Engine(std::shared_ptr<const Context> context, RecordSink& sink);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  struct Progress {
    std::size_t consumed = 0;  // of what arrived
    std::size_t text = 0;      // bytes of plaintext written
  };
  // Takes what arrived: goes on with the handshake or decrypts, until it needs more or `text` is
  // full. This is where the expensive steps of a handshake run.
  Progress Feed(Bytes arrived, MutableBytes text);

  void WriteText(Bytes text) override;
  void WriteCloseNotify() override;
  // TLS 1.3: changes our sending keys now; nothing in 1.2 or while OpenSSL seals.
  void UpdateKeys();

  SessionState state() const { return state_; }
  // Our Finished was sent and our keys are in force, before the peer's Finished has come.
  bool awaits_finished() const { return keys_taken_ && state_ == SessionState::kHandshaking; }
  // Why it failed; kNone unless state() is kFailed.
  Drop drop() const { return drop_; }
  const SessionInfo& info() const { return info_; }
  // Gives the client's offer away, to save its memory once it was told.
  ClientOffer TakeOffer() { return std::move(info_.offer); }

  // Fails the session for a reason of ours (a limit).
  void Fail(Drop drop);

  // Connects libssl's callbacks of `context` to the engines made from it.
  static void Hook(SSL_CTX* context);
  // The same for the secrets it tells: Context::telling().
  static void HookSecrets(SSL_CTX* context);

 private:
  // Counts what libssl seals itself, to go on from there. Its first ChangeCipherSpec begins the
  // count; in 1.3, where that one means nothing, the key log begins it anew.
  struct SealedCount {
    bool counting = false;
    std::array<std::uint8_t, kRecordHeaderSize + kExplicitNonceSize> head{};
    std::size_t at = 0;    // bytes of the record seen so far
    std::size_t size = 0;  // its whole size, once the header is known
    std::uint64_t records = 0;
    std::uint64_t explicit_nonce = 0;  // of the newest
    void See(Bytes records_made);
    void RecordDone();
  };

  std::size_t TakeArrived(MutableBytes out) override;
  void PutRecords(Bytes records) override;
  void PutMessages(ContentType type, Bytes plaintext) override;
  bool TakeKeys(const RecordKeys& keys) override;

  bool Handshake();
  void FinishHandshake();
  void DeriveKeys(std::size_t key_size);
  void RecordNegotiated();
  std::size_t ReadText(MutableBytes text);
  void AnswerKeyUpdate();
  void CountKeyUpdate();
  void SslFailed();
  void OnMessage(bool sent, ContentType type, Bytes message);
  void OnSecret(const KeyLogLine& line);
  void AskForSecrets();
  void OnClientHello(SSL* ssl);
  static Engine* Of(const SSL* ssl);
  static void MessageCallback(int sent, int version, int type, const void* message,
                              std::size_t size, SSL* ssl, void* unused);

  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  std::shared_ptr<const Context> context_;
  RecordSink& sink_;
  std::unique_ptr<SSL, SslFree> ssl_;
  Bytes arrived_;
  SessionState state_ = SessionState::kHandshaking;
  Drop drop_ = Drop::kNone;
  bool keys_taken_ = false;  // libssl handed them over
  bool discards_ = false;    // we derived them: what libssl seals is thrown away
  bool close_sent_ = false;
  std::uint8_t key_size_ = 0;  // of the epochs to come (TLS 1.3)
  std::uint64_t text_received_ = 0;
  std::uint64_t key_updates_received_ = 0;
  SealedCount sealed_;
  std::vector<std::uint8_t> secret_;  // TLS 1.3: our application traffic secret, once it was told
  SessionInfo info_;
};

}  // namespace slipway::tls
