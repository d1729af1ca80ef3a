// SPDX-License-Identifier: Apache-2.0
//
// Personality: how one kind of boot client behaves on the wire, as measured on real ones: what its
// DHCP messages say, which options its SYN carries, which TLS it offers, how it asks for a file and
// how it goes away. The values stand in personality.cc as one table.
//
//   uefi      OVMF 2022.11: window 65535, MSS alone, TLS 1.2 by DHE or RSA, HEAD then GET, one
//             connection a file, RST at the end
//   uefi2025  OVMF 2025.02: the same with window scale 6, a window of 2 MiB, and SNI
//   ipxe      iPXE 2025: window scale 9, SACK, timestamps, TLS 1.2 by ECDHE, fragments of 4096
//   linux     curl on Linux: window scale 7, SACK, timestamps, TLS 1.3, connections kept open
//
// Left out: Nagle's algorithm, the order of TCP options within a SYN, and whatever else a server
// cannot base a decision on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/time.h"
#include "protocols/tcp/segment.h"
#include "protocols/tcp/settings.h"

namespace slipway::storm {

enum class Firmware : std::uint8_t { kUefi, kUefi2025, kIpxe, kLinux };
inline constexpr std::size_t kFirmwares = 4;

struct Personality {
  Firmware firmware = Firmware::kUefi;
  std::string_view name;

  // DHCP and what follows it.
  std::string_view vendor_class;    // option 60; empty: none
  std::string_view user_class;      // option 77; empty: none
  std::uint16_t architecture = 16;  // option 93
  Bytes parameters;                 // option 55
  bool wants_broadcast = true;
  bool says_architecture = true;
  Duration offer_wait{};  // how long offers are collected before one is chosen

  // IP and TCP.
  std::uint8_t ttl = 64;
  std::uint32_t window = 65535;
  std::optional<std::uint8_t> window_scale;
  bool sack = false;
  bool timestamps = false;
  bool acknowledges_pairs = true;  // an ACK for each second segment, however fast they come
  Duration delayed_ack{};

  // TLS.
  bool tls13 = false;
  bool sends_server_name = false;
  bool fragments_4096 = false;
  const char* ciphers = "";  // TLS 1.2, OpenSSL's names
  const char* groups = "";
  const char* signatures = "";  // empty: OpenSSL's

  // HTTP.
  bool asks_head_first = false;
  bool keeps_connection = false;  // for the next file
  bool ends_with_reset = true;
  std::string_view user_agent;
  Duration patience{};  // without a byte of the response for so long, it gives up
};

const Personality& PersonalityOf(Firmware firmware);
std::optional<Firmware> FirmwareNamed(std::string_view name);

// TCP as this personality has it, for `connections` of them on a link of this MTU.
tcp::Settings TcpSettings(const Personality& personality, std::uint16_t mtu,
                          std::uint32_t connections);

// Takes from a SYN what this firmware would not have put there.
void ShapeSyn(const Personality& personality, tcp::Options& options);

}  // namespace slipway::storm
