// SPDX-License-Identifier: Apache-2.0
//
// The web page's files, as build.mjs bundled them into the program. They live as long as it does.
#pragma once

#include <span>
#include <string_view>

namespace slipway::control {

struct WebAsset {
  std::string_view path;  // as the route table has it
  std::string_view media_type;
  std::string_view etag;  // quoted; of the bytes
  std::string_view bytes;
  std::string_view gzip;  // the same by gzip (RFC 1952)
};

std::span<const WebAsset> WebAssets();

}  // namespace slipway::control
