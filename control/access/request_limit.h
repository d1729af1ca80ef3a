// SPDX-License-Identifier: Apache-2.0
//
// RequestLimit: how many requests a second a token, a certificate, or an address without either may
// make of the management interface, so that one script in a loop leaves the threads to others.
//
// A reserve of ten seconds' worth may be taken at once, as a page that opens or a command that
// pages does. Bounded: when the table is full, whoever was quiet the longest is forgotten. Time is
// an argument; calls take turns behind one mutex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "protocols/base/time.h"
#include "protocols/base/token_bucket.h"

namespace slipway::control {

class RequestLimit {
 public:
  static constexpr std::uint32_t kReserveSeconds = 10;
  static constexpr std::size_t kSourcesMax = 4096;

  // 0: no limit, and nothing is remembered.
  explicit RequestLimit(std::uint32_t per_second) : per_second_(per_second) {}

  // Whether `who` may make one more request now; if so, it is taken. Names of tokens and addresses
  // are to be told apart by whoever calls.
  bool Take(const std::string& who, Time now);

  std::uint64_t refused() const;
  std::size_t size() const;

 private:
  struct Source {
    TokenBucket bucket;
    Time last;
  };
  void MakeRoom();

  const std::uint32_t per_second_;
  mutable std::mutex mutex_;  // what follows
  std::unordered_map<std::string, Source> sources_;
  std::uint64_t refused_ = 0;
};

}  // namespace slipway::control
