// SPDX-License-Identifier: Apache-2.0
//
// TupleTable: FourTuple -> slab index, by open addressing with linear probing and deletion without
// tombstones. The hash is keyed (SipHash), so a peer cannot choose tuples that collide.
//
// The tuples themselves are in the slab; the table keeps 32 bits of the hash and asks `same(index)`
// only where these agree. At most half full, allocated once.
#pragma once

#include <bit>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "protocols/base/check.h"
#include "protocols/base/fetch.h"
#include "protocols/base/siphash.h"
#include "protocols/tcp/four_tuple.h"

namespace slipway::tcp {

class TupleTable {
 public:
  // `pages` gives the room, once, and outlives the table.
  TupleTable(std::uint32_t entries_max, SipKey key,
             std::pmr::memory_resource* pages = std::pmr::get_default_resource())
      : key_(key), slots_(std::bit_ceil(std::size_t{entries_max} * 2 + 2), pages) {}

  const SipKey& key() const { return key_; }
  std::uint32_t HashOf(const FourTuple& tuple) const {
    return static_cast<std::uint32_t>(Hash(key_, tuple));
  }

  // `same(index)`: does the slab's entry hold this tuple?
  template <class Same>
  std::optional<std::uint32_t> Find(const FourTuple& tuple, Same&& same) const {
    return FindHashed(HashOf(tuple), same);
  }
  // The same where the hash is at hand.
  template <class Same>
  std::optional<std::uint32_t> FindHashed(std::uint32_t hash, Same&& same) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.index == kEmpty) return std::nullopt;
      if (slot.hash == hash && same(slot.index)) return slot.index;
    }
  }

  // Asks the memory for where this hash is looked for first.
  void Fetch(std::uint32_t hash) const { FetchLineToRead(&slots_[hash & mask()]); }

  // The tuple must not be there.
  void Insert(const FourTuple& tuple, std::uint32_t index) {
    SLIPWAY_CHECK(size_ * 2 < slots_.size());
    const std::uint32_t hash = HashOf(tuple);
    std::size_t at = hash & mask();
    while (slots_[at].index != kEmpty) at = (at + 1) & mask();
    slots_[at] = {.hash = hash, .index = index};
    ++size_;
  }

  // The pair must be there.
  void Erase(const FourTuple& tuple, std::uint32_t index) {
    std::size_t hole = HashOf(tuple) & mask();
    while (slots_[hole].index != index) {
      SLIPWAY_CHECK(slots_[hole].index != kEmpty);
      hole = (hole + 1) & mask();
    }
    // Whoever was displaced over the hole moves into it (Knuth 6.4, algorithm R).
    for (std::size_t at = (hole + 1) & mask(); slots_[at].index != kEmpty; at = (at + 1) & mask()) {
      const std::size_t home = slots_[at].hash & mask();
      if (((at - home) & mask()) >= ((at - hole) & mask())) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole] = {};
    --size_;
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index = kEmpty;
  };
  std::size_t mask() const { return slots_.size() - 1; }

  SipKey key_;
  std::pmr::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace slipway::tcp
