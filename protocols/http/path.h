// SPDX-License-Identifier: Apache-2.0
//
// From a request's target to the one spelling of its path (RFC 9112 3.2, RFC 3986 section 5.2.4
// and 6.2.2): decoded, `//` taken for `/` (shim asks for `<dir>//grubx64.efi`), dot segments
// resolved, the query left off.
//
// What could name something outside the set is refused, not repaired: `..` above the root, and a
// slash, backslash, NUL or other control character that hides in an escape. A path is decoded
// once: `%252f` is the three characters `%2f`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace slipway::http {

// The path and query of an origin-form or absolute-form (http, https) target; nullopt for the
// other forms and for anything malformed. Empty paths of absolute forms are "/".
std::optional<std::string_view> PathOfTarget(std::string_view target);

// The normalised path, in `out`, which must be at least as long as `raw`; nullopt when refused.
std::optional<std::string_view> NormalisePath(std::string_view raw, std::span<char> out);

}  // namespace slipway::http
