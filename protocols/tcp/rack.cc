// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/rack.h"

#include <algorithm>

namespace slipway::tcp {

void Rack::Delivered(const Scoreboard::Delivered& delivered, const Rtt& rtt, bool echo_is_older,
                     Time now) {
  if (delivered.bytes == 0) return;
  if (delivered.lowest_once < forward_) reordering_ = true;
  forward_ = std::max(forward_, delivered.highest);
  const Duration sample = now - delivered.sent;
  // What answers the first transmission says nothing about the second.
  if (delivered.again && (echo_is_older || sample < rtt.minimum())) return;
  rtt_ = sample;
  if (delivered.sent > sent_ || (delivered.sent == sent_ && delivered.end > end_)) {
    sent_ = delivered.sent;
    end_ = delivered.end;
  }
}

void Rack::NeedlessResend(std::uint64_t una, std::uint64_t nxt) {
  if (dsack_round_ != 0 && una < dsack_round_) return;  // once a round trip
  dsack_round_ = nxt;
  multiplier_ = std::min<std::uint8_t>(static_cast<std::uint8_t>(multiplier_ + 1), kMultiplierMax);
  persist_ = kPersistRecoveries;
}

void Rack::LeftRecovery() {
  if (--persist_ != 0) return;
  multiplier_ = 1;
  persist_ = kPersistRecoveries;
}

Duration Rack::ReorderingWindow(const Scoreboard& board, const View& view) const {
  if (!reordering_) {
    if (view.recovering) return Duration{};
    if (board.held() > (kDuplicateThreshold - 1) * std::uint64_t{view.mss}) return Duration{};
  }
  return std::min(multiplier_ * view.rtt.minimum() / 4, view.rtt.smoothed());
}

Scoreboard::Sweep Rack::DetectLosses(Scoreboard& board, const View& view, Time now) {
  if (board.empty()) return {};
  window_ = ReorderingWindow(board, view);
  // In order, and everything that is left was sent later: nothing can be lost.
  const Scoreboard::Run& front = board.front();
  if (board.held() == 0 && front.sent() > sent_) return {};
  return board.LoseSentBefore(sent_, end_, now - rtt_ - window_);
}

}  // namespace slipway::tcp
