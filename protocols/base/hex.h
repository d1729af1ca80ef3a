// SPDX-License-Identifier: Apache-2.0
//
// Hexadecimal digits, as addresses, URIs, keys and configurations are written.
#pragma once

namespace slipway {

// The digit's value, in either case; -1 when it is none.
constexpr int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace slipway
