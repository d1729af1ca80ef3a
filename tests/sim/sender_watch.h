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
#include <utility>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"

namespace slipway::sim {

class SenderWatch {
 public:
  SenderWatch(World& world, Station& server) : server_(server) {
    world.on_departure = [this, next = std::move(world.on_departure)](World::Side from,
                                                                      Bytes frame) {
      if (next) next(from, frame);
      if (from == World::kServer) Left();
    };
    world.after_step = [this, next = std::move(world.after_step)] {
      if (next) next();
      unarmed_ += TimerIsArmed(server_) ? 0U : 1U;
    };
  }

  std::uint64_t beyond_congestion_window() const { return beyond_congestion_window_; }
  std::uint64_t beyond_peer_window() const { return beyond_peer_window_; }
  std::uint64_t unarmed() const { return unarmed_; }
  std::uint64_t violations() const {
    return beyond_congestion_window_ + beyond_peer_window_ + unarmed_;
  }

 private:
  void Left() {
    if (!server_.host().Alive(server_.connection())) return;
    const tcp::Info info = server_.host().Info(server_.connection());
    if (!tcp::IsSynchronized(info.state)) return;
    const std::uint64_t sent = info.acknowledged + info.outstanding;
    if (sent <= sent_) return;           // nothing new in it
    const bool text = sent > sent_ + 1;  // more than a FIN or a probe
    sent_ = sent;
    if (!text) return;
    if (info.in_flight > info.congestion_window + 2U * info.mss) ++beyond_congestion_window_;
    if (info.outstanding > std::uint64_t{info.peer_window} + 1) ++beyond_peer_window_;
  }

  Station& server_;
  std::uint64_t sent_ = 0;
  std::uint64_t beyond_congestion_window_ = 0;
  std::uint64_t beyond_peer_window_ = 0;
  std::uint64_t unarmed_ = 0;
};

}  // namespace slipway::sim
