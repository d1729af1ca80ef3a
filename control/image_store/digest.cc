// SPDX-License-Identifier: Apache-2.0
//
// SHA-256: see the header. EVP fails here only without memory, which is ours to die of.
#include "control/image_store/digest.h"

#include <algorithm>
#include <array>

#include "protocols/base/check.h"

namespace slipway::control {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
  SLIPWAY_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::Update(Bytes bytes) {
  SLIPWAY_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Hex() {
  std::array<std::uint8_t, 32> digest{};
  SLIPWAY_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Sha256Hex(Bytes bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.Hex();
}

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace slipway::control
