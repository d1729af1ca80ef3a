// SPDX-License-Identifier: Apache-2.0
//
// Options: the options of one message, by code, as whole values (RFC 2132 2).
//
// Read() walks the options field, then, as option 52 says, file and sname (RFC 2131 4.1), and joins
// an option's pieces in that order (RFC 3396 7). A value in one piece is a view into the message;
// joined ones are copied to the caller's OptionScratch. Only the codes named in DhcpOption are
// kept, the others are skipped. Option 52 counts in the options field only, so nothing can loop.
// A missing END is forgiven (RFC 2131 asks for it, old firmware forgets it); a length that runs
// over its field is not.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"
#include "protocols/wire/dhcp.h"

namespace slipway::dhcp {

// Room for options that came in pieces.
struct OptionScratch {
  std::array<std::uint8_t, 1500> bytes;
  std::size_t used = 0;
};

class Options {
 public:
  // kNone, or why not.
  Drop Read(const DhcpHeader& header, Bytes options, OptionScratch& scratch);

  // Whether the code is one that is kept; only those may be asked for.
  static constexpr bool Keeps(DhcpOption code) { return SlotOf(code) != kNoSlot; }
  bool Has(DhcpOption code) const { return (present_ >> SlotOf(code) & 1) != 0; }
  // Empty when absent (or of length zero).
  Bytes operator[](DhcpOption code) const { return values_[SlotOf(code)]; }

  // Values of the right length; nullopt when absent or of a wrong one.
  std::optional<std::uint8_t> U8(DhcpOption code) const;
  std::optional<std::uint16_t> U16(DhcpOption code) const;
  std::optional<std::uint32_t> U32(DhcpOption code) const;
  std::optional<Ipv4Address> Address(DhcpOption code) const;

 private:
  static constexpr std::array kKept{
      DhcpOption::kSubnetMask,
      DhcpOption::kRouter,
      DhcpOption::kDomainNameServer,
      DhcpOption::kHostName,
      DhcpOption::kDomainName,
      DhcpOption::kInterfaceMtu,
      DhcpOption::kBroadcastAddress,
      DhcpOption::kVendorSpecific,
      DhcpOption::kRequestedAddress,
      DhcpOption::kLeaseTime,
      DhcpOption::kOverload,
      DhcpOption::kMessageType,
      DhcpOption::kServerIdentifier,
      DhcpOption::kParameterRequestList,
      DhcpOption::kMessage,
      DhcpOption::kMaximumMessageSize,
      DhcpOption::kRenewalTime,
      DhcpOption::kRebindingTime,
      DhcpOption::kVendorClass,
      DhcpOption::kClientIdentifier,
      DhcpOption::kTftpServerName,
      DhcpOption::kBootFile,
      DhcpOption::kUserClass,
      DhcpOption::kRelayAgent,
      DhcpOption::kClientArchitecture,
      DhcpOption::kClientInterface,
      DhcpOption::kClientMachine,
      DhcpOption::kClasslessRoutes,
      DhcpOption::kIpxe,
  };
  static constexpr std::uint8_t kNoSlot = 0xff;
  static constexpr std::array<std::uint8_t, 256> kSlots = [] {
    std::array<std::uint8_t, 256> slots{};
    slots.fill(kNoSlot);
    for (std::size_t i = 0; i < kKept.size(); ++i) {
      slots[static_cast<std::uint8_t>(kKept[i])] = static_cast<std::uint8_t>(i);
    }
    return slots;
  }();
  static_assert(kKept.size() <= 32, "present_ has a bit for each");

  static constexpr std::size_t SlotOf(DhcpOption code) {
    return kSlots[static_cast<std::uint8_t>(code)];
  }
  bool ReadField(Bytes field, OptionScratch& scratch);
  bool Join(std::size_t slot, Bytes piece, OptionScratch& scratch);

  std::array<Bytes, kKept.size()> values_{};
  std::uint32_t present_ = 0;
};

}  // namespace slipway::dhcp
