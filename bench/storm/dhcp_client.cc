// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/dhcp_client.h"

#include "protocols/dhcp/message.h"
#include "protocols/wire/view.h"

namespace slipway::storm {
namespace {

void Option(Writer& writer, DhcpOption code, Bytes value) {
  writer.U8(static_cast<std::uint8_t>(code));
  writer.U8(static_cast<std::uint8_t>(value.size()));
  writer.Put(value);
}

void Option(Writer& writer, DhcpOption code, std::uint16_t value) {
  writer.U8(static_cast<std::uint8_t>(code));
  writer.U8(2);
  writer.U16(value);
}

void Option(Writer& writer, DhcpOption code, Ipv4Address address) {
  writer.U8(static_cast<std::uint8_t>(code));
  writer.U8(4);
  writer.U32(address.value());
}

// Type 0, then the UUID in SMBIOS' order.
void MachineOption(const Identity& identity, Writer& writer) {
  std::array<std::uint8_t, 17> machine{};
  for (std::size_t i = 0; i < 16; ++i) {
    machine[1 + i] = identity.uuid.octets[Uuid::kSmbiosOrder[i]];
  }
  Option(writer, DhcpOption::kClientMachine, Bytes(machine));
}

void WriteChoice(const DhcpOffer& offer, Writer& writer) {
  Option(writer, DhcpOption::kServerIdentifier, offer.server);
  Option(writer, DhcpOption::kRequestedAddress, offer.address);
}

// In EDK II's order; a Linux client sends less of it.
void WriteUefiOptions(const DhcpAsk& ask, Writer& writer) {
  const Personality& personality = ask.personality;
  Option(writer, DhcpOption::kMaximumMessageSize, std::uint16_t{1472});
  Option(writer, DhcpOption::kParameterRequestList, personality.parameters);
  if (personality.says_architecture) {
    MachineOption(ask.identity, writer);
    constexpr std::array<std::uint8_t, 3> kUndi{1, 3, 0};
    Option(writer, DhcpOption::kClientInterface, Bytes(kUndi));
    Option(writer, DhcpOption::kClientArchitecture, personality.architecture);
  }
  if (!personality.vendor_class.empty()) {
    Option(writer, DhcpOption::kVendorClass, AsBytes(personality.vendor_class));
  }
}

// In iPXE's order. Its own options (175) say which card it is and what it was built with.
void WriteIpxeOptions(const DhcpAsk& ask, Writer& writer) {
  constexpr std::array<std::uint8_t, 3> kUndi{1, 3, 10};
  constexpr std::array<std::uint8_t, 45> kFeatures{
      0xb1, 0x05, 0x01, 0x1a, 0xf4, 0x10, 0x00, 0xeb, 0x03, 0x01, 0x00, 0x00, 0x26, 0x01, 0x01,
      0x17, 0x01, 0x01, 0x27, 0x01, 0x01, 0x24, 0x01, 0x01, 0x13, 0x01, 0x01, 0x14, 0x01, 0x01,
      0x11, 0x01, 0x01, 0x29, 0x01, 0x01, 0x1b, 0x01, 0x01, 0x15, 0x01, 0x01, 0x12, 0x01, 0x01};
  const Personality& personality = ask.personality;
  Option(writer, DhcpOption::kClientArchitecture, personality.architecture);
  Option(writer, DhcpOption::kClientInterface, Bytes(kUndi));
  Option(writer, DhcpOption::kVendorClass, AsBytes(personality.vendor_class));
  Option(writer, DhcpOption::kUserClass, AsBytes(personality.user_class));
  Option(writer, DhcpOption::kParameterRequestList, personality.parameters);
  Option(writer, DhcpOption::kIpxe, Bytes(kFeatures));
  std::array<std::uint8_t, 7> identifier{1};  // Ethernet, and the station
  static_cast<void>(Copy(ask.identity.mac.octets, MutableBytes(identifier).subspan(1)));
  Option(writer, DhcpOption::kClientIdentifier, Bytes(identifier));
  MachineOption(ask.identity, writer);
}

std::size_t WriteMessage(const DhcpAsk& ask, const DhcpOffer* offer, MutableBytes out) {
  MutableBytes rest = out;
  auto* header = Place<DhcpHeader>(rest);
  if (header == nullptr) return 0;
  const Personality& personality = ask.personality;
  *header = DhcpHeader{};
  header->op = kDhcpBootRequest;
  header->htype = 1;
  header->hlen = 6;
  header->xid = ask.xid;
  header->secs = ask.seconds;
  header->flags = personality.wants_broadcast ? kDhcpBroadcastFlag : std::uint16_t{0};
  static_cast<void>(Copy(ask.identity.mac.octets, header->chaddr));
  header->cookie = kDhcpMagicCookie;

  Writer writer(rest);
  const auto type = offer == nullptr ? DhcpMessageType::kDiscover : DhcpMessageType::kRequest;
  const std::array<std::uint8_t, 1> type_octet{static_cast<std::uint8_t>(type)};
  Option(writer, DhcpOption::kMessageType, Bytes(type_octet));
  if (personality.firmware == Firmware::kIpxe) {
    WriteIpxeOptions(ask, writer);
    if (offer != nullptr) WriteChoice(*offer, writer);
  } else {
    if (offer != nullptr) WriteChoice(*offer, writer);
    WriteUefiOptions(ask, writer);
  }
  writer.U8(static_cast<std::uint8_t>(DhcpOption::kEnd));
  const std::size_t size = sizeof(DhcpHeader) + writer.size();
  if (size >= kDhcpMessageSizeMin) return size;
  writer.Fill(kDhcpMessageSizeMin - size, 0);
  return kDhcpMessageSizeMin;
}

}  // namespace

std::size_t WriteDiscover(const DhcpAsk& ask, MutableBytes out) {
  return WriteMessage(ask, nullptr, out);
}

std::size_t WriteRequest(const DhcpAsk& ask, const DhcpOffer& offer, MutableBytes out) {
  return WriteMessage(ask, &offer, out);
}

std::optional<DhcpOffer> ReadDhcpAnswer(Bytes payload) {
  dhcp::OptionScratch scratch;
  const auto parsed = dhcp::Parse(payload, scratch);
  if (!parsed || parsed->is_request) return std::nullopt;
  const auto address_in = [&](DhcpOption code) {
    const Bytes value = parsed->options[code];
    return value.size() >= 4 ? Ipv4Address(Reader(value).U32()) : Ipv4Address();
  };
  DhcpOffer offer{.type = parsed->type,
                  .xid = parsed->xid,
                  .mac = parsed->mac,
                  .address = parsed->yiaddr,
                  .server = address_in(DhcpOption::kServerIdentifier),
                  .router = address_in(DhcpOption::kRouter),
                  .mask = address_in(DhcpOption::kSubnetMask),
                  .name_server = address_in(DhcpOption::kDomainNameServer),
                  .uri = {}};
  offer.is_http = AsText(parsed->options[DhcpOption::kVendorClass]).starts_with("HTTPClient");
  const Bytes file = parsed->options.Has(DhcpOption::kBootFile)
                         ? parsed->options[DhcpOption::kBootFile]
                         : parsed->file;
  offer.uri = AsText(file);
  while (!offer.uri.empty() && offer.uri.back() == '\0') offer.uri.pop_back();
  return offer;
}

}  // namespace slipway::storm
