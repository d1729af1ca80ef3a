// SPDX-License-Identifier: Apache-2.0
//
// RealTime: the calling thread runs at real-time priority (SCHED_FIFO) while this lives, where the
// process may ask for it: what else the machine does would be counted as ours.
//
// For loops that spin on a core of their own, and for nothing else. A whole process at that
// priority (chrt) can hang where DPDK starts a thread and sleeps a microsecond at a time until it
// runs: the sleeper's timers leave the new thread no turn (seen with net_vhost on a busy machine).
#pragma once

#include <pthread.h>
#include <sched.h>

namespace slipway::bench {

class RealTime {
 public:
  RealTime() {
    if (pthread_getschedparam(pthread_self(), &policy_before_, &before_) != 0) return;
    constexpr int kPriority = 10;
    const sched_param wanted{.sched_priority = kPriority};
    raised_ = pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted) == 0;
  }
  ~RealTime() {
    if (raised_) pthread_setschedparam(pthread_self(), policy_before_, &before_);
  }
  RealTime(const RealTime&) = delete;
  RealTime& operator=(const RealTime&) = delete;

 private:
  int policy_before_ = SCHED_OTHER;
  sched_param before_{};
  bool raised_ = false;
};

}  // namespace slipway::bench
