// SPDX-License-Identifier: Apache-2.0
//
// TimerWheel: one timer for each of a fixed number of owners, named by index (a slab's index, as
// a rule). A hierarchy of wheels (Varghese and Lauck 1987, scheme 7) of 64 slots each, with ticks
// of about a millisecond (2^20 ns); eight levels hold every Time there is. Arm and Cancel cost
// O(1), Pop as well, amortized over the levels a timer comes down.
//
// A timer fires at or after its time, at most one tick late. Deadline() may come before the first
// timer (when a far slot is to be looked at), never after it. Allocates at construction only.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "protocols/base/fetch.h"
#include "protocols/base/time.h"

namespace slipway {

class TimerWheel {
 public:
  // `pages` gives the room, once, and outlives the wheel.
  explicit TimerWheel(std::uint32_t owners,
                      std::pmr::memory_resource* pages = std::pmr::get_default_resource());

  // Sets the owner's timer, whether or not it was armed. kNever cancels.
  void Arm(std::uint32_t owner, Time when);
  void Cancel(std::uint32_t owner);
  bool armed(std::uint32_t owner) const { return links_[owner].slot != kNone; }
  // When the owner's timer was set to fire; kNever when it is not armed.
  Time when(std::uint32_t owner) const;
  // Asks the memory for what the above will look at.
  void Fetch(std::uint32_t owner) const { FetchToRead(&links_[owner], sizeof(Link)); }

  // The next owner whose time has come; its timer is then no longer armed.
  std::optional<std::uint32_t> Pop(Time now);
  Time Deadline() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr int kTickShift = 20;
  static constexpr std::uint32_t kSlotBits = 6;
  static constexpr std::uint32_t kSlots = 1u << kSlotBits;
  static constexpr std::uint32_t kLevels = 8;

  static_assert(kLevels * kSlotBits >= 63 - kTickShift, "every Time has its slot");

  struct Link {
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t slot = kNone;  // level * kSlots + place in the level
    std::uint64_t tick = 0;      // the first tick at which it may fire
    Time when = kNever;
  };

  static std::uint64_t TickOf(Time when) {
    const auto nanoseconds = when.time_since_epoch().count();
    return nanoseconds < 0 ? 0 : static_cast<std::uint64_t>(nanoseconds) >> kTickShift;
  }
  void Insert(std::uint32_t owner);
  void Unlink(std::uint32_t owner);
  // The first tick at which some slot is to be looked at; ~0 when nothing is armed.
  std::uint64_t NextTick() const;
  void Cascade();

  std::uint64_t tick_ = 0;  // everything below has been popped
  std::pmr::vector<Link> links_;
  std::array<std::uint32_t, std::size_t{kLevels} * kSlots> heads_;
  std::array<std::uint64_t, kLevels> occupied_{};  // a bit for each slot
};

}  // namespace slipway
