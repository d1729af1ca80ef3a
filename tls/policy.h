// SPDX-License-Identifier: Apache-2.0
//
// Named policies: which versions, suites and groups a Context offers (RFC 9325 as the measure).
//
//   firmware  UEFI and iPXE: EDK2 offers DHE-RSA and RSA only, with GCM and CBC, in TLS 1.2.
//             Forward secrecy before plain RSA, GCM before CBC, 128 bits before 256 (firmware
//             decrypts in software).
//   modern    operating systems: TLS 1.3, and 1.2 with ECDHE and AEAD only.
//
// The groups include P-256 and P-384 in both: some firmware is built without X25519.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::tls {

enum class Policy : std::uint8_t { kFirmware, kModern };

struct PolicyRules {
  std::string_view name;
  const char* suites_tls12;  // OpenSSL's cipher list
  const char* suites_tls13;
  const char* groups;
  bool finite_field_groups;  // DHE over ffdhe2048 (RFC 7919)
};

const PolicyRules& RulesOf(Policy policy);
// "firmware", "modern"; nullopt for anything else.
std::optional<Policy> ParsePolicy(std::string_view name);

}  // namespace slipway::tls
