// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/syn_cookie.h"

#include <algorithm>

namespace slipway::tcp {
namespace {

std::uint8_t MssIndex(std::uint16_t mss) {
  std::uint8_t index = 0;
  while (index + 1u < SynCookies::kMss.size() && SynCookies::kMss[index + 1u] <= mss) ++index;
  return index;
}

}  // namespace

CookieOptions SynCookies::Rounded(const CookieOptions& offered) {
  CookieOptions rounded = offered;
  // An offer below the smallest entry is kept to it; UpdateMss would not believe much less.
  rounded.mss = kMss[MssIndex(offered.mss)];
  if (rounded.window_scale)
    rounded.window_scale = std::min<std::uint8_t>(*offered.window_scale, 14);
  return rounded;
}

SynCookies::Period& SynCookies::Current(Time now) {
  const std::int64_t number = now.time_since_epoch() / kPeriod;
  Period& period = periods_[static_cast<std::size_t>(number & 1)];
  if (period.number != number) period = {.number = number, .key = SipKey::From(entropy_)};
  return period;
}

std::uint32_t SynCookies::Mac(const Period& period, const FourTuple& tuple, SeqNum peer_iss,
                              std::uint8_t low) {
  const std::uint64_t hash = SipHashOf<2>(
      period.key, {AddressesOf(tuple), PortsOf(tuple) << 32 | peer_iss.value()}, low, 17);
  return static_cast<std::uint32_t>(hash) & 0xffffff00;
}

SeqNum SynCookies::Make(const FourTuple& tuple, SeqNum peer_iss, const CookieOptions& options,
                        Time now) {
  const std::uint8_t scale =
      options.window_scale ? std::min<std::uint8_t>(*options.window_scale, 14) : kNoScale;
  const auto low = static_cast<std::uint8_t>(MssIndex(options.mss) << 6 | (options.ecn ? 32 : 0) |
                                             scale << 1 | (options.sack_permitted ? 1 : 0));
  return SeqNum(Mac(Current(now), tuple, peer_iss, low) | low);
}

std::optional<CookieOptions> SynCookies::Check(const FourTuple& tuple, SeqNum peer_iss,
                                               SeqNum cookie, Time now) {
  const std::int64_t number = now.time_since_epoch() / kPeriod;
  const auto low = static_cast<std::uint8_t>(cookie.value());
  for (const Period& period : periods_) {
    if (period.number < 0 || period.number + 1 < number) continue;
    if ((Mac(period, tuple, peer_iss, low) | low) != cookie.value()) continue;
    CookieOptions options{
        .mss = kMss[low >> 6], .sack_permitted = (low & 1) != 0, .ecn = (low & 32) != 0};
    const auto scale = static_cast<std::uint8_t>(low >> 1 & 15);
    if (scale != kNoScale) options.window_scale = scale;
    return options;
  }
  return std::nullopt;
}

}  // namespace slipway::tcp
