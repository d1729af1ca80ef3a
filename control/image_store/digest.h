// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4, OpenSSL's EVP) as this folder uses it: bytes in, 64 lower-case hex digits
// out. An OCI digest is "sha256:" and these digits; in our types the digits stand alone.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "protocols/base/bytes.h"

namespace slipway::control {

class Sha256 {
 public:
  Sha256();
  void Update(Bytes bytes);
  // Once; the object is used up.
  std::string Hex();

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string Sha256Hex(Bytes bytes);

// True for 64 lower-case hex digits: safe as a file name.
bool IsDigest(std::string_view text);

}  // namespace slipway::control
