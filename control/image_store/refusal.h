// SPDX-License-Identifier: Apache-2.0
//
// An operator's error as this folder says it: where, what is wrong, the rule, and the way out.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <system_error>

namespace slipway::control {

struct Refusal {
  std::string where;   // a file, a reference, a line
  std::string what;    // as it was found
  std::string rule;    // what holds here; may be empty
  std::string remedy;  // what to do about it; may be empty
};

inline absl::Status Refuse(absl::StatusCode code, const Refusal& refusal) {
  std::string text = refusal.where + ": " + refusal.what;
  if (!refusal.rule.empty()) text += "; " + refusal.rule;
  if (!refusal.remedy.empty()) text += "; " + refusal.remedy;
  return absl::Status(code, text);
}

// A system call failed with `error`.
inline absl::Status SystemFailure(const std::string& where, const std::string& action, int error) {
  const absl::StatusCode code =
      error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable;
  return Refuse(code, {.where = where,
                       .what = "cannot " + action + ": " + std::generic_category().message(error)});
}

}  // namespace slipway::control
