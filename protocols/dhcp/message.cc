// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/message.h"

#include "protocols/wire/view.h"

namespace slipway::dhcp {
namespace {

Bytes UpToNul(Bytes field) {
  return field.first(static_cast<std::size_t>(std::ranges::find(field, 0) - field.begin()));
}

}  // namespace

Parsed<Message> Parse(Bytes bytes, OptionScratch& scratch) {
  const auto* header = Take<DhcpHeader>(bytes);
  if (header == nullptr) return Drop::kDhcpTruncated;
  if (header->op != kDhcpBootRequest && header->op != kDhcpBootReply) return Drop::kDhcpNotRequest;
  Message message;
  message.mac = MacAddress::From(Bytes(header->chaddr).first(6));
  // Hardware type 1, Ethernet (RFC 1700).
  if (header->htype != 1 || header->hlen != 6 || !message.mac.is_station()) {
    return Drop::kDhcpHardwareType;
  }
  if (header->cookie != kDhcpMagicCookie) return Drop::kDhcpCookie;
  if (header->hops > Message::kHopsMax) return Drop::kDhcpHopsExceeded;
  if (const Drop drop = message.options.Read(*header, bytes, scratch); drop != Drop::kNone) {
    return drop;
  }
  const auto type = message.options.U8(DhcpOption::kMessageType);
  if (!type) return Drop::kDhcpTypeMissing;
  if (*type < 1 || *type > 8) return Drop::kDhcpTypeUnexpected;

  message.options_field = bytes;
  message.is_request = header->op == kDhcpBootRequest;
  message.type = static_cast<DhcpMessageType>(*type);
  message.hops = header->hops;
  message.xid = header->xid;
  message.secs = header->secs;
  message.flags = header->flags;
  message.ciaddr = Ipv4Address(header->ciaddr);
  message.yiaddr = Ipv4Address(header->yiaddr);
  message.siaddr = Ipv4Address(header->siaddr);
  message.giaddr = Ipv4Address(header->giaddr);
  if ((message.options.U8(DhcpOption::kOverload).value_or(0) & 1) == 0) {
    message.file = UpToNul(header->file);
  }
  return message;
}

Bytes Message::RelayValue(RelaySubOption code) const {
  Reader reader(options[DhcpOption::kRelayAgent]);
  while (!reader.empty()) {
    const std::uint8_t found = reader.U8();
    const Bytes value = reader.Take(reader.U8());
    if (!reader.ok()) return {};
    if (found == static_cast<std::uint8_t>(code)) return value;
  }
  return {};
}

std::optional<Ipv4Address> Message::RelayAddress(RelaySubOption code) const {
  const Bytes value = RelayValue(code);
  return value.size() == 4 ? std::optional(Ipv4Address(Reader(value).U32())) : std::nullopt;
}

}  // namespace slipway::dhcp
