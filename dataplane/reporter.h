// SPDX-License-Identifier: Apache-2.0
//
// Reporter: how a worker's steps tell what happened. It counts drops, and stamps and pushes events.
// Events are for stories; whatever is counted is counted in WorkerStatistics as well.
#pragma once

#include "dataplane/event.h"
#include "dataplane/event_bounds.h"
#include "protocols/base/time.h"
#include "protocols/base/wall_clock.h"

namespace slipway::dataplane {

class Reporter {
 public:
  struct Target {
    EventQueue& events;
    unsigned worker = 0;
    const WallClock& wall;
  };

  explicit Reporter(const Target& target) : target_(target) {}

  // One of the things a step works on: passed on, or dropped under a name. Nothing counts a drop
  // but this, so that over all steps in == out + sum(drops).
  void Count(Step step, Drop drop) {
    StepCounters& counters = statistics.steps[static_cast<std::size_t>(step)];
    ++counters.in;
    if (drop == Drop::kNone) {
      ++counters.out;
    } else {
      statistics.drops.Count(drop);
    }
  }

  // Several of them that were passed on.
  void CountPassed(Step step, std::uint64_t count) {
    StepCounters& counters = statistics.steps[static_cast<std::size_t>(step)];
    counters.in += count;
    counters.out += count;
  }

  // Stamps `event` and tells it. What is told too often already is left out (event_bounds.h).
  void Tell(Event& event, Time now) {
    if (!bounds_.Allow(event.kind, now)) return;
    event.worker = static_cast<std::uint8_t>(target_.worker);
    event.unix_nanoseconds = target_.wall.UnixNanoseconds(now);
    if (!target_.events.Push(target_.worker, event)) ++statistics.events_lost;
  }

  WorkerStatistics statistics;

 private:
  Target target_;
  EventBounds bounds_;
};

}  // namespace slipway::dataplane
