// SPDX-License-Identifier: Apache-2.0
//
// The rotation of the CA itself, step by step (state/authorities.h). A step is made, issued by and
// looked at whole, then on disk, then published; what cannot be published is taken back from disk.
#include <utility>

#include "control/config/certificate_cover.h"
#include "control/log.h"
#include "control/serve/issued.h"
#include "control/serve/note.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json Told(const Authorities& authorities) {
  nlohmann::json told = FingerprintsOf(StatesOf(authorities));
  told["phase"] = std::string(NameOf(authorities.phase));
  return told;
}

}  // namespace

absl::Status Certificates::StepCa(CaStep step, const Actor& actor) {
  const std::scoped_lock turn(turn_);
  const CaNow before = authorities();
  auto made = After(step, *before);
  if (!made.ok()) return made.status();
  if (made->phase == before->phase) {  // it is where the step leads: nothing is changed, or noted
    actor.is_noted = true;
    return absl::OkStatus();
  }
  const auto after = std::make_shared<const Authorities>(*std::move(made));
  auto issued = IssueOurs(after);
  if (!issued.ok()) return issued.status();
  // Behind the boot servers' own stands the same.
  const auto mistakes = CertificateMistakes(issued->management->own.chain_pem, {});
  if (!mistakes.empty()) {
    return absl::FailedPreconditionError(
        Text("the new certificates would be refused: ", Join(mistakes, "; ")));
  }
  // Noted before it is done: no kill leaves a CA that changed and no record of that.
  const std::string what = Text("certificates ca ", NameOf(step));
  absl::Status status = around_.store.Note(actor, what, Told(*before), Told(*after));
  if (!status.ok()) return status;
  status = StoreAuthorities(around_.config.state_directory, *after);
  if (status.ok()) status = Serve(*std::move(issued));
  if (!status.ok()) {
    NoteDone(around_.store, actor, what, Told(*after), Told(*before));
    const absl::Status back = StoreAuthorities(around_.config.state_directory, *before);
    if (!back.ok()) {
      LogError(
          Text("the CA's rotation may be a step ahead on disk, as the next start will have it: ",
               std::string(back.message())));
    }
  }
  return status;
}

}  // namespace slipway::control
