// SPDX-License-Identifier: Apache-2.0
//
// HTTP dates (RFC 9110 5.6.7): written as IMF-fixdate, read in all three forms. Seconds since 1970
// in UTC; the calendar is the proleptic Gregorian one, without leap seconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::http {

inline constexpr std::size_t kDateSize = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"

// Years 0 to 9999; what lies outside is written as the nearest date that does not.
std::array<char, kDateSize> FormatDate(std::int64_t unix_seconds);

// nullopt for anything that is not one of the three forms, or no real date. `now` decides the
// century of the obsolete two-digit year: none is more than 50 years in the future.
std::optional<std::int64_t> ParseDate(std::string_view text, std::int64_t now);

}  // namespace slipway::http
