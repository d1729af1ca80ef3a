// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/ethernet.h"

#include "protocols/base/check.h"
#include "protocols/wire/view.h"

namespace slipway::ethernet {
namespace {

constexpr std::uint16_t kVlanIdMask = 0x0fff;
constexpr std::uint16_t kVlanIdReserved = 0x0fff;  // 802.1Q table 9-2

}  // namespace

Parsed<Frame> ParseFrame(Bytes frame, std::optional<VlanId> stripped) {
  const auto* layout = Take<WireHeader>(frame);
  if (layout == nullptr) return Drop::kEthernetTruncated;
  Header header{.destination = MacAddress{layout->destination},
                .source = MacAddress{layout->source},
                .type = EtherType(layout->type),
                .vlan = stripped};
  if (!header.source.is_station()) return Drop::kEthernetSourceInvalid;
  if (!stripped && header.type == kVlan) {
    const auto* tag = Take<WireTag>(frame);
    if (tag == nullptr) return Drop::kVlanTruncated;
    header.vlan = VlanId(tag->control & kVlanIdMask);
    header.type = EtherType(tag->type);
  }
  if (header.vlan == VlanId(kVlanIdReserved)) return Drop::kVlanNotOurs;
  if (header.vlan == VlanId(0)) header.vlan.reset();
  return Frame{header, frame};
}

std::size_t EmitHeader(const Header& header, MutableBytes out) {
  auto* layout = Place<WireHeader>(out);
  SLIPWAY_CHECK(layout != nullptr);
  layout->destination = header.destination.octets;
  layout->source = header.source.octets;
  layout->type = header.vlan ? kVlan.value() : header.type.value();
  if (header.vlan) {
    auto* tag = Place<WireTag>(out);
    SLIPWAY_CHECK(tag != nullptr);
    tag->control = header.vlan->value();
    tag->type = header.type.value();
  }
  return header.size();
}

}  // namespace slipway::ethernet
