// SPDX-License-Identifier: Apache-2.0
//
// Signs an EFI program with the operator's own key: an Authenticode signature over its SHA-256
// digest ("Windows Authenticode Portable Executable Signature Format"), as EDK II and shim read it.
//
// The key lives in this process as long as the object; nothing of it leaves with the image. RSA of
// 2048 bits or more, since that is what firmware verifies (UEFI 2.10 section 32.5.1.4).
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/secure_boot/pe_image.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

class ImageSigner {
 public:
  // `key`: PEM; where it has a pass phrase, OpenSSL asks for it at the terminal. `certificate`: PEM
  // or DER, of that key. The error says which is wrong.
  static absl::StatusOr<ImageSigner> Open(Bytes key, Bytes certificate);

  // The image with one signature; refused where it is signed already.
  absl::StatusOr<std::string> Sign(std::string image) const;

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  ImageSigner() = default;
  std::string Pkcs7Over(Bytes digest) const;

  std::unique_ptr<EVP_PKEY, FreeKey> key_;
  std::unique_ptr<X509, FreeCertificate> certificate_;
};

}  // namespace slipway::control
