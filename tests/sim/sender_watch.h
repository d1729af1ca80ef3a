// SPDX-License-Identifier: Apache-2.0
//
// What must hold of a sender, as seen from inside it, whenever a frame leaves: new text stays
// within the congestion window (and the two segments more of RFC 3042, one of which a tail loss
// probe may be) and within the window that the peer grants now (but for a probe of one byte); and
// something is armed while text is outstanding. What an outsider sees is oracle.h's.
//
// Make it after the Oracle: it goes on to whoever watched the world before.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"

namespace slipway::sim {

class SenderWatch {
 public:
  // What the sender says of its connection; nothing where there is none.
  using Account = std::function<std::optional<tcp::Info>()>;
  struct Counts {
    std::uint64_t beyond_congestion_window = 0;
    std::uint64_t beyond_peer_window = 0;
    std::uint64_t unarmed = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  SenderWatch(World& world, Account account) : account_(std::move(account)) {
    world.on_departure = [this, next = std::move(world.on_departure)](World::Side from,
                                                                      Bytes frame) {
      if (next) next(from, frame);
      if (from == World::kServer) Left();
    };
    world.after_step = [this, next = std::move(world.after_step)] {
      if (next) next();
      const auto info = account_();
      counts_.unarmed += !info || TimerIsArmed(*info) ? 0U : 1U;
    };
  }
  SenderWatch(World& world, Station& server)
      : SenderWatch(world, [&server] { return InfoOf(server); }) {}

  const Counts& counts() const { return counts_; }
  std::uint64_t beyond_congestion_window() const { return counts_.beyond_congestion_window; }
  std::uint64_t beyond_peer_window() const { return counts_.beyond_peer_window; }
  std::uint64_t unarmed() const { return counts_.unarmed; }
  std::uint64_t violations() const {
    return beyond_congestion_window() + beyond_peer_window() + unarmed();
  }

 private:
  void Left() {
    const auto info = account_();
    if (!info || !tcp::IsSynchronized(info->state)) return;
    const std::uint64_t sent = info->acknowledged + info->outstanding;
    if (sent <= sent_) return;           // nothing new in it
    const bool text = sent > sent_ + 1;  // more than a FIN or a probe
    sent_ = sent;
    if (!text) return;
    if (info->in_flight > info->congestion_window + 2U * info->mss) {
      ++counts_.beyond_congestion_window;
    }
    if (info->outstanding > std::uint64_t{info->peer_window} + 1) ++counts_.beyond_peer_window;
  }

  Account account_;
  std::uint64_t sent_ = 0;
  Counts counts_;
};

}  // namespace slipway::sim
