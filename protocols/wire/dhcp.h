// SPDX-License-Identifier: Apache-2.0
//
// DHCPv4 on the wire: the BOOTP layout (RFC 951, RFC 2131 2), option codes (RFC 2132 and the RFCs
// named beside each) and message types. Reading options is protocols/dhcp/options.h's work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocols/base/endian.h"
#include "protocols/base/strong.h"

namespace slipway {

struct DhcpHeader {
  std::uint8_t op;
  std::uint8_t htype;
  std::uint8_t hlen;
  std::uint8_t hops;
  Big<std::uint32_t> xid;
  Big<std::uint16_t> secs;
  Big<std::uint16_t> flags;
  Big<std::uint32_t> ciaddr;
  Big<std::uint32_t> yiaddr;
  Big<std::uint32_t> siaddr;
  Big<std::uint32_t> giaddr;
  std::array<std::uint8_t, 16> chaddr;
  std::array<std::uint8_t, 64> sname;
  std::array<std::uint8_t, 128> file;
  Big<std::uint32_t> cookie;
};
static_assert(sizeof(DhcpHeader) == 240 && alignof(DhcpHeader) == 1);
static_assert(offsetof(DhcpHeader, sname) == 44 && offsetof(DhcpHeader, file) == 108);

inline constexpr std::uint32_t kDhcpMagicCookie = 0x63825363;
inline constexpr std::uint16_t kDhcpBroadcastFlag = 0x8000;
inline constexpr std::uint8_t kDhcpBootRequest = 1;
inline constexpr std::uint8_t kDhcpBootReply = 2;
// BOOTP relays and clients of old may expect 64 octets of vendor area (RFC 951; RFC 1542 2.1).
inline constexpr std::size_t kDhcpMessageSizeMin = 300;

inline constexpr Port kDhcpServerPort{67};
inline constexpr Port kDhcpClientPort{68};
// Where PXE clients ask a boot server (PXE 2.1, 2.2.3).
inline constexpr Port kPxeServerPort{4011};

enum class DhcpOption : std::uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouter = 3,
  kDomainNameServer = 6,
  kHostName = 12,
  kDomainName = 15,
  kInterfaceMtu = 26,
  kBroadcastAddress = 28,
  kVendorSpecific = 43,
  kRequestedAddress = 50,
  kLeaseTime = 51,
  kOverload = 52,
  kMessageType = 53,
  kServerIdentifier = 54,
  kParameterRequestList = 55,
  kMessage = 56,
  kMaximumMessageSize = 57,
  kRenewalTime = 58,
  kRebindingTime = 59,
  kVendorClass = 60,
  kClientIdentifier = 61,
  kTftpServerName = 66,
  kBootFile = 67,
  kUserClass = 77,           // RFC 3004
  kRelayAgent = 82,          // RFC 3046
  kClientArchitecture = 93,  // RFC 4578 2.1
  kClientInterface = 94,     // RFC 4578 2.2
  kClientMachine = 97,       // RFC 4578 2.3
  kClasslessRoutes = 121,    // RFC 3442
  kIpxe = 175,               // iPXE's encapsulated options
  kEnd = 255,
};

// Sub-options of option 82.
enum class RelaySubOption : std::uint8_t {
  kCircuit = 1,
  kRemote = 2,
  kLinkSelection = 5,              // RFC 3527
  kServerIdentifierOverride = 11,  // RFC 5107
};

enum class DhcpMessageType : std::uint8_t {
  kDiscover = 1,
  kOffer = 2,
  kRequest = 3,
  kDecline = 4,
  kAck = 5,
  kNak = 6,
  kRelease = 7,
  kInform = 8,
};

}  // namespace slipway
