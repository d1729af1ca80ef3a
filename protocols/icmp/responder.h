// SPDX-License-Identifier: Apache-2.0
//
// Responder: what a host does about ICMP (RFC 792, RFC 1122 3.2.2, RFC 1191, RFC 1812 4.3.2).
//
// Echo requests to our own address are answered with the same body; those to a broadcast are not.
// "Fragmentation needed" becomes a PathMtu about a segment of ours; TCP decides whether the quoted
// sequence number is one it has in flight (RFC 5927 7.2), so a blind attacker gains nothing.
// An old router says no MTU (0): the next plateau below the quoted length (RFC 1191 7). Other
// unreachables are told as such; TCP takes them for soft errors, whatever their code (RFC 5461 4):
// no connection ends by one, but the story of one that nobody answered says so. Redirects, source
// quench (RFC 6633), time exceeded and the rest are ignored.
//
// Errors of our own, port or protocol unreachable, are never sent about an error, a fragment but
// the first, anything to or from a group, and never faster than a token bucket allows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/strong.h"
#include "protocols/base/time.h"
#include "protocols/base/token_bucket.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"

namespace slipway::icmp {

struct Settings {
  std::uint32_t echoes_per_second = 1000;
  std::uint32_t errors_per_second = 100;
};

// What an error says of the packet it is about: one of ours, or so it claims.
struct Quoted {
  IpProtocol protocol;
  Ipv4Address local_address;
  Port local_port;
  Ipv4Address remote_address;
  Port remote_port;
  std::uint32_t sequence = 0;  // TCP only

  friend bool operator==(const Quoted&, const Quoted&) = default;
};

struct PathMtu {
  Quoted quoted;
  std::uint16_t mtu = 0;  // of the next hop, 68 or more, and less than the quoted packet

  friend bool operator==(const PathMtu&, const PathMtu&) = default;
};

struct Unreachable {
  Quoted quoted;
  std::uint8_t code = 0;

  friend bool operator==(const Unreachable&, const Unreachable&) = default;
};

class Responder {
 public:
  explicit Responder(const Settings& settings)
      : echoes_(settings.echoes_per_second, settings.echoes_per_second),
        errors_(settings.errors_per_second, settings.errors_per_second) {}

  struct Outcome {
    Drop drop = Drop::kNone;
    std::optional<Message> reply;  // its body is the request's
    std::optional<PathMtu> path_mtu;
    std::optional<icmp::Unreachable> unreachable;
  };

  // `to_group`: the packet came by broadcast, of the link or of IP.
  Outcome Receive(const Message& message, bool to_group, Time now);

  // The error to send to the source of `about`, or nothing. Its body, the quote, is good until the
  // next call.
  std::optional<Message> Unreachable(const ipv4::Packet& about, std::uint8_t code, Time now);

 private:
  // Header and at least 8 bytes (RFC 1122 3.2.2); a little more lets the receiver see what it was.
  static constexpr std::size_t kQuotedPayloadMax = 64;

  static Outcome ReceiveUnreachable(const Message& message);

  TokenBucket echoes_;
  TokenBucket errors_;
  std::array<std::uint8_t, ipv4::kHeaderSizeMax + kQuotedPayloadMax> quote_{};
};

}  // namespace slipway::icmp
