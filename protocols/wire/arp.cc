// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/arp.h"

#include "protocols/base/check.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/view.h"

namespace slipway::arp {
namespace {

constexpr std::uint16_t kHardwareEthernet = 1;
constexpr std::uint8_t kMacLength = 6;
constexpr std::uint8_t kIpv4Length = 4;

}  // namespace

Parsed<Packet> Parse(Bytes bytes) {
  const auto* layout = Take<WirePacket>(bytes);
  if (layout == nullptr) return Drop::kArpTruncated;
  if (layout->hardware_type != kHardwareEthernet || layout->hardware_length != kMacLength ||
      layout->protocol_type != ethernet::kIpv4.value() || layout->protocol_length != kIpv4Length) {
    return Drop::kArpNotIpv4OverEthernet;
  }
  const auto operation = static_cast<Operation>(layout->operation.value());
  if (operation != Operation::kRequest && operation != Operation::kReply) {
    return Drop::kArpOperationUnknown;
  }
  const Packet packet{.operation = operation,
                      .sender_mac = MacAddress{layout->sender_mac},
                      .sender_ip = Ipv4Address(layout->sender_ip),
                      .target_mac = MacAddress{layout->target_mac},
                      .target_ip = Ipv4Address(layout->target_ip)};
  const bool sender_possible = packet.sender_ip.is_answerable() || packet.is_probe();
  if (!packet.sender_mac.is_station() || !sender_possible) return Drop::kArpSenderInvalid;
  return packet;
}

std::size_t Emit(const Packet& packet, MutableBytes out) {
  auto* layout = Place<WirePacket>(out);
  SLIPWAY_CHECK(layout != nullptr);
  layout->hardware_type = kHardwareEthernet;
  layout->protocol_type = ethernet::kIpv4.value();
  layout->hardware_length = kMacLength;
  layout->protocol_length = kIpv4Length;
  layout->operation = static_cast<std::uint16_t>(packet.operation);
  layout->sender_mac = packet.sender_mac.octets;
  layout->sender_ip = packet.sender_ip.value();
  layout->target_mac = packet.target_mac.octets;
  layout->target_ip = packet.target_ip.value();
  return kPacketSize;
}

}  // namespace slipway::arp
