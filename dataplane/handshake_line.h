// SPDX-License-Identifier: Apache-2.0
//
// HandshakeLine: whose handshake has its next step. Those that have begun come before those that
// have not: a client of TLS 1.3 sends its request with its last message, and may be told to wait
// before its handshake, never after its request (DESIGN 2). First come, first served among either.
//
// Not for ever: while somebody waits to begin, one step in kBeginEvery is a beginning, so peers
// that cut their messages into many records cannot keep others out.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "protocols/tcp/host.h"

namespace slipway::dataplane {

class HandshakeLine {
 public:
  static constexpr std::size_t kBeginEvery = 8;

  std::size_t size() const { return begun_.size() + new_.size(); }
  void Push(tcp::ConnectionId id, bool has_begun) { (has_begun ? begun_ : new_).push_back(id); }
  // Nothing when it is empty, or all wait to begin and nobody may.
  std::optional<tcp::ConnectionId> Pop(bool may_begin) {
    const bool can_begin = may_begin && !new_.empty();
    if (can_begin && (begun_.empty() || steps_since_ + 1 >= kBeginEvery)) {
      steps_since_ = 0;
      return Take(new_);
    }
    if (begun_.empty()) return std::nullopt;
    steps_since_ = can_begin ? steps_since_ + 1 : 0;
    return Take(begun_);
  }

 private:
  static tcp::ConnectionId Take(std::deque<tcp::ConnectionId>& ids) {
    const tcp::ConnectionId id = ids.front();
    ids.pop_front();
    return id;
  }

  std::deque<tcp::ConnectionId> begun_;
  std::deque<tcp::ConnectionId> new_;
  std::size_t steps_since_ = 0;  // of those that have begun, since one began
};

}  // namespace slipway::dataplane
