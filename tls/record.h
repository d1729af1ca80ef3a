// SPDX-License-Identifier: Apache-2.0
//
// A TLS record as AES-GCM protects it: TLS 1.2 (RFC 5246 6.2, RFC 5288 3) and 1.3 (RFC 8446 5.2).
//
//     1.2   type 03 03 length | explicit nonce (8) | body                       | tag (16)
//     1.3   23   03 03 length |                    | body, then the inner type  | tag (16)
//
// `RecordKeys` is what one direction of one key epoch needs: the key, the write IV and the next
// sequence number. In 1.2 the explicit nonce of record n is `iv + (n - sequence)`, counting on
// from where OpenSSL began; in 1.3 the nonce is the IV xored with n. Either way a nonce names one
// record of one epoch, which is what the sealing rule (sealed_source.h) stands on.
// Left out: padding (RFC 8446 5.4), CBC and ChaCha20 records (OpenSSL seals those).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocols/base/bytes.h"

namespace slipway::tls {

enum class Version : std::uint16_t { kTls12 = 0x0303, kTls13 = 0x0304 };
std::string_view Name(Version version);  // "TLSv1.2", "TLSv1.3"

enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

inline constexpr std::size_t kRecordHeaderSize = 5;
inline constexpr std::size_t kExplicitNonceSize = 8;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kRecordTextMax = 16384;  // plaintext of one record
inline constexpr std::size_t kRecordSizeMax = kRecordHeaderSize + kRecordTextMax + 256;

using Nonce = std::array<std::uint8_t, 12>;
using Tag = std::array<std::uint8_t, kTagSize>;

struct RecordKeys {
  Version version = Version::kTls12;
  std::uint8_t key_size = 16;  // 16 or 32
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 4> salt{};  // the IV's first four bytes
  std::array<std::uint8_t, 8> iv{};    // the rest (1.3), or the next explicit nonce (1.2)
  std::uint64_t sequence = 0;          // of the next record

  Bytes key_bytes() const { return Bytes(key).first(key_size); }
  void Cleanse();
  friend bool operator==(const RecordKeys&, const RecordKeys&) = default;
};

// What stands before a record's body on the wire: the header and, in 1.2, the explicit nonce.
struct RecordPrefix {
  std::array<std::uint8_t, kRecordHeaderSize + kExplicitNonceSize> bytes{};
  std::uint8_t size = 0;

  Bytes view() const { return Bytes(bytes).first(size); }
};

// The associated data of the AEAD: 13 bytes in 1.2, the 5 header bytes in 1.3.
struct AssociatedData {
  std::array<std::uint8_t, 13> bytes{};
  std::uint8_t size = 0;

  Bytes view() const { return Bytes(bytes).first(size); }
};

// How records of one epoch are numbered and framed; keeps no key.
class RecordFormat {
 public:
  RecordFormat() = default;
  explicit RecordFormat(const RecordKeys& keys);

  Version version() const { return version_; }
  // Bytes on the wire before the body.
  std::size_t prefix_size() const {
    return kRecordHeaderSize + (version_ == Version::kTls12 ? kExplicitNonceSize : 0);
  }
  // Encrypted bytes of `text` bytes of plaintext, without the tag.
  std::size_t body_size(std::size_t text) const {
    return text + (version_ == Version::kTls13 ? 1 : 0);
  }
  std::size_t record_size(std::size_t text) const {
    return prefix_size() + body_size(text) + kTagSize;
  }
  std::size_t overhead() const { return record_size(0); }

  Nonce NonceOf(std::uint64_t sequence) const;
  RecordPrefix PrefixOf(std::uint64_t sequence, ContentType type, std::size_t text) const;
  AssociatedData AssociatedDataOf(std::uint64_t sequence, ContentType type, std::size_t text) const;

 private:
  Version version_ = Version::kTls12;
  std::array<std::uint8_t, 4> salt_{};
  std::uint64_t iv_ = 0;  // 1.3: xored with the sequence; 1.2: added to it
};

}  // namespace slipway::tls
