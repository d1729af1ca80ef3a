// SPDX-License-Identifier: Apache-2.0
//
// Range: see the header.
#include "protocols/http/range.h"

#include <algorithm>
#include <optional>

#include "protocols/http/request.h"

namespace slipway::http {
namespace {

enum class Spec { kInvalid, kOutside, kInside };

// One range-spec (14.1.1): "first-last", "first-" or "-suffix".
Spec ParseSpec(std::string_view text, std::uint64_t size, ByteRange& range) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return Spec::kInvalid;
  const std::string_view before = text.substr(0, dash);
  const auto last = ParseDigits(text.substr(dash + 1));
  if (before.empty()) {
    if (!last) return Spec::kInvalid;
    if (*last == 0 || size == 0) return Spec::kOutside;
    range = {.first = size - std::min(*last, size), .last = size - 1};
    return Spec::kInside;
  }
  const auto first = ParseDigits(before);
  if (!first || (!last && dash + 1 != text.size()) || (last && *last < *first)) {
    return Spec::kInvalid;
  }
  if (*first >= size) return Spec::kOutside;
  range = {.first = *first, .last = last ? std::min(*last, size - 1) : size - 1};
  return Spec::kInside;
}

}  // namespace

RangeSet ParseRange(std::string_view value, std::uint64_t size) {
  RangeSet set;
  const std::size_t equals = value.find('=');
  if (equals == value.npos || !EqualIgnoringCase(value.substr(0, equals), "bytes")) return set;
  std::string_view list = value.substr(equals + 1);
  std::size_t asked = 0;
  std::uint64_t bytes = 0;
  bool flood = false;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    const std::string_view spec = TrimWhitespace(list.substr(0, comma));
    more = comma != list.npos;
    if (more) list.remove_prefix(comma + 1);
    if (spec.empty()) continue;  // RFC 9110 5.6.1.2: empty list elements are ignored
    ByteRange range;
    const Spec found = ParseSpec(spec, size, range);
    if (found == Spec::kInvalid) return {};
    if (++asked > kRangesMax) flood = true;
    if (found == Spec::kOutside || flood) continue;
    set.store[set.count++] = range;
    bytes += range.size();
  }
  if (asked == 0) return {};
  if (flood || set.count == 0 || bytes > size) {
    set.count = 0;
    set.verdict = RangeSet::Verdict::kUnsatisfiable;
  } else {
    set.verdict = RangeSet::Verdict::kSome;
  }
  return set;
}

}  // namespace slipway::http
