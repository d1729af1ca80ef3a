// SPDX-License-Identifier: Apache-2.0
//
// Proportional rate reduction (RFC 9937, which replaces RFC 6937): how much may leave on each ACK
// of a fast recovery, for peers that select. The window ends at ssthresh whatever was lost, and
// what leaves is clocked by what arrives. Of the two ways to come back to ssthresh from below, slow
// start is taken while each ACK shows progress and no further loss (SafeACK), else packet
// conservation.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slipway::tcp {

class Prr {
 public:
  // RecoverFS: what was in flight when the loss was found.
  void Begin(std::uint64_t flight) {
    recover_flight_ = std::max<std::uint64_t>(flight, 1);
    delivered_ = out_ = 0;
  }
  void Sent(std::uint64_t bytes) { out_ += bytes; }

  struct Ack {
    std::uint64_t delivered;  // newly
    std::uint64_t flying;
    std::uint64_t threshold;
    std::uint32_t mss;
    bool safe;  // una advanced, and it told of no further loss
  };
  // The congestion window until the next ACK.
  std::uint64_t Window(const Ack& ack) {
    delivered_ += ack.delivered;
    std::uint64_t budget = 0;
    if (ack.flying > ack.threshold) {
      const std::uint64_t share =
          (delivered_ * ack.threshold + recover_flight_ - 1) / recover_flight_;
      budget = share > out_ ? share - out_ : 0;
    } else {
      budget = std::max(delivered_ > out_ ? delivered_ - out_ : 0, ack.delivered);
      if (ack.safe) budget += ack.mss;
      budget = std::min(ack.threshold - ack.flying, budget);
    }
    if (out_ == 0) budget = std::max<std::uint64_t>(budget, ack.mss);  // the fast retransmit
    return ack.flying + budget;
  }

 private:
  std::uint64_t recover_flight_ = 1;
  std::uint64_t delivered_ = 0;  // prr_delivered
  std::uint64_t out_ = 0;        // prr_out
};

}  // namespace slipway::tcp
