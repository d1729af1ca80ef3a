// SPDX-License-Identifier: Apache-2.0
//
// FileEvidence: an image's signatures, read once, and what a judge with his own lists (firmware
// with db and dbx; a shim with its vendor's) makes of them. The order of questions is that of EDK
// II's DxeImageVerificationHandler, signature by signature.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/secure_boot/authenticode.h"
#include "control/secure_boot/signature_database.h"

namespace slipway::control {

struct Opinion {
  bool is_accepted = false;
  std::string accepted_by;  // the name of a certificate, or "its digest"
  // Not empty: forbidden, whatever else holds. A code of a finding, and words for it.
  std::string forbidden_code;
  std::string forbidden_words;
};

class FileEvidence {
 public:
  struct Signature {
    std::optional<AuthenticodeSignature> content;  // nullopt: it cannot be read
    std::string fault;                             // why it counts for nothing; empty: it counts
    bool is_malformed = false;  // then the image is refused: firmware with a dbx does so
    std::string image_digest;   // of the image, by this signature's algorithm
    bool fits = false;          // the signed digest is the image's
  };

  explicit FileEvidence(const PeImage& image);

  const std::vector<Signature>& signatures() const { return signatures_; }
  const std::string& digest() const { return sha256_; }  // SHA-256, raw

  Opinion Ask(std::span<const SignatureDatabase* const> allowed,
              std::span<const SignatureDatabase* const> revoked) const;

 private:
  Signature Read(const PeImage& image, const PeCertificate& entry);
  static bool IsForbidden(const Signature& signature,
                          std::span<const SignatureDatabase* const> revoked, Opinion& opinion);

  std::string sha256_;
  bool is_signed_ = false;
  std::vector<Signature> signatures_;
};

// The names of certificates of the database that the signature leads to.
std::vector<std::string> NamesThatVouch(const AuthenticodeSignature& signature,
                                        const SignatureDatabase& database);

}  // namespace slipway::control
