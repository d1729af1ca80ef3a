// SPDX-License-Identifier: Apache-2.0
//
// Signature lists and variable stores: see the header.
#include "control/secure_boot/signature_database.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "control/secure_boot/little_endian.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kGuidSize = 16;
constexpr std::size_t kListHeader = 28;
constexpr std::size_t kTimeSize = 16;  // EFI_TIME

constexpr std::string_view kPkcs7Guid = "4aafd29d-68df-49ee-8aa9-347d375665a7";
constexpr std::string_view kSecurityDatabaseGuid = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
constexpr std::string_view kAuthenticatedStoreGuid = "aaf32c78-947b-439a-a180-2e144ec37792";

struct ListType {
  std::string_view guid;
  DatabaseEntryKind kind;
  DigestAlgorithm algorithm;
  std::size_t trailer;  // bytes after the digest: the time of revocation
};
using enum DatabaseEntryKind;
using enum DigestAlgorithm;
constexpr ListType kListTypes[] = {
    {"a5c059a1-94e4-4aa7-87b5-ab155c2bf072", kCertificate, kSha256, 0},
    {"826ca512-cf10-4ac9-b187-be01496631bd", kImageDigest, kSha1, 0},
    {"c1c41626-504c-4092-aca9-41f936934328", kImageDigest, kSha256, 0},
    {"ff3e5307-9fd0-48c9-85f1-8ad56c701e01", kImageDigest, kSha384, 0},
    {"093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", kImageDigest, kSha512, 0},
    {"3bd2a492-96c0-4079-b420-fcf98ef103ed", kCertificateHash, kSha256, kTimeSize},
    {"7076876e-80c2-4ee6-aad2-28b349a6865b", kCertificateHash, kSha384, kTimeSize},
    {"446dbf63-2502-4cda-bcfa-2465d2b0fe9d", kCertificateHash, kSha512, kTimeSize}};

// EDK II's VARIABLE_STORE_HEADER and AUTHENTICATED_VARIABLE_HEADER.
constexpr std::size_t kStoreHeader = 28;
constexpr std::size_t kVariableHeader = 60;
constexpr std::uint8_t kStoreFormatted = 0x5a;
constexpr std::uint8_t kStoreHealthy = 0xfe;
constexpr std::uint16_t kVariableStart = 0x55aa;
constexpr std::uint8_t kVariableAdded = 0x3f;
// A newer one is being written; this one holds until that is whole.
constexpr std::uint8_t kVariableInTransition = 0x3e;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

const ListType* TypeOf(std::string_view guid) {
  const auto* found = std::ranges::find(kListTypes, guid, &ListType::guid);
  return found == std::end(kListTypes) ? nullptr : found;
}

absl::Status ReadList(Bytes list, std::size_t header, std::size_t size, SignatureDatabase& into) {
  const ListType* type = TypeOf(GuidText(list.first(kGuidSize)));
  if (type == nullptr) return absl::OkStatus();
  if (type->kind != kCertificate &&
      size != kGuidSize + SizeOfDigest(type->algorithm) + type->trailer) {
    return Wrong("a list of digests whose entries have a wrong length");
  }
  for (Bytes rest = list.subspan(kListHeader + header); !rest.empty(); rest = rest.subspan(size)) {
    const Bytes data = rest.first(size - type->trailer).subspan(kGuidSize);
    into.push_back({.kind = type->kind,
                    .algorithm = type->algorithm,
                    .owner = GuidText(rest.first(kGuidSize)),
                    .data = std::string(AsText(data))});
  }
  return absl::OkStatus();
}

SignatureDatabase OneCertificate(std::string der) {
  return {{.kind = kCertificate, .owner = std::string(), .data = std::move(der)}};
}

absl::StatusOr<SignatureDatabase> ReadPem(Bytes file) {
  SignatureDatabase database;
  BIO* bio = BIO_new_mem_buf(file.data(), static_cast<int>(file.size()));
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size > 0) {
      database.push_back(
          OneCertificate(std::string(AsText(Bytes(der, static_cast<std::size_t>(size)))))[0]);
    }
    OPENSSL_free(der);
    X509_free(certificate);
  }
  BIO_free(bio);
  // Whatever stops the reader before the end would shorten the list in silence.
  const bool is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_whole) return Wrong("a certificate in the PEM file cannot be read, or is cut short");
  if (database.empty()) return Wrong("no certificate in the PEM file");
  return database;
}

// EFI_VARIABLE_AUTHENTICATION_2: a time and a WIN_CERTIFICATE_UEFI_GUID before the lists.
std::optional<Bytes> AfterAuthentication(Bytes file) {
  LittleEndianView view(file);
  const std::size_t length = view.U32(kTimeSize);
  const bool is_one = view.U16(kTimeSize + 4) == 0x0200 && view.U16(kTimeSize + 6) == 0x0ef1 &&
                      GuidText(view.Part(kTimeSize + 8, kGuidSize)) == kPkcs7Guid;
  if (!view.ok() || !is_one || length > file.size() - kTimeSize) return std::nullopt;
  return file.subspan(kTimeSize + length);
}

