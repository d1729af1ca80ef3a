// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/evidence.h"

#include <algorithm>

#include "control/secure_boot/little_endian.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Databases = std::span<const SignatureDatabase* const>;

constexpr std::string_view kPkcs7Guid = "4aafd29d-68df-49ee-8aa9-347d375665a7";
constexpr std::size_t kGuidSize = 16;

std::string NameOf(const DatabaseEntry& entry) {
  const auto certificate = ReadCertificate(AsBytes(entry.data));
  return certificate.ok() ? certificate->name : "a certificate that cannot be read";
}

bool HasDigest(Databases databases, DigestAlgorithm algorithm, std::string_view digest) {
  return std::ranges::any_of(databases, [&](const SignatureDatabase* database) {
    return HasImageDigest(*database, algorithm, digest);
  });
}

bool HasHash(Databases databases, const Certificate& certificate) {
  return std::ranges::any_of(databases, [&](const SignatureDatabase* database) {
    return HasCertificateHash(*database, certificate);
  });
}

const DatabaseEntry* FirstThatVouches(const AuthenticodeSignature& signature, Databases databases) {
  for (const SignatureDatabase* database : databases) {
    for (const DatabaseEntry& entry : *database) {
      if (entry.kind == DatabaseEntryKind::kCertificate && signature.LeadsTo(AsBytes(entry.data))) {
        return &entry;
      }
    }
  }
  return nullptr;
}

void Forbid(Opinion& opinion, std::string code, std::string words) {
  opinion.is_accepted = false;
  opinion.forbidden_code = std::move(code);
  opinion.forbidden_words = std::move(words);
}

}  // namespace

std::vector<std::string> NamesThatVouch(const AuthenticodeSignature& signature,
                                        const SignatureDatabase& database) {
  std::vector<std::string> names;
  for (const DatabaseEntry& entry : database) {
    if (entry.kind == DatabaseEntryKind::kCertificate && signature.LeadsTo(AsBytes(entry.data))) {
      names.push_back(NameOf(entry));
    }
  }
  return names;
}

FileEvidence::FileEvidence(const PeImage& image)
    : sha256_(ImageDigest(image, DigestAlgorithm::kSha256)), is_signed_(image.is_signed()) {
  for (const PeCertificate& entry : image.certificates) signatures_.push_back(Read(image, entry));
}

FileEvidence::Signature FileEvidence::Read(const PeImage& image, const PeCertificate& entry) {
  Bytes content = entry.content;
  const bool is_guid = entry.type == kWinCertTypeGuid;
  if (is_guid && content.size() > kGuidSize && GuidText(content.first(kGuidSize)) == kPkcs7Guid) {
    content = content.subspan(kGuidSize);
  } else if (entry.type != kWinCertTypePkcs) {
    return {.fault = Text("it is of type ", entry.type, ", which firmware passes over")};
  }
  auto parsed = AuthenticodeSignature::Parse(content);
  if (!parsed.ok()) {
    const auto message = parsed.status().message();
    return {.fault = std::string(message.data(), message.size()), .is_malformed = true};
  }
  Signature signature;
  signature.image_digest = parsed->algorithm() == DigestAlgorithm::kSha256
                               ? sha256_
                               : ImageDigest(image, parsed->algorithm());
  signature.fits = parsed->digest() == signature.image_digest;
  if (!parsed->is_recognised_by_firmware()) {
    signature.fault = "EDK II does not recognise its digest algorithm and passes over it";
  } else if (!signature.fits) {
    signature.fault = "the file was changed after it was signed: its digest is another one";
  }
  signature.content.emplace(*std::move(parsed));
  return signature;
}

bool FileEvidence::IsForbidden(const Signature& signature, Databases revoked, Opinion& opinion) {
  if (signature.is_malformed) {
    Forbid(opinion, "bad-signature", Text("a signature of it cannot be read: ", signature.fault));
    return true;
  }
  const AuthenticodeSignature& content = *signature.content;
  const DatabaseEntry* entry = signature.fits ? FirstThatVouches(content, revoked) : nullptr;
  if (entry != nullptr) {
    Forbid(opinion, "dbx-certificate",
           Text("dbx revokes the certificate \"", NameOf(*entry), "\", which signed it"));
    return true;
  }
  for (const Certificate& certificate : content.chain()) {
    if (!HasHash(revoked, certificate)) continue;
    Forbid(opinion, "dbx-certificate",
           Text("dbx revokes the certificate \"", certificate.name, "\" of its chain by its hash"));
    return true;
  }
  return false;
}

Opinion FileEvidence::Ask(Databases allowed, Databases revoked) const {
  Opinion opinion;
  if (!is_signed_) {
    if (HasDigest(revoked, DigestAlgorithm::kSha256, sha256_)) {
      Forbid(opinion, "dbx-digest", "dbx revokes it by its digest");
    } else if (HasDigest(allowed, DigestAlgorithm::kSha256, sha256_)) {
      opinion = {.is_accepted = true, .accepted_by = "its digest"};
    }
    return opinion;
  }
  for (const Signature& signature : signatures_) {
    // Passed over: of another type, or without an algorithm that firmware finds.
    if (!signature.is_malformed &&
        (!signature.content.has_value() || !signature.content->is_recognised_by_firmware())) {
      continue;
    }
    if (IsForbidden(signature, revoked, opinion)) return opinion;
    const AuthenticodeSignature& content = *signature.content;
    if (HasDigest(revoked, content.algorithm(), signature.image_digest)) {
      Forbid(opinion, "dbx-digest", "dbx revokes it by its digest");
      return opinion;
    }
    if (opinion.is_accepted) continue;
    const DatabaseEntry* entry = signature.fits ? FirstThatVouches(content, allowed) : nullptr;
    const auto root = entry == nullptr ? absl::StatusOr<Certificate>(absl::NotFoundError(""))
                                       : ReadCertificate(AsBytes(entry->data));
    if (root.ok() && !HasHash(revoked, *root)) {
      opinion = {.is_accepted = true, .accepted_by = root->name};
    } else if (HasDigest(allowed, content.algorithm(), signature.image_digest)) {
      opinion = {.is_accepted = true, .accepted_by = "its digest"};
    }
  }
  return opinion;
}

}  // namespace slipway::control
