// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/bare_ack.h"

#include <algorithm>
#include <cstring>

#include "protocols/base/check.h"
#include "protocols/wire/view.h"

namespace slipway::tcp {
namespace {

constexpr std::size_t kAlike = 8;  // ports and sequence number

// Nothing about this connection depends on which acknowledgment comes first.
bool MayJoin(const Connection& c, const Segment& first) {
  const SendState& s = c.send;
  return c.state == State::kEstablished && !c.sack && !c.timestamps &&
         s.recovery == Recovery::kOpen && s.duplicate_acks == 0 && !s.persisting &&
         !s.tail_probed && first.seq == c.receive.nxt;
}

}  // namespace

bool IsBareAck(Bytes segment) {
  return segment.size() == sizeof(TcpHeader) && segment[12] == sizeof(TcpHeader) / 4 << 4 &&
         segment[13] == tcp_flag::kAck;
}

bool AreAlike(Bytes ack, Bytes other) { return std::memcmp(ack.data(), other.data(), kAlike) == 0; }

BareAck ReadBareAck(Bytes segment) {
  const auto* const header = Take<TcpHeader>(segment);
  SLIPWAY_CHECK(header != nullptr);
  return {.ack = SeqNum(header->acknowledgment), .window = header->window};
}

JoinedAcks Join(const Connection& c, const Segment& first, std::span<const BareAck> later) {
  JoinedAcks joined;
  joined.widest = first.window;
  if (!MayJoin(c, first)) return joined;
  const std::uint64_t room = c.outstanding();
  std::uint64_t moved = 0;
  const auto step = [&](SeqNum from, SeqNum to) -> std::uint32_t {
    const auto bytes = static_cast<std::uint32_t>(to - from);  // backwards: a large number
    return moved + bytes <= room ? bytes : 0;
  };
  std::uint32_t bytes = step(c.At(c.send.una), first.ack);
  joined.last = {.ack = first.ack, .window = first.window};
  for (const BareAck& ack : later.first(std::min(later.size(), JoinedAcks::kMax))) {
    if (bytes == 0) break;
    moved += bytes;
    const std::uint32_t next = step(joined.last.ack, ack.ack);
    if (next == 0) break;
    joined.earlier[joined.count++] = bytes;
    joined.last = ack;
    joined.widest = std::max(joined.widest, ack.window);
    bytes = next;
  }
  return joined;
}

}  // namespace slipway::tcp
