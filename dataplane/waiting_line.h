// SPDX-License-Identifier: Apache-2.0
//
// WaitingLine: connections that stepped aside because their port had no room, first come first
// served. Its room is made at construction; whoever finds it full waits where it is.
#pragma once

#include <cstddef>
#include <vector>

#include "protocols/tcp/host.h"

namespace slipway::dataplane {

class WaitingLine {
 public:
  explicit WaitingLine(std::size_t capacity) : ids_(capacity) {}

  bool empty() const { return size_ == 0; }
  // False when it is full.
  [[nodiscard]] bool Push(tcp::ConnectionId id) {
    if (size_ == ids_.size()) return false;
    ids_[(first_ + size_++) % ids_.size()] = id;
    return true;
  }
  // Not on an empty one.
  tcp::ConnectionId Pop() {
    const tcp::ConnectionId id = ids_[first_];
    first_ = (first_ + 1) % ids_.size();
    --size_;
    return id;
  }

 private:
  std::vector<tcp::ConnectionId> ids_;  // a ring
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace slipway::dataplane
