// SPDX-License-Identifier: Apache-2.0
//
// The audit log's records and the chain that holds them: each record's SHA-256 covers all its
// fields and the hash of the one before, so that none can be changed, taken out or moved without
// every later one giving it away.
//
// What a chain cannot show by itself: that its last records were cut off, or that all of it was
// made anew by somebody who may write the file. Both show against a head (number and hash) kept
// elsewhere: slipwayd prints it at each start, and `slipway audit verify --head` takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway::control {

struct AuditRecord {
  std::int64_t id = 0;  // 1, 2, 3, ...
  std::int64_t unix_seconds = 0;
  std::string who;      // Actor::name
  std::string address;  // Actor::address
  std::string request;  // Actor::request
  std::string what;     // "machine 52:54:00:00:00:01"
  std::string before;   // JSON; "null" where there was nothing
  std::string after;
  std::string previous;  // hash of the record before, in hexadecimal; empty for the first
  std::string hash;
};

// Of everything but `hash`. Fields are framed by their lengths, so that no two records give the
// same bytes.
std::string ChainHash(const AuditRecord& record);

// A place in the log.
struct AuditHead {
  std::int64_t id = 0;
  std::string hash;

  std::string ToString() const;  // "17:0a1b..."
  static std::optional<AuditHead> Parse(std::string_view text);
};

// Takes the records in order of their numbers and finds the first that is wrong.
class ChainCheck {
 public:
  // A head that the log must pass through; none: only the chain itself is checked.
  explicit ChainCheck(std::optional<AuditHead> witness = std::nullopt)
      : witness_(std::move(witness)) {}

  // The fault in words, naming the record; nullopt while all is well.
  std::optional<std::string> Take(const AuditRecord& record);
  // After the last one: whether the witness was passed.
  std::optional<std::string> Finish() const;
  const AuditHead& head() const { return head_; }

 private:
  std::optional<AuditHead> witness_;
  AuditHead head_;
};

}  // namespace slipway::control
