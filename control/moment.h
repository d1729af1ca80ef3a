// SPDX-License-Identifier: Apache-2.0
//
// Moments of the wall clock: now in Unix nanoseconds, and as RFC 3339 writes them, in UTC and
// milliseconds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "control/text.h"

namespace slipway::control {

inline std::int64_t UnixNanoseconds() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// "2026-11-26T04:05:06.789Z"; not before 1970.
inline std::string Rfc3339(std::int64_t unix_nanoseconds) {
  const std::time_t seconds = unix_nanoseconds / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string thousandths =
      std::to_string(1000 + unix_nanoseconds % 1'000'000'000 / 1'000'000).substr(1);
  return Text(std::string_view(text.data(), size), '.', thousandths, 'Z');
}

}  // namespace slipway::control
