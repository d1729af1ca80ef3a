// SPDX-License-Identifier: Apache-2.0
#include "protocols/icmp/responder.h"

#include <algorithm>

namespace slipway::icmp {
namespace {

constexpr std::uint16_t kMtuMin = 68;  // RFC 791 3.2
// RFC 1191 table 7-1.
constexpr std::uint16_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

std::uint16_t PlateauBelow(std::uint16_t length) {
  const auto* found = std::ranges::find_if(kPlateaus, [length](auto p) { return p < length; });
  return found == std::end(kPlateaus) ? kMtuMin : *found;
}

std::optional<Quoted> ReadQuote(Bytes body) {
  const auto packet = ipv4::ParseQuoted(body);
  if (!packet || packet->fragment_offset != 0) return std::nullopt;
  const bool is_tcp = packet->protocol == ipv4::kTcp;
  if (!is_tcp && packet->protocol != ipv4::kUdp) return std::nullopt;
  Reader reader(packet->payload);
  Quoted quoted{.protocol = packet->protocol,
                .local_address = packet->source,
                .local_port = Port(reader.U16()),
                .remote_address = packet->destination,
                .remote_port = Port(reader.U16())};
  const std::uint32_t third_word = reader.U32();
  if (is_tcp) quoted.sequence = third_word;
  if (!reader.ok()) return std::nullopt;
  return quoted;
}

}  // namespace

Responder::Outcome Responder::Receive(const Message& message, bool to_group, Time now) {
  if (message.type == kEcho) {
    if (to_group) return {.drop = Drop::kIcmpToGroup};
    if (!echoes_.Take(now)) return {.drop = Drop::kIcmpRateLimited};
    return {.reply = Message{
                .type = kEchoReply, .code = 0, .argument = message.argument, .body = message.body}};
  }
  if (message.type == kDestinationUnreachable && !to_group) return ReceiveUnreachable(message);
  return {.drop = Drop::kIcmpTypeIgnored};
}

Responder::Outcome Responder::ReceiveUnreachable(const Message& message) {
  const auto quoted = ReadQuote(message.body);
  if (!quoted) return {.drop = Drop::kIcmpQuoteInvalid};
  if (message.code != kFragmentationNeeded) {
    return {.unreachable = icmp::Unreachable{*quoted, message.code}};
  }
  Reader reader(message.body);
  reader.Skip(2);
  const std::uint16_t length = reader.U16();
  auto mtu = static_cast<std::uint16_t>(message.argument);
  if (mtu == 0) mtu = PlateauBelow(length);
  if (mtu < kMtuMin || mtu >= length) return {.drop = Drop::kIcmpQuoteInvalid};
  return {.path_mtu = PathMtu{*quoted, mtu}};
}

std::optional<Message> Responder::Unreachable(const ipv4::Packet& about, std::uint8_t code,
                                              Time now) {
  const bool about_group = about.destination.is_broadcast() || about.destination.is_multicast();
  if (about_group || !about.source.is_answerable() || about.fragment_offset != 0) {
    return std::nullopt;
  }
  if (about.protocol == ipv4::kIcmp && (about.payload.empty() || IsError(Type(about.payload[0])))) {
    return std::nullopt;
  }
  if (!errors_.Take(now)) return std::nullopt;
  const std::size_t header = ipv4::EmitHeader(about, about.payload.size(), quote_);
  const Bytes payload = about.payload.first(std::min(about.payload.size(), kQuotedPayloadMax));
  Copy(payload, MutableBytes(quote_).subspan(header));
  return Message{.type = kDestinationUnreachable,
                 .code = code,
                 .argument = 0,
                 .body = Bytes(quote_).first(header + payload.size())};
}

}  // namespace slipway::icmp
