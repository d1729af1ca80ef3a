// SPDX-License-Identifier: Apache-2.0
//
// Key derivation by OpenSSL's EVP_KDF "HKDF" (expand only) and "TLS1-PRF".
#include "tls/key_schedule.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <string>

#include "protocols/base/hex.h"

namespace slipway::tls {
namespace {

struct KdfFree {
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

using Secret = std::vector<std::uint8_t>;

OSSL_PARAM OctetParam(const char* name, Bytes bytes) {
  // OpenSSL's parameters are not const, yet are only read.
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

OSSL_PARAM TextParam(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

bool Derive(const char* kdf_name, const OSSL_PARAM* params, MutableBytes out) {
  const std::unique_ptr<EVP_KDF, KdfFree> kdf(EVP_KDF_fetch(nullptr, kdf_name, nullptr));
  if (kdf == nullptr) return false;
  const std::unique_ptr<EVP_KDF_CTX, KdfFree> context(EVP_KDF_CTX_new(kdf.get()));
  return context != nullptr && EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1;
}

// RFC 8446 7.1, with an empty context.
bool ExpandLabel(Bytes secret, std::string_view label, MutableBytes out) {
  std::array<std::uint8_t, 64> info{};
  Writer writer(info);
  writer.U16(static_cast<std::uint16_t>(out.size()));
  writer.U8(static_cast<std::uint8_t>(6 + label.size()));
  writer.Text("tls13 ");
  writer.Text(label);
  writer.U8(0);
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      TextParam(OSSL_KDF_PARAM_DIGEST, secret.size() == 48 ? "SHA384" : "SHA256"),
      OctetParam(OSSL_KDF_PARAM_KEY, secret),
      OctetParam(OSSL_KDF_PARAM_INFO, writer.written()),
      OSSL_PARAM_construct_end(),
  };
  return writer.ok() && Derive("HKDF", params, out);
}

bool IsSecretSize(std::size_t size) { return size == 32 || size == 48; }

}  // namespace

std::optional<RecordKeys> KeysFromTrafficSecret(Bytes secret, std::size_t key_size) {
  if (!IsSecretSize(secret.size()) || (key_size != 16 && key_size != 32)) return std::nullopt;
  RecordKeys keys;
  keys.version = Version::kTls13;
  keys.key_size = static_cast<std::uint8_t>(key_size);
  std::array<std::uint8_t, 12> iv{};
  if (!ExpandLabel(secret, "key", MutableBytes(keys.key).first(key_size))) return std::nullopt;
  if (!ExpandLabel(secret, "iv", iv)) return std::nullopt;
  static_cast<void>(Copy(Bytes(iv).first(4), keys.salt));
  static_cast<void>(Copy(Bytes(iv).subspan(4), keys.iv));
  return keys;
}

std::optional<Secret> NextTrafficSecret(Bytes secret) {
  if (!IsSecretSize(secret.size())) return std::nullopt;
  Secret next(secret.size());
  if (!ExpandLabel(secret, "traffic upd", next)) return std::nullopt;
  return next;
}

namespace {

// RFC 5246 6.3: client key, server key, client salt, server salt (no MAC keys: AEAD).
enum class KeyOwner : std::uint8_t { kClient, kServer };

std::optional<RecordKeys> KeysFromMasterSecret(const MasterSecret& master, std::size_t key_size,
                                               KeyOwner owner) {
  if (key_size != 16 && key_size != 32) return std::nullopt;
  std::array<std::uint8_t, 13 + 64> seed{};
  Writer writer(seed);
  writer.Text("key expansion");
  writer.Put(master.server_random);
  writer.Put(master.client_random);
  const OSSL_PARAM params[] = {
      TextParam(OSSL_KDF_PARAM_DIGEST, master.digest_name),
      OctetParam(OSSL_KDF_PARAM_SECRET, master.secret),
      OctetParam(OSSL_KDF_PARAM_SEED, writer.written()),
      OSSL_PARAM_construct_end(),
  };
  std::array<std::uint8_t, 2 * 32 + 2 * 4> block{};
  const MutableBytes used = MutableBytes(block).first(2 * key_size + 8);
  if (!writer.ok() || !Derive("TLS1-PRF", params, used)) return std::nullopt;
  const std::size_t second = owner == KeyOwner::kServer ? 1 : 0;
  RecordKeys keys;
  keys.version = Version::kTls12;
  keys.key_size = static_cast<std::uint8_t>(key_size);
  static_cast<void>(Copy(used.subspan(second * key_size, key_size), keys.key));
  static_cast<void>(Copy(used.subspan(2 * key_size + second * 4, 4), keys.salt));
  OPENSSL_cleanse(block.data(), block.size());
  return keys;
}

}  // namespace

std::optional<RecordKeys> ServerKeysFromMasterSecret(const MasterSecret& master,
                                                     std::size_t key_size) {
  return KeysFromMasterSecret(master, key_size, KeyOwner::kServer);
}

std::optional<RecordKeys> ClientKeysFromMasterSecret(const MasterSecret& master,
                                                     std::size_t key_size) {
  return KeysFromMasterSecret(master, key_size, KeyOwner::kClient);
}

std::optional<Secret> BytesFromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  Secret bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]);
    const int low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::optional<KeyLogLine> ParseKeyLogLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  auto random = BytesFromHex(line.substr(first + 1, second - first - 1));
  auto secret = BytesFromHex(line.substr(second + 1));
  if (!random || !secret) return std::nullopt;
  return KeyLogLine{line.substr(0, first), std::move(*random), std::move(*secret)};
}

}  // namespace slipway::tls
