// SPDX-License-Identifier: Apache-2.0
//
// What machines trust, as it changes while they boot: its files taken again, and image sets judged
// by them. A set that is refused then goes on to be served to whom it is assigned, for nothing that
// boots is taken away; it is marked, and told of by every way there is.
#include <ctime>
#include <map>
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
  Rejudged rejudged{.before = OutcomeIn(document), .after = *std::move(verdict)};
  const bool is_refused = rejudged.after.outcome == Outcome::kRefused;
  const bool is_same = rejudged.before == WordOf(rejudged.after.outcome);
  std::int64_t since = is_refused ? VerdictBook::SinceIn(document) : 0;
  if (is_refused && !is_same && !rejudged.before.empty()) since = std::time(nullptr);
  if (absl::Status status = Keep(set, rejudged.after, *by, since); !status.ok()) return status;
  if (is_same) return std::nullopt;
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
  std::map<std::string, std::optional<Rejudged>> done;  // by digest: several tags have one set
  for (const ImageSet& set : *sets) {
    auto known = done.find(set.digest);
    if (known == done.end()) {
      if (stop != nullptr && stop->load()) continue;  // what was judged is told for all its tags
      auto judged = JudgeAgain(set, all);
      if (!judged.ok()) return judged.status();
      known = done.emplace(set.digest, *std::move(judged)).first;
    }
    if (!known->second) continue;
    changed.push_back(set.reference);
    Tell(actor, set, *known->second);
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