bool IsNamed(Bytes utf16, std::string_view name) {
  if (utf16.size() != 2 * (name.size() + 1)) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (utf16[2 * i] != static_cast<std::uint8_t>(name[i]) || utf16[2 * i + 1] != 0) return false;
  }
  return true;
}

}  // namespace

std::string GuidText(Bytes guid) {
  constexpr std::array<std::uint8_t, kGuidSize> kOrder = {3, 2, 1,  0,  5,  4,  7,  6,
                                                          8, 9, 10, 11, 12, 13, 14, 15};
  std::string text;
  if (guid.size() != kGuidSize) return text;
  for (std::size_t i = 0; i < kGuidSize; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += Hex(guid.subspan(kOrder[i], 1));
  }
  return text;
}

bool IsVariableStore(Bytes file) {
  LittleEndianView view(file);
  return AsText(view.Part(40, 4)) == "_FVH";
}

absl::StatusOr<SignatureDatabase> ParseSignatureLists(Bytes lists) {
  SignatureDatabase database;
  while (!lists.empty()) {
    LittleEndianView view(lists);
    const std::size_t list_size = view.U32(kGuidSize);
    const std::size_t header = view.U32(kGuidSize + 4);
    const std::size_t size = view.U32(kGuidSize + 8);
    if (!view.ok() || list_size > lists.size() || list_size < kListHeader) {
      return Wrong("a signature list leads beyond the file: no EFI signature list, or cut short");
    }
    if (size <= kGuidSize || header > list_size - kListHeader ||
        (list_size - kListHeader - header) % size != 0) {
      return Wrong("a signature list's sizes do not fit together");
    }
    if (absl::Status status = ReadList(lists.first(list_size), header, size, database);
        !status.ok()) {
      return status;
    }
    lists = lists.subspan(list_size);
  }
  return database;
}

absl::StatusOr<std::optional<std::string>> ReadSecurityVariable(Bytes volume,
                                                                std::string_view name) {
  LittleEndianView view(volume);
  const std::size_t store = view.U16(48);  // the volume header's own length
  const std::uint64_t size = view.U32(store + kGuidSize);
  const std::uint16_t health = view.U16(store + kGuidSize + 4);
  if (!IsVariableStore(volume) ||
      GuidText(view.Part(store, kGuidSize)) != kAuthenticatedStoreGuid ||
      health != (kStoreHealthy << 8 | kStoreFormatted) || size > volume.size() - store) {
    return Wrong("it holds no authenticated variable store as EDK II keeps it");
  }
  std::optional<std::string> value;
  const std::size_t end = store + static_cast<std::size_t>(size);
  for (std::size_t at = store + kStoreHeader; at + kVariableHeader <= end;) {
    if (view.U16(at) != kVariableStart) break;  // the rest is empty flash
    const std::uint8_t state = view.U8(at + 2);
    const std::size_t name_size = view.U32(at + 36);
    const std::size_t data_size = view.U32(at + 40);
    const std::size_t left = end - at - kVariableHeader;
    if (name_size > left || data_size > left - name_size) {
      return Wrong("a variable leads beyond its store");
    }
    const Bytes named = view.Part(at + kVariableHeader, name_size);
    if ((state == kVariableAdded || state == kVariableInTransition) && IsNamed(named, name) &&
        GuidText(view.Part(at + 44, kGuidSize)) == kSecurityDatabaseGuid) {
      value = AsText(view.Part(at + kVariableHeader + name_size, data_size));
      if (state == kVariableAdded) return value;
    }
    at += (kVariableHeader + name_size + data_size + 3) & ~std::size_t{3};
  }
  return value;
}

absl::StatusOr<SignatureDatabase> ReadDatabase(Bytes file, std::string_view name) {
  if (IsVariableStore(file)) {
    const auto value = ReadSecurityVariable(file, name);
    if (!value.ok()) return value.status();
    return ParseSignatureLists(AsBytes(value->value_or(std::string())));
  }
  if (AsText(file).starts_with("-----BEGIN CERTIFICATE-----")) return ReadPem(file);
  if (const auto lists = AfterAuthentication(file)) return ParseSignatureLists(*lists);
  if (file.size() > 2 && file[0] == 0x30 && ReadCertificate(file).ok()) {
    return OneCertificate(std::string(AsText(file)));
  }
  auto database = ParseSignatureLists(file);
  // efivarfs puts the variable's attributes before its value.
  if (!database.ok() && file.size() >= 4 && file[1] == 0 && file[2] == 0 && file[3] == 0) {
    auto variable = ParseSignatureLists(file.subspan(4));
    if (variable.ok()) return variable;
  }
  return database;
}

bool HasImageDigest(const SignatureDatabase& database, DigestAlgorithm algorithm,
                    std::string_view digest) {
  return std::ranges::any_of(database, [&](const DatabaseEntry& entry) {
    return entry.kind == kImageDigest && entry.algorithm == algorithm && entry.data == digest;
  });
}

bool HasCertificateHash(const SignatureDatabase& database, const Certificate& certificate) {
  return std::ranges::any_of(database, [&](const DatabaseEntry& entry) {
    return entry.kind == kCertificateHash &&
           entry.data == DigestOf(entry.algorithm, AsBytes(certificate.to_be_signed));
  });
}

}  // namespace slipway::control
