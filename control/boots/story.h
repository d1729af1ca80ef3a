// SPDX-License-Identifier: Apache-2.0
//
// Story: one boot as the rules of a diagnosis read it. Private to control/boots.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "control/boots/diagnosis.h"

namespace slipway::control {

inline constexpr std::int64_t kHttpPort = 80;
inline constexpr std::int64_t kHttpsPort = 443;

class Story {
 public:
  Story(const Boot& boot, const Surroundings& surroundings) : boot_(boot), around_(surroundings) {}

  const Boot& boot() const { return boot_; }
  const Surroundings& around() const { return around_; }

  // The last step of a kind (of one connection, where that is not 0) after `after`; null: none.
  const BootStep* Last(dataplane::EventKind kind, std::uint64_t connection = 0,
                       const BootStep* after = nullptr) const;
  bool Has(dataplane::EventKind kind) const { return Last(kind) != nullptr; }
  std::size_t Count(dataplane::EventKind kind) const;
  // How the connection ended; null: it did not.
  const BootStep* EndOf(std::uint64_t connection) const;
  // The last request of a whole file (not HEAD), and the last that was acknowledged whole.
  const BootStep* LastGet() const;
  const BootStep* LastComplete(const BootStep* after = nullptr) const;
  // Nothing more is to be expected: it was given up, or nothing was heard for so long.
  bool Quiet(std::int64_t seconds) const;
  std::int64_t now() const;
  // The host of the boot URI it was offered; empty: none.
  std::string_view OfferedHost() const;

 private:
  const Boot& boot_;
  const Surroundings& around_;
};

// What a rule found.
struct Judgement {
  CauseId cause;
  Certainty certainty = Certainty::kCertain;
  std::string detail = {};
  std::vector<const BootStep*> evidence = {};  // null ones are left out
};

// The rules, each for a part of a boot; nullopt: it says nothing.
std::optional<Judgement> JudgeDhcp(const Story& story);
std::optional<Judgement> JudgeTls(const Story& story, const BootStep& failed);
std::optional<Judgement> JudgeConnection(const Story& story);
// It tried a port that is closed after `after` (null: ever), and none that is open since.
std::optional<Judgement> JudgeClosedPort(const Story& story, const BootStep* after);

// By the text of their DISCOVER.
bool IsIpxe(std::string_view text);

}  // namespace slipway::control
