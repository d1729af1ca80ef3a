// SPDX-License-Identifier: Apache-2.0
//
// Paths: see the header. `out` always begins with '/', and while a segment is being read holds the
// finished segments before it.
#include "protocols/http/path.h"

#include <cstddef>

#include "protocols/base/check.h"
#include "protocols/base/hex.h"
#include "protocols/http/request.h"

namespace slipway::http {
namespace {

// The next character of a path, decoded; -1 when it is refused.
int TakeCharacter(std::string_view& rest) {
  int value = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  if (value == '%') {
    if (rest.size() < 2) return -1;
    const int high = HexDigit(rest[0]);
    const int low = HexDigit(rest[1]);
    if (high < 0 || low < 0) return -1;
    value = high << 4 | low;
    rest.remove_prefix(2);
    if (value == '/') return -1;
  }
  // RFC 3986 knows no '#' in a target; firmware takes a backslash for a slash.
  if (value < 0x20 || value == 0x7f || value == '\\') return -1;
  return value;
}

}  // namespace

std::optional<std::string_view> PathOfTarget(std::string_view target) {
  if (target.starts_with('/')) return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualIgnoringCase(target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    const std::size_t end = rest.find_first_of("/?");
    const std::string_view authority = rest.substr(0, end);
    if (authority.empty() || authority.find('@') != authority.npos) return {};
    if (end == rest.npos || rest[end] == '?') return "/";
    return rest.substr(end);
  }
  return {};
}

std::optional<std::string_view> NormalisePath(std::string_view raw, std::span<char> out) {
  std::string_view rest = raw.substr(0, raw.find('?'));
  if (!rest.starts_with('/')) return {};
  SLIPWAY_CHECK(out.size() >= raw.size());
  std::size_t size = 0;
  out[size++] = '/';
  std::size_t segment = size;  // where the segment being read begins
  rest.remove_prefix(1);
  while (true) {
    const bool slash = rest.starts_with('/');
    if (!slash && !rest.empty()) {
      const int character = TakeCharacter(rest);
      if (character < 0) return {};
      out[size++] = static_cast<char>(character);
      continue;
    }
    const std::string_view name(out.data() + segment, size - segment);
    if (name == ".") {
      size = segment;
    } else if (name == "..") {
      if (segment == 1) return {};
      size = std::string_view(out.data(), segment - 1).rfind('/') + 1;
    } else if (slash && !name.empty()) {
      out[size++] = '/';
    }
    if (!slash) return std::string_view(out.data(), size);
    rest.remove_prefix(1);
    segment = size;
  }
}

}  // namespace slipway::http
