// SPDX-License-Identifier: Apache-2.0
//
// The media type of a file, by its extension. Firmware compares the whole text of Content-Type, so
// there are never parameters (FIRMWARE: application/efi, application/vnd.efi-img, -iso).
#pragma once

#include <string_view>

namespace slipway::http {

// By the part of `path` after its last '.', in any case; application/octet-stream when unknown.
std::string_view MediaTypeOf(std::string_view path);

}  // namespace slipway::http
