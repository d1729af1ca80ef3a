// SPDX-License-Identifier: Apache-2.0
//
// VerdictBook: the verdicts on image sets as the store has them, and which of them turned against a
// set that was here already. Those are asked for often, by metrics and lists, and a verdict's
// document may be long: what was read once is kept, for as long as the verdict is.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/parse_json.h"
#include "control/store/store.h"

namespace slipway::control {

class VerdictBook {
 public:
  // The store outlives it.
  explicit VerdictBook(Store& store) : store_(store) {}

  // Of a set, by its manifest's digest; nullopt when it was never judged.
  absl::StatusOr<std::optional<VerdictRecord>> Of(const std::string& digest) {
    return store_.Verdict(digest);
  }
  absl::Status Put(const VerdictRecord& verdict) {
    const std::scoped_lock lock(mutex_);
    absl::Status status = store_.PutVerdict(verdict);
    refused_since_.erase(verdict.digest);
    return status;
  }
  absl::Status Remove(const std::string& digest) {
    const std::scoped_lock lock(mutex_);
    refused_since_.erase(digest);
    return store_.RemoveVerdict(digest);
  }
  // When what firmware trusts turned against the set, in Unix seconds; 0: it did not, or the set
  // was refused when it came.
  std::int64_t RefusedSince(const std::string& digest) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = refused_since_.find(digest); known != refused_since_.end()) {
      return known->second;
    }
    const auto verdict = store_.Verdict(digest);
    if (!verdict.ok() || !verdict->has_value()) return 0;
    return refused_since_.emplace(digest, SinceIn((*verdict)->document)).first->second;
  }
  // The same of a document; the outcome that it has: ToJson(SetVerdict)'s.
  static std::int64_t SinceIn(const std::string& document) {
    const auto json = ParseJson(document);
    return json.is_object() ? json.value("refused_since", std::int64_t{0}) : 0;
  }

 private:
  Store& store_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> refused_since_;  // by digest: of sets that have a verdict
};

}  // namespace slipway::control
