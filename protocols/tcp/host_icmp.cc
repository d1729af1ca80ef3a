// SPDX-License-Identifier: Apache-2.0
//
// What routers say of a connection by ICMP. Anybody can write such a message, so it counts only
// about what is in flight, and ends nothing.
#include <algorithm>
#include <array>

#include "protocols/tcp/host.h"
#include "protocols/tcp/recovery.h"

namespace slipway::tcp {
namespace {

// RFC 1191 7.1: where paths are known to narrow.
constexpr std::array<std::uint16_t, 9> kPlateaus = {65535, 32000, 17914, 8166, 4352,
                                                    2002,  1492,  1006,  508};
constexpr std::uint16_t kHeaders = 40;  // IPv4 and TCP without options

std::uint16_t LowerPlateau(std::uint16_t mtu) {
  for (const std::uint16_t plateau : kPlateaus) {
    if (plateau < mtu) return plateau;
  }
  return kPlateaus.back();
}

}  // namespace

// The connection that an ICMP message is about. A forger does not know what is in flight (RFC 5927
// 4.1).
std::optional<std::uint32_t> Host::FindQuoted(const FourTuple& tuple, SeqNum seq) const {
  const auto same = [&](std::uint32_t i) { return connections_[i].tuple == tuple; };
  const auto index = table_.Find(tuple, same);
  if (!index) return std::nullopt;
  const Connection& c = connections_[*index];
  const auto flight = static_cast<std::uint32_t>(c.outstanding());
  if (!IsSynchronized(c.state) || !seq.InWindow(c.At(c.send.una), flight)) return std::nullopt;
  return index;
}

void Host::Unreachable(const FourTuple& tuple, SeqNum seq) {
  if (const auto index = FindQuoted(tuple, seq)) {
    connections_[*index].unreachable_at = connections_[*index].send.una;
  }
}

void Host::PathMtu(const FourTuple& tuple, std::uint16_t mtu, SeqNum seq) {
  const auto index = FindQuoted(tuple, seq);
  if (!index) return;
  Connection& c = connections_[*index];
  if (mtu == 0) mtu = LowerPlateau(static_cast<std::uint16_t>(c.path_mss + kHeaders));
  const std::uint16_t mss = std::max<std::uint16_t>(
      mtu > kHeaders ? static_cast<std::uint16_t>(mtu - kHeaders) : 0, kMssMin);
  if (mss >= c.path_mss) return;
  c.path_mss = mss;
  UpdateMss(settings_, c);
  SendAgain(c);
  c.send.timed = kNoPosition;
  Ready(IdOf(*index));
}

}  // namespace slipway::tcp
