// SPDX-License-Identifier: Apache-2.0
//
// What machines trust, as it changes while they boot: its files taken again, and image sets judged
// by them. A set that is refused then goes on to be served to whom it is assigned, for nothing that
// boots is taken away; it is marked, and told of by every way there is.
#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Of the audit log.
nlohmann::json Told(const FirmwareTrust& trust) {
  nlohmann::json told = ToJson(trust);
  told["db"] = trust.db.size();
  told["dbx"] = trust.dbx.size();
  for (const char* each : {"db_digests", "dbx_certificates", "dbx_digests"}) told.erase(each);
  return told;
}

std::string OutcomeIn(const std::string& document) {
  const auto json = ParseJson(document);
  return json.is_object() ? json.value("outcome", "") : "";
}

}  // namespace

struct Core::Rejudged {
  std::string before;  // the outcome's word; empty: it was never judged
  SetVerdict after;
  std::shared_ptr<const FirmwareTrust> by;
  std::int64_t refused_since = 0;

  bool has_turned() const { return before != WordOf(after.outcome); }
};

absl::Status Core::ReadTrust(const Actor& actor) {
  const auto before = trust_files_.Read();
  const std::string words(before.status().message());
  if (absl::IsUnavailable(before.status())) return before.status();  // nothing was decided
  if (!before.ok()) {
    LogWarning(Text("what machines trust stays as it was read before: ", words));
    Audit(actor, "secure-boot refused", nullptr, {{"why", words}});
    return before.status();
  }
  const auto now = trust();
  if (*before != nullptr && (*before)->version == now->version) return absl::OkStatus();
  LogInfo(Text("what machines trust was read again: ", now->db.size(), " entries of db, ",
               now->dbx.size(), " of dbx; image sets are judged by it"));
  Audit(actor, "secure-boot", *before == nullptr ? nlohmann::json() : Told(**before), Told(*now));
  return absl::OkStatus();
}

TrustLook Core::LookAtTrust() {
  const TrustLook look = trust_files_.Look();
  if (look != TrustLook::kChanged) return look;
  return absl::IsUnavailable(ReadTrust(DaemonActor())) ? TrustLook::kUnsettled : look;
}

absl::StatusOr<std::optional<VerdictRecord>> Core::VerdictOn(const ImageSet& set) {
  return verdicts_->Of(set.digest);
}

absl::Status Core::Keep(const ImageSet& set, const SetVerdict& verdict, const FirmwareTrust& trust,
                        std::int64_t refused_since) {
  nlohmann::json document = ToJson(verdict);
  document["judged_by"] = trust.sources;
  if (refused_since != 0) document["refused_since"] = refused_since;
  return verdicts_->Put(
      {.digest = set.digest, .version = trust.version, .document = document.dump()});
}

// Without the core's lock: imports and boots go on.
absl::StatusOr<std::optional<Core::Rejudged>> Core::JudgeAgain(const ImageSet& set, bool all) {
  const auto by = trust();  // as it is now: it may change while others are judged
  const auto before = verdicts_->Of(set.digest);
  if (!before.ok()) return before.status();
  if (!all && before->has_value() && (*before)->version == by->version) return std::nullopt;
  auto verdict = JudgeImageSet(set, *by, BlobPaths());
  if (!verdict.ok()) {
    const auto sets = Images();
    const bool is_there =
        sets.ok() && std::ranges::find(*sets, set.digest, &ImageSet::digest) != sets->end();
    if (is_there) {  // else it was removed meanwhile
      LogWarning(Text("image set ", set.reference, ": its verdict stays, as it cannot be judged: ",
                      std::string(verdict.status().message())),
                 {{"image_set", set.reference}, {"digest", set.digest}});
    }
    return std::nullopt;
  }
  const std::string document = before->has_value() ? (*before)->document : "";
  Rejudged rejudged{.before = OutcomeIn(document), .after = *std::move(verdict), .by = by};
  if (rejudged.after.outcome == Outcome::kRefused) {
    const bool turned_now = rejudged.has_turned() && !rejudged.before.empty();
    rejudged.refused_since = turned_now ? std::time(nullptr) : VerdictBook::SinceIn(document);
  }
  return rejudged;
}

void Core::Tell(const Actor& actor, const ImageSet& set, const Rejudged& verdict) {
  const bool is_refused = verdict.after.outcome == Outcome::kRefused;
  const bool is_assigned = IsAssigned(set.reference);
  const std::string outcome(WordOf(verdict.after.outcome));
  Log(is_refused ? LogLevel::kWarning : LogLevel::kInfo,
      Text("image set ", set.reference,
           ": Secure Boot: ", verdict.before.empty() ? "not judged" : verdict.before,
           " before, now ", outcome, ": ", verdict.after.words,
           is_refused && is_assigned ? "; it stays served to the machines that are assigned to it; "
                                       "give them a version that firmware accepts"
                                     : ""),
      {{"image_set", set.reference}, {"digest", set.digest}});
  const auto before =
      verdict.before.empty() ? nlohmann::json() : nlohmann::json{{"outcome", verdict.before}};
  Audit(actor, Text("image ", set.reference, " secure-boot ", outcome), before,
        {{"outcome", outcome},
         {"words", verdict.after.words},
         {"digest", set.digest},
         {"assigned", is_assigned}});
}

absl::StatusOr<std::vector<std::string>> Core::Recheck(const Actor& actor, bool all,
                                                       const std::atomic<bool>* stop) {
  const std::scoped_lock turn(recheck_mutex_);
  const auto sets = Images();
  if (!sets.ok()) return sets.status();
  std::vector<std::string> changed;
  std::set<std::string> seen;  // digests: several tags have one set
  for (const ImageSet& set : *sets) {
    if (!seen.insert(set.digest).second) continue;
    if (stop != nullptr && stop->load()) break;
    const auto judged = JudgeAgain(set, all);
    if (!judged.ok()) return judged.status();
    if (!*judged) continue;
    const Rejudged& verdict = **judged;
    // Before it is kept: after a kill it is judged, and told, once more rather than never.
    for (const ImageSet& each : *sets) {
      if (each.digest != set.digest || !verdict.has_turned()) continue;
      changed.push_back(each.reference);
      Tell(actor, each, verdict);
    }
    absl::Status status = Keep(set, verdict.after, *verdict.by, verdict.refused_since);
    if (!status.ok()) return status;
  }
  return changed;
}

bool Core::IsAssigned(const std::string& reference) const {
  const std::scoped_lock lock(served_mutex_);
  return assigned_.contains(reference);
}

std::vector<std::string> Core::AssignedAndRefused() {
  std::vector<std::string> found;
  const auto sets = Images();
  if (!sets.ok()) return found;
  for (const ImageSet& set : *sets) {
    if (IsAssigned(set.reference) && RefusedSince(set) != 0) found.push_back(set.reference);
  }
  return found;
}

}  // namespace slipway::control
