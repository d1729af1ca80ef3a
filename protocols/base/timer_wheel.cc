// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace slipway {

TimerWheel::TimerWheel(std::uint32_t owners, std::pmr::memory_resource* pages)
    : links_(owners, pages) {
  heads_.fill(kNone);
}

void TimerWheel::Arm(std::uint32_t owner, Time when) {
  if (links_[owner].slot != kNone) Unlink(owner);
  if (when == kNever) return;
  links_[owner].when = when;
  // Rounded up, so that it never fires early; never below what was popped already.
  links_[owner].tick = std::max(TickOf(when - Duration{1}) + 1, tick_);
  Insert(owner);
}

void TimerWheel::Cancel(std::uint32_t owner) {
  if (links_[owner].slot != kNone) Unlink(owner);
}

Time TimerWheel::when(std::uint32_t owner) const {
  return links_[owner].slot == kNone ? kNever : links_[owner].when;
}

// The level is where the tick first differs from the present: within that level's slot all lower
// bits are still to come, so a slot is either wholly in the future or is the present one's cascade.
void TimerWheel::Insert(std::uint32_t owner) {
  Link& link = links_[owner];
  const std::uint64_t differs = link.tick ^ tick_;
  const std::uint32_t level =
      differs == 0 ? 0 : (static_cast<std::uint32_t>(std::bit_width(differs)) - 1) / kSlotBits;
  const auto place = static_cast<std::uint32_t>(link.tick >> (level * kSlotBits)) & (kSlots - 1);
  link.slot = level * kSlots + place;
  link.previous = kNone;
  link.next = heads_[link.slot];
  if (link.next != kNone) links_[link.next].previous = owner;
  heads_[link.slot] = owner;
  occupied_[level] |= std::uint64_t{1} << place;
}

void TimerWheel::Unlink(std::uint32_t owner) {
  Link& link = links_[owner];
  if (link.next != kNone) links_[link.next].previous = link.previous;
  if (link.previous != kNone) {
    links_[link.previous].next = link.next;
  } else {
    heads_[link.slot] = link.next;
    if (link.next == kNone) {
      occupied_[link.slot / kSlots] &= ~(std::uint64_t{1} << (link.slot % kSlots));
    }
  }
  link.slot = kNone;
}

std::uint64_t TimerWheel::NextTick() const {
  // Lower levels come first: every timer of level n + 1 fires after the present slot of that
  // level is over, and level n lies within the present slot.
  for (std::uint32_t level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const auto place = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
    const std::uint32_t shift = level * kSlotBits;
    const std::uint64_t base = tick_ >> (shift + kSlotBits) << (shift + kSlotBits);
    return std::max(base + (place << shift), tick_);
  }
  return ~std::uint64_t{0};
}

// The present tick has entered the first occupied slot of some level: its timers move down.
void TimerWheel::Cascade() {
  for (std::uint32_t level = 1; level < kLevels; ++level) {
    const auto place = static_cast<std::uint32_t>(tick_ >> (level * kSlotBits)) & (kSlots - 1);
    const std::uint32_t slot = level * kSlots + place;
    std::uint32_t owner = heads_[slot];
    if (owner == kNone) continue;
    heads_[slot] = kNone;
    occupied_[level] &= ~(std::uint64_t{1} << place);
    while (owner != kNone) {
      const std::uint32_t next = links_[owner].next;
      links_[owner].slot = kNone;
      Insert(owner);
      owner = next;
    }
  }
}

std::optional<std::uint32_t> TimerWheel::Pop(Time now) {
  const std::uint64_t present = TickOf(now);
  for (;;) {
    const std::uint64_t next = NextTick();
    if (next > present) {
      // Nothing occupied lies between: every timer keeps its place relative to the present.
      if (present > tick_ && next == ~std::uint64_t{0}) tick_ = present;
      return std::nullopt;
    }
    tick_ = next;
    Cascade();
    const std::uint32_t owner = heads_[tick_ & (kSlots - 1)];
    if (owner == kNone) continue;
    Unlink(owner);
    return owner;
  }
}

Time TimerWheel::Deadline() const {
  const std::uint64_t next = NextTick();
  if (next >= std::uint64_t{1} << (63 - kTickShift)) return kNever;
  return Time(Duration(static_cast<std::int64_t>(next << kTickShift)));
}

}  // namespace slipway
