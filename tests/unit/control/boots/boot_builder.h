// SPDX-License-Identifier: Apache-2.0
//
// Boots made of events, as a worker would send them, a second apart.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "control/boots/timelines.h"

namespace slipway::control {

inline constexpr MacAddress kMachine{{0x52, 0x54, 0, 0, 0, 1}};
inline constexpr std::int64_t kSecond = 1'000'000'000;

struct Happened {
  dataplane::EventKind kind;
  std::int64_t number = 0;
  std::int64_t extra = 0;
  std::string text = {};
  std::uint64_t connection = 0;
};

inline dataplane::Event EventOf(const Happened& happened, std::int64_t now, MacAddress mac) {
  dataplane::Event event;
  event.unix_nanoseconds = now;
  event.kind = happened.kind;
  event.number = happened.number;
  event.extra = happened.extra;
  event.connection = happened.connection;
  event.mac = mac;
  event.set_text(happened.text);
  return event;
}

class Teller {
 public:
  void Tell(const Happened& happened, MacAddress mac = kMachine) {
    timelines.Take(EventOf(happened, now += kSecond, mac));
  }
  void Tell(std::initializer_list<Happened> all) {
    for (const Happened& happened : all) Tell(happened);
  }
  std::vector<Boot> boots() const { return timelines.Of(kMachine); }

  std::int64_t now = 1'790'000'000 * kSecond;
  BootTimelines timelines{{}, [](Ipv4Address) { return std::optional<MacAddress>(); }};
};

}  // namespace slipway::control
