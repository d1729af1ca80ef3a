// SPDX-License-Identifier: Apache-2.0
//
// ValueRing: small values from one thread to one other (rte_ring). Neither waits for the other.
#pragma once

#include <rte_memory.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "protocols/base/check.h"

namespace slipway::dataplane {

template <class T>
class ValueRing {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0,
                "rte_ring copies 4-byte words");

 public:
  // `name` is unique in the process, at most 27 characters.
  ValueRing(const std::string& name, unsigned capacity)
      : ring_(rte_ring_create_elem(name.c_str(), sizeof(T), capacity, SOCKET_ID_ANY,
                                   RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ)) {
    SLIPWAY_CHECK(ring_ != nullptr);
  }
  ~ValueRing() { rte_ring_free(ring_); }
  ValueRing(const ValueRing&) = delete;
  ValueRing& operator=(const ValueRing&) = delete;

  // False when it is full.
  bool Push(const T& value) {
    return rte_ring_sp_enqueue_elem(ring_, Words(value), sizeof(T)) == 0;
  }
  // Fills `out` from the front; returns how many.
  std::size_t Pop(std::span<T> out) {
    return rte_ring_sc_dequeue_burst_elem(ring_, out.data(), sizeof(T),
                                          static_cast<unsigned>(out.size()), nullptr);
  }

 private:
  // rte_ring takes a mutable pointer and only reads from it.
  static void* Words(const T& value) { return const_cast<T*>(&value); }

  rte_ring* ring_;
};

}  // namespace slipway::dataplane
