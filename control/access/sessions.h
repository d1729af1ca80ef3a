// SPDX-License-Identifier: Apache-2.0
//
// Sessions: browsers that showed a token once. A session is another 256 random bits, which a cookie
// carries from then on, and may do what its token may, for as long as that token is valid: it knows
// the token by its hash and is looked up with it at each request.
//
// Held in memory only, as hashes: a restart signs everybody out. Bounded in time (twelve hours, and
// one hour without a request) and in count (of a token, and of all): a new one ends the one that
// was silent the longest. Time is an argument; calls take turns behind one mutex.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::control {

struct SessionLimits {
  std::int64_t lifetime = std::int64_t{12} * 3600;  // seconds, whatever it does
  std::int64_t silence = 3600;                      // seconds without a request
  std::size_t per_token = 16;
  std::size_t all = 1024;
};

class Sessions {
 public:
  explicit Sessions(const SessionLimits& limits = {}) : limits_(limits) {}

  struct Session {
    std::string token_sha256;
    std::int64_t began = 0;  // Unix seconds, as the other
    std::int64_t last_used = 0;
  };

  // Begins one for the token of this hash; its text for the cookie, empty where the system gives no
  // randomness.
  std::string Begin(std::string token_sha256, std::int64_t now);
  // The hash of its token, and it counts as used; nullopt: unknown, or over.
  std::optional<std::string> Find(std::string_view text, std::int64_t now);
  void End(std::string_view text);

  std::size_t size() const;
  const SessionLimits& limits() const { return limits_; }

 private:
  bool IsOver(const Session& session, std::int64_t now) const;
  void MakeRoom(const std::string& token_sha256, std::int64_t now);

  const SessionLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;  // by the hash of their text
};

}  // namespace slipway::control
