// SPDX-License-Identifier: Apache-2.0
//
// The two policies as OpenSSL reads them (openssl-ciphers(1)).
#include "tls/policy.h"

namespace slipway::tls {
namespace {

constexpr PolicyRules kFirmware = {
    .name = "firmware",
    .suites_tls12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
        "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
        "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
        "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
        "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:"
        "AES128-GCM-SHA256:AES256-GCM-SHA384:"
        "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:@SECLEVEL=2",
    .suites_tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
    .groups = "X25519:P-256:P-384",
    .finite_field_groups = true,
};

constexpr PolicyRules kModern = {
    .name = "modern",
    .suites_tls12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=2",
    .suites_tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
    .groups = "X25519:P-256:P-384",
    .finite_field_groups = false,
};

}  // namespace

const PolicyRules& RulesOf(Policy policy) {
  return policy == Policy::kFirmware ? kFirmware : kModern;
}

std::optional<Policy> ParsePolicy(std::string_view name) {
  if (name == kFirmware.name) return Policy::kFirmware;
  if (name == kModern.name) return Policy::kModern;
  return std::nullopt;
}

}  // namespace slipway::tls
