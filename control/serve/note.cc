// SPDX-License-Identifier: Apache-2.0
#include "control/serve/note.h"

#include "control/log.h"
#include "control/text.h"

namespace slipway::control {

void NoteDone(Store& store, const Actor& actor, const std::string& what,
              const nlohmann::json& before, const nlohmann::json& after) {
  const absl::Status status = store.Note(actor, what, before, after);
  if (status.ok()) return;
  LogError(
      Text("not in the audit log: ", actor.name, ": ", what, ": ", std::string(status.message())),
      {{"who", actor.name}, {"what", what}});
}

}  // namespace slipway::control
