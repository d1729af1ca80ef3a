// SPDX-License-Identifier: Apache-2.0
//
// Preconditions: see the header. If-Match and If-None-Match may be spread over several fields.
#include "protocols/http/precondition.h"

#include <optional>

#include "protocols/http/date.h"

namespace slipway::http {
namespace {

enum class Comparison { kStrong, kWeak };

// One entity-tag at the front of `list` (8.8.3), which moves past it; false when malformed.
bool TakeTag(std::string_view& list, bool& weak, std::string_view& opaque) {
  weak = list.starts_with("W/");
  if (weak) list.remove_prefix(2);
  if (!list.starts_with('"')) return false;
  const std::size_t end = list.find('"', 1);
  if (end == list.npos) return false;
  opaque = list.substr(1, end - 1);
  list.remove_prefix(end + 1);
  return true;
}

bool ListMatches(std::string_view list, std::string_view digest, Comparison comparison) {
  if (TrimWhitespace(list) == "*") return true;
  while (true) {
    const std::size_t next = list.find_first_not_of(" \t,");
    if (next == list.npos) return false;
    list.remove_prefix(next);
    bool weak = false;
    std::string_view opaque;
    if (!TakeTag(list, weak, opaque)) return false;
    if (opaque == digest && (!weak || comparison == Comparison::kWeak)) return true;
  }
}

// Whether any field of that name matches; nullopt when there is none.
std::optional<bool> Matches(const Request& request, FieldName name, std::string_view digest,
                            Comparison comparison) {
  std::optional<bool> matches;
  if (!request.Find(name)) return matches;
  for (const Field& field : request.fields.all()) {
    if (field.name != name) continue;
    matches = matches.value_or(false) || ListMatches(field.value(), digest, comparison);
  }
  return matches;
}

std::optional<std::int64_t> DateOf(const Request& request, FieldName name, std::int64_t now) {
  const auto value = request.Find(name);
  return value ? ParseDate(*value, now) : std::nullopt;
}

}  // namespace

Condition Evaluate(const Request& request, const Validators& validators) {
  const auto match = Matches(request, FieldName::kIfMatch, validators.digest, Comparison::kStrong);
  if (match) {
    if (!*match) return Condition::kFailed;
  } else if (const auto date = DateOf(request, FieldName::kIfUnmodifiedSince, validators.now)) {
    if (validators.last_modified > *date) return Condition::kFailed;
  }
  const auto none = Matches(request, FieldName::kIfNoneMatch, validators.digest, Comparison::kWeak);
  if (none) {
    if (*none) return Condition::kNotModified;
  } else if (const auto date = DateOf(request, FieldName::kIfModifiedSince, validators.now)) {
    if (validators.last_modified <= *date) return Condition::kNotModified;
  }
  return Condition::kGoOn;
}

bool RangeApplies(const Request& request, const Validators& validators) {
  const auto value = request.Find(FieldName::kIfRange);
  if (!value) return true;
  if (value->starts_with('"') || value->starts_with("W/")) {
    std::string_view rest = *value;
    bool weak = false;
    std::string_view opaque;
    return TakeTag(rest, weak, opaque) && rest.empty() && !weak && opaque == validators.digest;
  }
  // A date identifies a version only when the second it names is over (8.8.2.2).
  const auto date = ParseDate(*value, validators.now);
  return date && *date == validators.last_modified && *date < validators.now;
}

}  // namespace slipway::http
