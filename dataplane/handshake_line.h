// SPDX-License-Identifier: Apache-2.0
//
// HandshakeLine: whose handshake has its next step. Whoever can be kept waiting least comes first:
// a client of TLS 1.3 sends its request with its last message, and may be told to wait before its
// handshake, never after its request (DESIGN 2). Then those that have begun, whose patience runs;
// then those that have not. First come, first served among each.
//
// Not for ever: of the steps done while somebody of a later stage waits, one in kOneIn is of that
// stage, so peers that cut their messages into many records cannot keep others out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <optional>

#include "dataplane/application.h"
#include "protocols/base/time.h"
#include "protocols/tcp/host.h"

namespace slipway::dataplane {

class HandshakeLine {
 public:
  static constexpr std::size_t kOneIn = 8;

  std::size_t size() const {
    std::size_t size = 0;
    for (const Stage& stage : stages_) size += stage.places.size();
    return size;
  }
  void Push(tcp::ConnectionId id, WorkStage stage, Time now) {
    stages_[static_cast<std::size_t>(stage)].places.push_back({id, now});
  }
  // Since when somebody has waited who may go on; kNever when nobody does.
  Time WaitsSince(bool may_begin) const {
    Time since = kNever;
    for (const Stage& stage : stages_) {
      if (stage.places.empty() || (!may_begin && &stage == &stages_.back())) continue;
      since = std::min(since, stage.places.front().since);
    }
    return since;
  }
  // Nothing when it is empty, or all wait to begin and nobody may.
  std::optional<tcp::ConnectionId> Pop(bool may_begin) {
    Stage* next = nullptr;
    for (Stage& stage : stages_) {
      if (stage.places.empty() || (!may_begin && &stage == &stages_.back())) {
        stage.passed_over = 0;
        continue;
      }
      if (next == nullptr || ++stage.passed_over >= kOneIn) next = &stage;
    }
    if (next == nullptr) return std::nullopt;
    next->passed_over = 0;
    const tcp::ConnectionId id = next->places.front().id;
    next->places.pop_front();
    return id;
  }

 private:
  struct Place {
    tcp::ConnectionId id;
    Time since;
  };
  struct Stage {
    std::deque<Place> places;
    std::size_t passed_over = 0;  // steps of others while somebody of this one waited
  };

  std::array<Stage, kWorkStages> stages_;  // the most urgent first
};

}  // namespace slipway::dataplane
