// SPDX-License-Identifier: Apache-2.0
//
// Client: what one DHCP message says about the machine that sent it.
//
// Kinds, in the order of proof: iPXE says so in user class 77 or sends option 175, and is asked
// first because it also calls itself PXEClient; then option 60's prefix, HTTPClient (UEFI 24.7) or
// PXEClient (PXE 2.1); everything else is plain. Architectures come from option 93 (RFC 4578 2.1,
// possibly several); "Arch:NNNNN" in option 60 must agree, a difference is a hint of a fault.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"
#include "protocols/wire/dhcp.h"

namespace slipway::dhcp {

struct Message;

enum class ClientKind : std::uint8_t { kPlain, kPxe, kHttp, kIpxe };

constexpr std::string_view Name(ClientKind kind) {
  switch (kind) {
    case ClientKind::kPlain:
      return "plain";
    case ClientKind::kPxe:
      return "PXE";
    case ClientKind::kHttp:
      return "UEFI HTTP";
    case ClientKind::kIpxe:
      return "iPXE";
  }
  return "";
}

struct ArchitectureName {
  std::uint16_t code;
  std::string_view name;
};

// The ten HTTP boot architectures of IANA's registry (RFC 5970's registry, shared with option 93).
inline constexpr std::array<ArchitectureName, 10> kHttpArchitectures{{
    {0x0f, "x86"},
    {0x10, "x64"},
    {0x11, "EBC"},
    {0x12, "ARM"},
    {0x13, "AArch64"},
    {0x1a, "RISC-V 32"},
    {0x1c, "RISC-V 64"},
    {0x1e, "RISC-V 128"},
    {0x26, "LoongArch 32"},
    {0x28, "LoongArch 64"},
}};

inline constexpr std::size_t kArchitecturesMax = 8;

struct Client {
  MacAddress mac;
  Uuid uuid;  // !is_set(): none
  ClientKind kind = ClientKind::kPlain;
  DhcpMessageType type = DhcpMessageType::kDiscover;
  std::uint8_t architecture_count = 0;
  std::array<std::uint16_t, kArchitecturesMax> architectures{};
  bool architecture_disagrees = false;  // options 60 and 93 name different ones
  Bytes vendor_class;                   // option 60; a view into the message
  Ipv4Address relay;                    // giaddr; 0.0.0.0: it is on the wire itself
  Ipv4Address server;                   // option 54, the server it chose; 0.0.0.0: none
  // FirmwareFingerprint() of a boot client's DISCOVER, for its story; 0: not made of this message.
  std::uint64_t fingerprint = 0;

  std::span<const std::uint16_t> architecture_list() const {
    return std::span(architectures).first(architecture_count);
  }
  // A client that wants to be told what to boot.
  bool is_boot_client() const { return kind != ClientKind::kPlain; }
};

// The facts of a message.
Client ClientOf(const Message& message);

}  // namespace slipway::dhcp
