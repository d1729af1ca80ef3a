// SPDX-License-Identifier: Apache-2.0
#include "control/access/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "protocols/base/check.h"

namespace slipway::control {

std::string Hexadecimal(const std::array<unsigned char, 32>& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(2 * digest.size(), '0');
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = kDigits[digest[i] >> 4];
    text[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return text;
}

std::string HashOf(std::string_view text) {
  // Found once: what EVP_sha256() gives is looked up again, under a lock, for each digest, which
  // takes as long as hashing some hundred bytes.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  SLIPWAY_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, kSha256, nullptr) == 1);
  return Hexadecimal(digest);
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace slipway::control
