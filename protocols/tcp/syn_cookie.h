// SPDX-License-Identifier: Apache-2.0
//
// SYN cookies (RFC 4987 3.6): an initial sequence number that is itself the half-open connection.
//
//     31                 8 7   6 5 4       1 0
//     | MAC (24 bits)     | mss |E| scale   | sack |   mss: an index into kMss; scale 15: none
//
// The MAC is keyed and covers the tuple, the peer's initial sequence number, the period and the
// low byte. Firmware sends no timestamps, so window scale, SACK-permitted and ECN (E) stand in the
// cookie itself; whether timestamps were negotiated shows in the ACK, which must then carry them.
//
// A period is 64 s with a key of its own; the present and the last one are believed, and only if a
// cookie was made in them. A blind guess succeeds once in 2^23 tries while cookies are being sent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocols/base/entropy.h"
#include "protocols/base/siphash.h"
#include "protocols/base/time.h"
#include "protocols/tcp/four_tuple.h"

namespace slipway::tcp {

struct CookieOptions {
  std::uint16_t mss = 0;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  bool ecn = false;
  friend bool operator==(const CookieOptions&, const CookieOptions&) = default;
};

class SynCookies {
 public:
  // The offers that a cookie can hold; a peer's is rounded down to one of them.
  static constexpr std::array<std::uint16_t, 4> kMss = {536, 1220, 1440, 1460};
  static constexpr Duration kPeriod = std::chrono::seconds(64);

  explicit SynCookies(Entropy& entropy) : entropy_(entropy) {}

  // Our initial sequence number for a SYN with this one.
  SeqNum Make(const FourTuple& tuple, SeqNum peer_iss, const CookieOptions& options, Time now);
  // What the cookie held, when it is one of ours for this tuple.
  std::optional<CookieOptions> Check(const FourTuple& tuple, SeqNum peer_iss, SeqNum cookie,
                                     Time now);
  // What of an offer a cookie remembers.
  static CookieOptions Rounded(const CookieOptions& offered);

 private:
  struct Period {
    std::int64_t number = -1;
    SipKey key;
  };
  static constexpr std::uint8_t kNoScale = 15;

  Period& Current(Time now);
  static std::uint32_t Mac(const Period& period, const FourTuple& tuple, SeqNum peer_iss,
                           std::uint8_t low);

  Entropy& entropy_;
  std::array<Period, 2> periods_{};
};

}  // namespace slipway::tcp
