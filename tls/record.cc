// SPDX-License-Identifier: Apache-2.0
//
// Framing and numbering of AES-GCM records; record.h says which RFC sections.
#include "tls/record.h"

#include <openssl/crypto.h>

namespace slipway::tls {

std::string_view Name(Version version) {
  return version == Version::kTls13 ? "TLSv1.3" : "TLSv1.2";
}

void RecordKeys::Cleanse() {
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(salt.data(), salt.size());
  OPENSSL_cleanse(iv.data(), iv.size());
}

RecordFormat::RecordFormat(const RecordKeys& keys)
    : version_(keys.version), salt_(keys.salt), iv_(Reader(keys.iv).U64()) {
  if (version_ == Version::kTls12) iv_ -= keys.sequence;
}

Nonce RecordFormat::NonceOf(std::uint64_t sequence) const {
  Nonce nonce;
  Writer writer(nonce);
  writer.Put(salt_);
  writer.U64(version_ == Version::kTls12 ? iv_ + sequence : iv_ ^ sequence);
  return nonce;
}

RecordPrefix RecordFormat::PrefixOf(std::uint64_t sequence, ContentType type,
                                    std::size_t text) const {
  RecordPrefix prefix;
  Writer writer(prefix.bytes);
  const bool tls12 = version_ == Version::kTls12;
  const std::size_t length = record_size(text) - kRecordHeaderSize;
  writer.U8(static_cast<std::uint8_t>(tls12 ? type : ContentType::kApplicationData));
  writer.U16(static_cast<std::uint16_t>(Version::kTls12));
  writer.U16(static_cast<std::uint16_t>(length));
  if (tls12) writer.U64(iv_ + sequence);
  prefix.size = static_cast<std::uint8_t>(writer.size());
  return prefix;
}

AssociatedData RecordFormat::AssociatedDataOf(std::uint64_t sequence, ContentType type,
                                              std::size_t text) const {
  AssociatedData data;
  Writer writer(data.bytes);
  if (version_ == Version::kTls13) {
    writer.Put(PrefixOf(sequence, type, text).view());
  } else {
    writer.U64(sequence);
    writer.U8(static_cast<std::uint8_t>(type));
    writer.U16(static_cast<std::uint16_t>(Version::kTls12));
    writer.U16(static_cast<std::uint16_t>(text));
  }
  data.size = static_cast<std::uint8_t>(writer.size());
  return data;
}

}  // namespace slipway::tls
