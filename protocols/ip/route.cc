// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/route.h"

#include <algorithm>

namespace slipway::ip {

Routes::Routes(std::span<const Ipv4Prefix> addresses, std::optional<Ipv4Address> gateway)
    : addresses_(addresses.begin(), addresses.end()) {
  std::ranges::stable_sort(addresses_, std::ranges::greater(), &Ipv4Prefix::length);
  if (gateway) gateway_ = OnLink(*gateway);
}

std::optional<Hop> Routes::OnLink(Ipv4Address destination) const {
  const auto holds = [destination](const Ipv4Prefix& ours) { return ours.Contains(destination); };
  const auto found = std::ranges::find_if(addresses_, holds);
  if (found == addresses_.end()) return std::nullopt;
  return Hop{destination, found->address};
}

std::optional<Hop> Routes::Find(Ipv4Address destination) const {
  if (const auto hop = OnLink(destination)) return hop;
  return gateway_;
}

}  // namespace slipway::ip
