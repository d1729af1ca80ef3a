// SPDX-License-Identifier: Apache-2.0
#include "dataplane/distribution.h"

#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

constexpr std::uint16_t kFragmentMask = 0x3fff;  // more fragments, or an offset

}  // namespace

std::uint32_t SymmetricHash(const FlowKey& flow) {
  // Sum and exclusive-or are both symmetric; together they keep pairs apart that one would fold.
  const std::uint64_t a = flow.source.value() ^ std::uint64_t{flow.source_port} << 32;
  const std::uint64_t b = flow.destination.value() ^ std::uint64_t{flow.destination_port} << 32;
  std::uint64_t hash = (a ^ b) * 0x9e3779b97f4a7c15 + (a + b);
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;  // SplitMix64's finish
  hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(hash >> 32);
}

std::optional<FlowKey> FlowOf(Bytes frame) {
  const auto* const header = Take<ethernet::WireHeader>(frame);
  if (header == nullptr) return std::nullopt;
  std::uint16_t type = header->type;
  if (type == ethernet::kVlan.value()) {
    const auto* const tag = Take<ethernet::WireTag>(frame);
    if (tag == nullptr) return std::nullopt;
    type = tag->type;
  }
  if (type != ethernet::kIpv4.value()) return std::nullopt;
  const Bytes packet = frame;
  const auto* const ip = Take<ipv4::WireHeader>(frame);
  if (ip == nullptr || ip->protocol != ipv4::kTcp.value()) return std::nullopt;
  if ((ip->fragment & kFragmentMask) != 0) return std::nullopt;
  const std::size_t network = std::size_t{4} * (ip->version_and_length & 0xf);
  if (network < ipv4::kHeaderSize || packet.size() < network + 4) return std::nullopt;
  Reader ports(packet.subspan(network, 4));
  FlowKey flow{.source = Ipv4Address(ip->source), .destination = Ipv4Address(ip->destination)};
  flow.source_port = ports.U16();
  flow.destination_port = ports.U16();
  return flow;
}

unsigned Owner(Bytes frame, unsigned workers) {
  if (workers <= 1) return 0;
  const auto flow = FlowOf(frame);
  if (!flow) return 0;
  // The high bits decide, scaled: no modulo, and even for any number of workers.
  return static_cast<unsigned>(std::uint64_t{SymmetricHash(*flow)} * workers >> 32);
}

}  // namespace slipway::dataplane
