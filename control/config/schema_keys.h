// SPDX-License-Identifier: Apache-2.0
//
// The two halves of ConfigKeys(), those of a table in the order of config/slipway.toml. Private to
// control/config.
#pragma once

#include <cstdint>
#include <span>

#include "control/config/schema.h"

namespace slipway::control {

inline constexpr std::int64_t kMebi = std::int64_t{1} << 20;  // bytes
inline constexpr std::int64_t kDay = 86400;                   // seconds

// What the daemon is and what it may take: state, management, dataplane, ports, TLS, images,
// admission, Secure Boot, log, limits.
std::span<const KeySchema> DaemonKeys();
// Whom it serves and with what: networks, boots, machines.
std::span<const KeySchema> SiteKeys();

}  // namespace slipway::control
