// SPDX-License-Identifier: Apache-2.0
//
// EventBounds: how often a worker tells of what anybody on the wire brings about with one frame,
// under as many names as he likes. Told each time, it would fill the queue to the control plane at
// a hundred thousand frames a second, and the stories of machines that boot meanwhile would lose
// their steps. What is not told is counted all the same, as a frame and as a Drop.
//
// The numbers. Of each step of a boot before it has a connection, ten thousand machines that are
// switched on within a second are told whole (a boot whose DISCOVER is not told counts as the one
// before it): 768 at once and 16,384 a second, 32,768 of names, as firmware asks for A and AAAA.
// What is no step of a boot, or no news when it is repeated, has a few. All bursts together leave a
// quarter of the queue to what connections tell, which is bounded by their handshakes; the control
// plane empties it every 5 ms (control/daemon.cc). Each kind has its own, so that a flood of one
// hides nothing but its like.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>

#include "dataplane/event.h"
#include "protocols/base/token_bucket.h"

namespace slipway::dataplane {

inline constexpr unsigned kEventsPerWorker = 8192;  // the queue holds

struct EventBound {
  EventKind kind;
  std::uint32_t per_second;
  std::uint32_t burst;
};

inline constexpr EventBound kEventBounds[] = {
    {EventKind::kDhcpDiscover, 16384, 768},   {EventKind::kDhcpOffer, 16384, 768},
    {EventKind::kAdmissionWaits, 16384, 768}, {EventKind::kDhcpRequest, 16384, 768},
    {EventKind::kDhcpAck, 16384, 768},        {EventKind::kDhcpIgnored, 16384, 768},
    {EventKind::kDnsQuery, 32768, 768},       {EventKind::kDhcpNak, 512, 128},
    {EventKind::kDhcpOther, 512, 128},        {EventKind::kDhcpConflict, 64, 64},
    {EventKind::kArpAsked, 200, 200},         {EventKind::kTcpRefused, 20, 20},
    {EventKind::kAddressConflict, 10, 20},
};

constexpr std::uint32_t SumOfBursts() {
  std::uint32_t sum = 0;
  for (const EventBound& bound : kEventBounds) sum += bound.burst;
  return sum;
}
static_assert(SumOfBursts() <= kEventsPerWorker * 3 / 4);

class EventBounds {
 public:
  EventBounds() {
    for (const EventBound& bound : kEventBounds) {
      buckets_[static_cast<std::size_t>(bound.kind)].emplace(bound.per_second, bound.burst);
    }
  }

  // Whether one more of this kind is told now.
  bool Allow(EventKind kind, Time now) {
    auto& bucket = buckets_[static_cast<std::size_t>(kind)];
    return !bucket || bucket->Take(now);
  }

 private:
  std::array<std::optional<TokenBucket>, std::size(kEventDescriptions)> buckets_;
};

}  // namespace slipway::dataplane
