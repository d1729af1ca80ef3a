// SPDX-License-Identifier: Apache-2.0
//
// Tokens: 256 random bits with a name, a role and perhaps an end. Kept as their SHA-256 alone and
// shown once. A slow hash (Argon2, PBKDF2) protects what people choose, because it can be guessed;
// 2^255 guesses cannot be made however fast each is, and every request would pay for the slowness.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "control/access/actor.h"

namespace slipway::control {

struct TokenRecord {
  std::string name;
  Role role = Role::kViewer;
  std::string sha256;          // in hexadecimal
  std::int64_t created = 0;    // Unix seconds, as the others
  std::int64_t expires = 0;    // 0: never
  std::int64_t last_used = 0;  // 0: never; written once a minute at most
  std::string scope;           // selector of the machines that it is for; empty: all
};

// The one made at first start, whose text lies in the state directory.
inline constexpr std::string_view kFirstToken = "admin";
// Each request compares with all of them.
inline constexpr std::size_t kTokensMax = 1000;
inline constexpr std::int64_t kUseGranularity = 60;  // seconds

// 64 hexadecimal digits; empty where the system gives no randomness.
std::string MakeTokenText();

enum class TokenFault : std::uint8_t { kUnknown, kExpired };
// Looks at every record whatever it finds, so that the time taken tells nothing of where.
std::variant<const TokenRecord*, TokenFault> FindToken(std::span<const TokenRecord> tokens,
                                                       std::string_view text,
                                                       std::int64_t now_unix_seconds);

// 1 to 64 of letters, digits, '.', '-' and '_'.
bool IsTokenName(std::string_view name);

}  // namespace slipway::control
