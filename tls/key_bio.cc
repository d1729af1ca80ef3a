// SPDX-License-Identifier: Apache-2.0
//
// The key-handing BIO. The structures behind control 72 are the kernel's (linux/tls.h), copied out
// of libssl's buffer, never pointed into.
#include "tls/key_bio.h"

#include <linux/tls.h>
#include <openssl/ssl.h>

#include <limits>
#include <memory>
#include <optional>

namespace slipway::tls {
namespace {

constexpr int kSetKtls = 72;
constexpr int kGetKtlsSend = 73;
constexpr int kSetControlMessage = 74;
constexpr int kClearControlMessage = 75;
constexpr int kGetKtlsReceive = 76;

struct State {
  BioPeer* peer = nullptr;
  bool handed_over = false;
  // Of what is written next; libssl's application data never comes this way (we write it).
  ContentType type = ContentType::kHandshake;
};

State& StateOf(BIO* bio) { return *static_cast<State*>(BIO_get_data(bio)); }

template <class Info>
RecordKeys KeysOf(const Info& info) {
  RecordKeys keys;
  keys.version = info.info.version == TLS_1_3_VERSION ? Version::kTls13 : Version::kTls12;
  keys.key_size = sizeof info.key;
  static_cast<void>(Copy(info.key, keys.key));
  static_cast<void>(Copy(info.salt, keys.salt));
  static_cast<void>(Copy(info.iv, keys.iv));
  keys.sequence = Reader(info.rec_seq).U64();
  return keys;
}

std::optional<RecordKeys> ParseCryptoInfo(const void* block) {
  tls_crypto_info head{};
  std::memcpy(&head, block, sizeof head);
  if (head.version != TLS_1_2_VERSION && head.version != TLS_1_3_VERSION) return std::nullopt;
  if (head.cipher_type == TLS_CIPHER_AES_GCM_128) {
    tls12_crypto_info_aes_gcm_128 info{};
    std::memcpy(&info, block, sizeof info);
    return KeysOf(info);
  }
  if (head.cipher_type == TLS_CIPHER_AES_GCM_256) {
    tls12_crypto_info_aes_gcm_256 info{};
    std::memcpy(&info, block, sizeof info);
    return KeysOf(info);
  }
  return std::nullopt;
}

long SetKtls(State& state, bool transmit, const void* block) {
  if (!transmit || block == nullptr) return 0;
  std::optional<RecordKeys> keys = ParseCryptoInfo(block);
  if (!keys || !state.peer->TakeKeys(*keys)) return 0;
  keys->Cleanse();
  state.handed_over = true;
  return 1;
}

int Write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  State& state = StateOf(bio);
  const Bytes bytes = AsBytes({data, size});
  if (state.handed_over) {
    state.peer->PutMessages(state.type, bytes);
  } else {
    state.peer->PutRecords(bytes);
  }
  *written = size;
  return 1;
}

int Read(BIO* bio, char* data, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  // libssl's buffer is char; the bytes are ours to fill.
  auto* bytes = static_cast<std::uint8_t*>(static_cast<void*>(data));
  *taken = StateOf(bio).peer->TakeArrived({bytes, size});
  if (*taken != 0) return 1;
  BIO_set_retry_read(bio);
  return 0;
}

long Control(BIO* bio, int command, long number, void* pointer) {
  State& state = StateOf(bio);
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == kSetKtls) return SetKtls(state, number != 0, pointer);
  if (command == kGetKtlsSend) return state.handed_over ? 1 : 0;
  if (command == kGetKtlsReceive) return 0;
  if (command == kSetControlMessage) {
    state.type = static_cast<ContentType>(number);
    return 1;
  }
  // Nothing but typed messages comes after the hand-over, so the type stays until the next one.
  if (command == kClearControlMessage) return 1;
  return 0;
}

int Create(BIO* bio) {
  BIO_set_data(bio, new State);
  BIO_set_init(bio, 1);
  return 1;
}

int Destroy(BIO* bio) {
  delete &StateOf(bio);
  BIO_set_data(bio, nullptr);
  return 1;
}

struct MethodFree {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

std::unique_ptr<BIO_METHOD, MethodFree> NewMethod() {
  std::unique_ptr<BIO_METHOD, MethodFree> method(
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "slipway key hand-over"));
  if (method == nullptr) return nullptr;
  BIO_meth_set_write_ex(method.get(), Write);
  BIO_meth_set_read_ex(method.get(), Read);
  BIO_meth_set_ctrl(method.get(), Control);
  BIO_meth_set_create(method.get(), Create);
  BIO_meth_set_destroy(method.get(), Destroy);
  return method;
}

}  // namespace

BIO* NewKeyBio(BioPeer& peer) {
  static const auto method = NewMethod();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method.get());
  if (bio != nullptr) StateOf(bio).peer = &peer;
  return bio;
}

}  // namespace slipway::tls
