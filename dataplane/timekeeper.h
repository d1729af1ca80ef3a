// SPDX-License-Identifier: Apache-2.0
//
// Timekeeper: the seam by which a worker learns what the wall clock shows. Asked in its
// housekeeping, ten times a second, never for a packet: in between the worker counts on by itself
// (protocols/base/wall_clock.h). Each worker has its own, so nothing here is shared.
#pragma once

#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::dataplane {

class Timekeeper {
 public:
  virtual ~Timekeeper() = default;
  // Unix time at `now`, which is the worker's round or, before the first, Time{}.
  virtual std::int64_t UnixNanoseconds(Time now) = 0;
};

// Where the time of rounds is made up (tests, the simulator, benches), the wall clock goes with it.
class VirtualTimekeeper final : public Timekeeper {
 public:
  explicit VirtualTimekeeper(std::int64_t unix_nanoseconds_at_zero)
      : at_zero_(unix_nanoseconds_at_zero) {}
  std::int64_t UnixNanoseconds(Time now) override {
    return at_zero_ + now.time_since_epoch().count();
  }
  // As when NTP sets the clock of a machine.
  void Step(Duration by) { at_zero_ += by.count(); }

 private:
  std::int64_t at_zero_;
};

}  // namespace slipway::dataplane
