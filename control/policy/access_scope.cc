// SPDX-License-Identifier: Apache-2.0
#include "control/policy/access_scope.h"

#include "control/policy/selector.h"
#include "control/text.h"

namespace slipway::control {

absl::StatusOr<std::string> ParseScope(std::string_view text, Role role) {
  if (text.empty()) return std::string();
  if (role == Role::kAdmin) {
    return absl::InvalidArgumentError(
        "an admin has none, as an admin may do everything; make it an operator's or a viewer's");
  }
  const auto scope = Selector::Parse(text);
  if (!scope.ok()) return scope.status();
  for (const Requirement& each : scope->requirements()) {
    if (!FactOf(each.key) && !IsSeenFirmware(each.key)) continue;
    return absl::InvalidArgumentError(
        Text(each.ToString(),
             ": is told by the machine itself, which could say anything; write labels, such as "
             "rack=a1, or group, name, serial"));
  }
  return scope->ToString();
}

}  // namespace slipway::control
