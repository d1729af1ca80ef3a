// SPDX-License-Identifier: Apache-2.0
//
// ValueRing: small values from one thread to one other (rte_ring). Neither waits for the other.
#pragma once

#include <rte_memory.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {

template <class T>
class ValueRing {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0,
                "rte_ring copies 4-byte words");
  // It copies words of 8 and 16 bytes as such, and elements of any other size by 4 bytes: so a
  // value is some of the largest words it is aligned to (measured: 109 instead of 175 instructions
  // for 168 bytes).
  static constexpr unsigned kWord = std::clamp(unsigned{alignof(T)}, 4U, 16U);
  static constexpr unsigned kWords = sizeof(T) / kWord;

 public:
  // `name` is unique in the process, at most 27 characters.
  ValueRing(const std::string& name, unsigned capacity)
      : ring_(rte_ring_create_elem(name.c_str(), kWord, capacity * kWords, SOCKET_ID_ANY,
                                   RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ)) {
    SLIPWAY_CHECK(ring_ != nullptr);
  }
  ~ValueRing() { rte_ring_free(ring_); }
  ValueRing(const ValueRing&) = delete;
  ValueRing& operator=(const ValueRing&) = delete;

  // False when it is full.
  bool Push(const T& value) {
    const bool pushed = rte_ring_sp_enqueue_bulk_elem(ring_, &value, kWord, kWords, nullptr) != 0;
    FetchNext();
    return pushed;
  }
  // Fills `out` from the front; returns how many.
  std::size_t Pop(std::span<T> out) {
    const auto words = static_cast<unsigned>(out.size() * kWords);
    return rte_ring_sc_dequeue_burst_elem(ring_, out.data(), kWord, words, nullptr) / kWords;
  }

 private:
  // Where the next value goes: whoever read what was there has its lines. Values stand right behind
  // the ring's own fields (rte_ring_elem_pvt.h), on a line's beginning; of one that goes on at the
  // ring's beginning only the first part is asked for.
  void FetchNext() {
    constexpr std::size_t kLine = 64;
    const std::size_t at = (ring_->prod.head & ring_->mask) * std::size_t{kWord};
    const std::size_t end = std::min(at + sizeof(T), ring_->size * std::size_t{kWord});
    auto* const values = static_cast<std::uint8_t*>(static_cast<void*>(ring_ + 1));
    FetchToWrite({values + at / kLine * kLine, end - at / kLine * kLine});
  }

  rte_ring* ring_;
};

}  // namespace slipway::dataplane
