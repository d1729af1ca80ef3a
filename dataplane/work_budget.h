// SPDX-License-Identifier: Apache-2.0
//
// WorkBudget: how much of its core a worker spends on handshakes. A step takes up to a millisecond
// (RSA, DH) and cannot be cut, so the budget is kept over rounds.
//
// While others wait to be sent to, handshakes get their share of the passing time and no more: a
// step may run into debt, which time pays back before the next one. While nobody waits, steps
// follow each other for kRoundMax, after which frames that arrive have waited long enough.
//
// In a hurry the share is kHurriedShare at least: firmware gives a handshake up after 60 s, while a
// download only takes longer.
//
// A share of 0 means one step a round, whatever time it takes: nothing depends on how fast the
// machine is, as tests with a virtual clock want it. Times are cycles of any counter.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slipway::dataplane {

class WorkBudget {
 public:
  static constexpr std::uint64_t kRoundMaxMicroseconds = 250;
  static constexpr std::int64_t kHurriedShare = 80;

  WorkBudget(std::uint32_t share_percent, std::uint64_t cycles_per_second)
      : set_share_(share_percent),
        share_(share_percent),
        round_max_(
            static_cast<std::int64_t>(cycles_per_second * kRoundMaxMicroseconds / 1'000'000)) {}

  void StartRound(std::uint64_t cycles, bool hurries = false) {
    share_ = hurries ? std::max(set_share_, kHurriedShare) : set_share_;
    const auto passed = static_cast<std::int64_t>(cycles - last_);
    // Beyond what a round may take, nothing is saved up; so a long sleep cannot overflow it either.
    const std::int64_t earned = passed > 100 * round_max_ ? round_max_ : passed * share_ / 100;
    credit_ = std::min(credit_ + earned, round_max_);
    last_ = cycles;
    spent_ = 0;
    steps_ = 0;
  }
  // Another step in this round?
  bool Allows(bool others_wait) const {
    if (set_share_ == 0) return steps_ == 0;
    return spent_ < round_max_ && (!others_wait || credit_ > 0);
  }
  // A step that began when the one before ended, or with the round, ended now.
  void Stepped(std::uint64_t cycles) {
    const auto taken = static_cast<std::int64_t>(cycles - last_);
    last_ = cycles;
    spent_ += taken;
    // The share of its own time is earned as well.
    credit_ -= taken - taken * share_ / 100;
    ++steps_;
  }

 private:
  std::int64_t set_share_;
  std::int64_t share_;  // in this round
  std::int64_t round_max_;
  std::int64_t credit_ = 0;
  std::int64_t spent_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace slipway::dataplane
