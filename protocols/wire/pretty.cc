// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/pretty.h"

#include <string_view>

#include "protocols/wire/arp.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"

namespace slipway {
namespace {

constexpr Port kDns{53};
constexpr Port kDhcpServer{67};
constexpr Port kDhcpClient{68};
constexpr Port kProxyDhcp{4011};

std::string Text(std::size_t number) { return std::to_string(number); }

std::string Refused(Drop drop) { return '[' + std::string(Describe(drop).name) + ']'; }

std::string Hexadecimal(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
  return text;
}

// The value of DHCP option 53 (RFC 2132 9.6) in words.
std::string DhcpType(Bytes message) {
  constexpr std::string_view kNames[] = {"?",   "DISCOVER", "OFFER",   "REQUEST", "DECLINE",
                                         "ACK", "NAK",      "RELEASE", "INFORM"};
  constexpr std::size_t kOptionsOffset = 240;
  Reader reader(message);
  reader.Skip(kOptionsOffset);
  while (reader.ok() && !reader.empty()) {
    const std::uint8_t code = reader.U8();
    if (code == 0) continue;
    if (code == 255) break;
    Reader value = reader.Narrow(reader.U8());
    if (code != 53) continue;
    const std::uint8_t type = value.U8();
    return ' ' + std::string(kNames[type < std::size(kNames) ? type : 0]);
  }
  return "";
}

std::string PrettyUdp(const ipv4::Packet& packet) {
  Reader reader(packet.payload);
  const Port source(reader.U16());
  const Port destination(reader.U16());
  const std::uint16_t length = reader.U16();
  reader.Skip(2);
  if (!reader.ok())
    return packet.source.ToString() + " > " + packet.destination.ToString() + " UDP " +
           Refused(Drop::kUdpTruncated);
  std::string text = packet.source.ToString() + ':' + Text(source.value()) + " > " +
                     packet.destination.ToString() + ':' + Text(destination.value()) + " UDP " +
                     Text(length < 8 ? 0U : length - 8U);
  const auto between = [&](Port port) { return source == port || destination == port; };
  if (between(kDhcpServer) || between(kDhcpClient) || between(kProxyDhcp)) {
    text += " DHCP" + DhcpType(reader.rest());
  } else if (between(kDns)) {
    text += " DNS";
  }
  return text;
}

std::string PrettyTcp(const ipv4::Packet& packet) {
  Reader reader(packet.payload);
  const std::uint16_t source = reader.U16();
  const std::uint16_t destination = reader.U16();
  const std::uint32_t sequence = reader.U32();
  const std::uint32_t acknowledgment = reader.U32();
  const std::size_t header = (reader.U8() >> 4) * std::size_t{4};
  const std::uint8_t flags = reader.U8();
  const std::uint16_t window = reader.U16();
  const std::string ends = packet.source.ToString() + ':' + Text(source) + " > " +
                           packet.destination.ToString() + ':' + Text(destination) + " TCP ";
  if (!reader.ok() || header > packet.payload.size()) return ends + Refused(Drop::kTcpTruncated);
  std::string letters;
  for (std::size_t bit = 0; bit < 8; ++bit) {
    if ((flags >> bit & 1) != 0) letters += "FSRPAUEC"[bit];
  }
  return ends + (letters.empty() ? "-" : letters) + " seq " + Text(sequence) + " ack " +
         Text(acknowledgment) + " win " + Text(window) + " len " +
         Text(packet.payload.size() - header);
}

std::string PrettyIcmp(const ipv4::Packet& packet) {
  const std::string ends = packet.source.ToString() + " > " + packet.destination.ToString();
  const auto message = icmp::Parse(packet.payload);
  if (!message) return ends + " ICMP " + Refused(message.drop());
  const std::string sequence = Text(message->argument & 0xffff);
  if (message->type == icmp::kEcho) return ends + " ICMP echo " + sequence;
  if (message->type == icmp::kEchoReply) return ends + " ICMP echo reply " + sequence;
  return ends + " ICMP " + Text(message->type.value()) + '/' + Text(message->code);
}

std::string PrettyIpv4(Bytes bytes) {
  const auto packet = ipv4::Parse(bytes);
  if (!packet) return Refused(packet.drop());
  const bool first = packet->fragment_offset == 0;
  const std::string fragment =
      packet->is_fragment()
          ? " fragment " + Text(packet->fragment_offset) + '+' + Text(packet->payload.size()) +
                (packet->more_fragments ? " of " : " last of ") + Text(packet->identification)
          : "";
  if (first && packet->protocol == ipv4::kUdp) return PrettyUdp(*packet) + fragment;
  if (first && packet->protocol == ipv4::kTcp) return PrettyTcp(*packet) + fragment;
  if (!packet->is_fragment() && packet->protocol == ipv4::kIcmp) return PrettyIcmp(*packet);
  return packet->source.ToString() + " > " + packet->destination.ToString() + " protocol " +
         Text(packet->protocol.value()) + fragment;
}

std::string PrettyArp(Bytes bytes) {
  const auto packet = arp::Parse(bytes);
  if (!packet) return Refused(packet.drop());
  const std::string sender = packet->sender_ip.ToString();
  const std::string target = packet->target_ip.ToString();
  if (packet->is_announcement()) return sender + " announced by " + packet->sender_mac.ToString();
  if (packet->is_probe()) return "probe " + target;
  if (packet->operation == arp::Operation::kRequest) return "who-has " + target + " tell " + sender;
  return sender + " is-at " + packet->sender_mac.ToString();
}

std::string PrettyIpv6(Bytes bytes) {
  Reader reader(bytes);
  reader.Skip(4);
  const std::uint16_t length = reader.U16();
  const std::uint8_t next = reader.U8();
  reader.Skip(1);
  const auto address = [&reader] {
    std::string text;
    for (int i = 0; i < 8; ++i) text += (i == 0 ? "" : ":") + Hexadecimal(reader.U16());
    return text;
  };
  const std::string source = address();
  const std::string destination = address();
  if (!reader.ok()) return "[truncated]";
  return source + " > " + destination + " next " + Text(next) + " len " + Text(length);
}

}  // namespace

std::string Pretty(Bytes bytes) {
  const auto frame = ethernet::ParseFrame(bytes);
  if (!frame) return Refused(frame.drop()) + ' ' + Text(bytes.size()) + " bytes";
  const ethernet::Header& header = frame->header;
  std::string text = header.source.ToString() + " > " + header.destination.ToString();
  if (header.vlan) text += " VLAN " + Text(header.vlan->value());
  if (header.type == ethernet::kIpv4) return text + " IPv4 " + PrettyIpv4(frame->payload);
  if (header.type == ethernet::kArp) return text + " ARP " + PrettyArp(frame->payload);
  if (header.type == ethernet::kIpv6) return text + " IPv6 " + PrettyIpv6(frame->payload);
  return text + " type 0x" + Hexadecimal(header.type.value()) + ' ' + Text(frame->payload.size()) +
         " bytes";
}

}  // namespace slipway
