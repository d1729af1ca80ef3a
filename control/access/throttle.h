// SPDX-License-Identifier: Apache-2.0
//
// Throttle: a source address that shows wrong credentials again and again is not listened to for a
// while, and for twice as long the next time. What it is for is not guessing (2^256 tokens) but the
// cost of it and the noise: scanners, and scripts with an old token.
//
// Bounded: when the table is full, the address that was quiet the longest is forgotten. Time is an
// argument; calls take turns behind one mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace slipway::control {

struct ThrottleLimits {
  std::uint32_t failures = 10;  // within `window` they begin a lockout
  std::chrono::seconds window{60};
  std::chrono::seconds shortest{10};  // the first lockout; each next is twice as long
  std::chrono::seconds longest{900};  // also: quiet for so long is forgiven
  std::size_t addresses = 4096;
};

class Throttle {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Throttle(const ThrottleLimits& limits = {}) : limits_(limits) {}

  // How long the address is still locked out, at least one second; nullopt: it is not.
  std::optional<std::chrono::seconds> LockedFor(const std::string& address, Time now) const;
  // Counts a failure. True when it begins a lockout.
  bool Fail(const std::string& address, Time now);
  // Valid credentials: what was counted is forgotten, a lockout's length is not.
  void Succeed(const std::string& address);

  std::uint64_t failures() const;
  std::uint64_t lockouts() const;
  std::size_t size() const;

 private:
  struct Source {
    std::uint32_t failures = 0;
    std::uint32_t lockouts = 0;
    Time window_began;
    Time last;
    Time locked_until;
  };
  void MakeRoom(Time now);

  const ThrottleLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Source> sources_;
  std::uint64_t failures_ = 0;
  std::uint64_t lockouts_ = 0;
};

}  // namespace slipway::control
