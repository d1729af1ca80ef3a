// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 in hexadecimal, and secrets compared without telling by the time where they differ.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace slipway::control {

std::string Hexadecimal(const std::array<unsigned char, 32>& digest);
// SHA-256 in hexadecimal.
std::string HashOf(std::string_view text);
// Takes as long for the first different character as for the last.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace slipway::control
