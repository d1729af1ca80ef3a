// SPDX-License-Identifier: Apache-2.0
//
// RACK (RFC 8985 section 6): a segment is lost when one sent sufficiently later was delivered. It
// works on the scoreboard's runs; the tail loss probe (section 7) is timers.cc's and send.cc's.
//
// Deviations: a run of segments shares the time of its last (scoreboard.h), and of what one ACK
// delivers only the run sent last is looked at; min_RTT is that of the whole connection, which
// lasts minutes.
#pragma once

#include <cstdint>

#include "protocols/tcp/rtt.h"
#include "protocols/tcp/scoreboard.h"

namespace slipway::tcp {

class Rack {
 public:
  static constexpr std::uint32_t kDuplicateThreshold = 3;  // DupThresh

  // Steps 1 to 3, for one ACK. `echo_is_older`: its timestamp shows that it does not answer the
  // second transmission of what it delivers.
  void Delivered(const Scoreboard::Delivered& delivered, const Rtt& rtt, bool echo_is_older,
                 Time now);
  // Step 4's share of D-SACK (RFC 2883): a retransmission was needless.
  void NeedlessResend(std::uint64_t una, std::uint64_t nxt);
  // A recovery, fast or after a timeout, is over.
  void LeftRecovery();

  struct View {
    const Rtt& rtt;
    bool recovering;
    std::uint32_t mss;
  };
  // Steps 4 and 5: marks what is lost now; Sweep::latest + timeout() is when to look again.
  Scoreboard::Sweep DetectLosses(Scoreboard& board, const View& view, Time now);
  // How long after its transmission something is given up, as of the last DetectLosses.
  Duration timeout() const { return rtt_ + window_; }
  bool reordering_seen() const { return reordering_; }
  Duration window() const { return window_; }

 private:
  static constexpr std::uint8_t kPersistRecoveries = 16;
  static constexpr std::uint8_t kMultiplierMax = 32;  // the window never exceeds SRTT anyway

  Duration ReorderingWindow(const Scoreboard& board, const View& view) const;

  Time sent_{};                    // RACK.xmit_ts
  std::uint64_t end_ = 0;          // RACK.end_seq
  std::uint64_t forward_ = 0;      // RACK.fack: one past the highest byte ever delivered
  std::uint64_t dsack_round_ = 0;  // 0: none
  Duration rtt_{};                 // RACK.rtt
  Duration window_{};              // RACK.reo_wnd
  std::uint8_t multiplier_ = 1;
  std::uint8_t persist_ = kPersistRecoveries;
  bool reordering_ = false;
};

}  // namespace slipway::tcp
