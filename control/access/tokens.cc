// SPDX-License-Identifier: Apache-2.0
#include "control/access/tokens.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "control/access/digest.h"

namespace slipway::control {

std::string MakeTokenText() {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return "";
  return Hexadecimal(random);
}

std::variant<const TokenRecord*, TokenFault> FindToken(std::span<const TokenRecord> tokens,
                                                       std::string_view text,
                                                       std::int64_t now_unix_seconds) {
  const std::string hash = HashOf(text);
  const TokenRecord* found = nullptr;
  for (const TokenRecord& token : tokens) {
    if (SameSecret(token.sha256, hash)) found = &token;
  }
  if (found == nullptr) return TokenFault::kUnknown;
  if (found->expires != 0 && found->expires <= now_unix_seconds) return TokenFault::kExpired;
  return found;
}

bool IsTokenName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' || letter == '_';
  });
}

}  // namespace slipway::control
