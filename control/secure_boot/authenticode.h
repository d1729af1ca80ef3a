// SPDX-License-Identifier: Apache-2.0
//
// An Authenticode signature: PKCS#7 SignedData (RFC 2315) over SPC_INDIRECT_DATA, which names the
// digest of the image (Microsoft, "Windows Authenticode Portable Executable Signature Format").
//
// What verifies is what EDK II's AuthenticodeVerify and Pkcs7Verify (CryptoPkg) accept: any
// purpose, a chain that ends at any trusted certificate (X509_V_FLAG_PARTIAL_CHAIN), and no look at
// the clock (X509_V_FLAG_NO_CHECK_TIME): UEFI 2.10 section 32.5.3.3 has no expiry, and firmware
// often has no time. Timestamps and nested signatures are not read; firmware does not either.
#pragma once

#include <openssl/pkcs7.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/secure_boot/pe_image.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// A certificate, described for people and kept for comparison.
struct Certificate {
  std::string der;
  std::string subject;       // "CN=Debian Secure Boot CA", most specific first
  std::string issuer;        // the same of who signed it
  std::string name;          // the subject's common name; the subject where it has none
  std::string fingerprint;   // SHA-256 of the DER form, hex
  std::string to_be_signed;  // the TBSCertificate's DER form, which dbx's hashes are of
};

absl::StatusOr<Certificate> ReadCertificate(Bytes der);

class AuthenticodeSignature {
 public:
  // The content of a WIN_CERTIFICATE of type PKCS_SIGNED_DATA; bytes after the structure are
  // padding. The error says what is wrong with it.
  static absl::StatusOr<AuthenticodeSignature> Parse(Bytes pkcs7);

  DigestAlgorithm algorithm() const { return algorithm_; }
  // Of the image, as the signer saw it; raw bytes.
  const std::string& digest() const { return digest_; }
  // The signer's certificate and its issuers as far as they are embedded.
  const std::vector<Certificate>& chain() const { return chain_; }
  // EDK II finds the digest algorithm at a fixed place (HashPeImageByType); signatures that are
  // built otherwise it passes over as if they were not there.
  bool is_recognised_by_firmware() const { return recognised_; }

  // True when the signature is good and a chain leads from the signer to this certificate.
  bool LeadsTo(Bytes certificate_der) const;

 private:
  struct Free {
    void operator()(PKCS7* pkcs7) const { PKCS7_free(pkcs7); }
  };
  AuthenticodeSignature() = default;
  absl::Status ReadContent();
  absl::Status ReadChain();

  std::unique_ptr<PKCS7, Free> pkcs7_;
  std::string content_;  // of SPC_INDIRECT_DATA, without its tag and length: what is signed
  DigestAlgorithm algorithm_ = DigestAlgorithm::kSha256;
  std::string digest_;
  std::vector<Certificate> chain_;
  bool recognised_ = false;
};

}  // namespace slipway::control
