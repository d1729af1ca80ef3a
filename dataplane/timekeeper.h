// SPDX-License-Identifier: Apache-2.0
//
// Timekeeper: the seam by which a worker learns what the wall clock shows. Asked in its
// housekeeping, ten times a second, never for a packet: in between the worker counts on by itself
// (protocols/base/wall_clock.h). Each worker has its own, so nothing here is shared. A capture asks
// for each burst besides, as rounds of workers overlap and frames are handed from one to the other.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::dataplane {

class Timekeeper {
 public:
  virtual ~Timekeeper() = default;
  // Unix time at `now`, which is the worker's round or, before the first, Time{}.
  virtual std::int64_t UnixNanoseconds(Time now) = 0;
  // The time by now, in the round that began at `round`. Later than what another worker was told
  // before it handed something over, as far as two clocks agree.
  virtual Time Within(Time round) = 0;
};

// Where the time of rounds is made up (tests, the simulator, benches), the wall clock goes with it.
class VirtualTimekeeper final : public Timekeeper {
 public:
  explicit VirtualTimekeeper(std::int64_t unix_nanoseconds_at_zero)
      : at_zero_(unix_nanoseconds_at_zero) {}
  std::int64_t UnixNanoseconds(Time now) override {
    return at_zero_ + now.time_since_epoch().count();
  }
  // No time passes in a round, but one look comes after the other.
  Time Within(Time round) override {
    looked_ = std::max(round, looked_ + Duration(1));
    return looked_;
  }
  // As when NTP sets the clock of a machine.
  void Step(Duration by) { at_zero_ += by.count(); }

 private:
  std::int64_t at_zero_;
  Time looked_{};
};

}  // namespace slipway::dataplane
