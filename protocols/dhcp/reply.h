// SPDX-License-Identifier: Apache-2.0
//
// Reply: a message of ours, and how it is laid out within the client's size limit (RFC 2131 4.1).
//
// * Options stand in the order they were added; option 67 follows them, option 82 is last before
//   END (RFC 3046 2.2).
// * UEFI HTTP boot may write a NUL over the byte after option 67's value: so that byte is END, or,
//   when option 82 follows, 67's value itself ends in a NUL.
// * What does not fit the options field goes to file, then sname (option 52); what fits nowhere is
//   left out if it is optional, else the reply cannot be sent. The file field carries the boot file
//   too, when it fits and holds no options.
// * A value over 255 bytes is cut into pieces (RFC 3396 5), all in one field.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/wire/dhcp.h"

namespace slipway::dhcp {

enum class Need : std::uint8_t { kRequired, kOptional };

// The options of a reply; values are views, or copied to a small arena.
class ReplyOptions {
 public:
  static constexpr std::size_t kOptionsMax = 64;

  struct Option {
    std::uint8_t code = 0;
    Need need = Need::kRequired;
    Bytes value;
  };

  ReplyOptions() = default;
  // Values may point into the arena.
  ReplyOptions(const ReplyOptions&) = delete;
  ReplyOptions& operator=(const ReplyOptions&) = delete;

  // Beyond kOptionsMax an optional option is left out and a required one makes the reply fail. The
  // second of one code is left out.
  void Add(DhcpOption code, Bytes value, Need need = Need::kRequired) {
    Add(static_cast<std::uint8_t>(code), value, need);
  }
  void Add(std::uint8_t code, Bytes value, Need need);
  void AddU8(DhcpOption code, std::uint8_t value);
  void AddU16(DhcpOption code, std::uint16_t value, Need need = Need::kRequired);
  void AddU32(DhcpOption code, std::uint32_t value, Need need = Need::kRequired);
  void AddAddress(DhcpOption code, Ipv4Address address, Need need = Need::kRequired) {
    AddU32(code, address.value(), need);
  }
  // Room for a value to be made in place; empty when the arena is full.
  MutableBytes Room(std::size_t size);

  bool Has(std::uint8_t code) const { return (present_[code / 64] >> code % 64 & 1) != 0; }
  std::span<const Option> all() const { return std::span(options_).first(count_); }
  bool ok() const { return ok_; }

 private:
  std::array<Option, kOptionsMax> options_;
  std::size_t count_ = 0;
  std::array<std::uint64_t, 4> present_{};
  std::array<std::uint8_t, 640> arena_;
  std::size_t used_ = 0;
  bool ok_ = true;
};

struct Reply {
  DhcpMessageType type = DhcpMessageType::kOffer;
  std::uint32_t xid = 0;
  std::uint16_t secs = 0;
  std::uint16_t flags = 0;
  Ipv4Address ciaddr;
  Ipv4Address yiaddr;
  Ipv4Address siaddr;
  Ipv4Address giaddr;
  MacAddress mac;
  ReplyOptions options;        // without 53, 67, 82
  Bytes boot_file;             // option 67 and the file field
  Bytes relay_agent;           // option 82, echoed
  std::size_t size_max = 548;  // of the message: 576 (RFC 2131 2) without IP's and UDP's headers
};

// Bytes written; 0 when the reply does not fit.
std::size_t Emit(const Reply& reply, MutableBytes out);

}  // namespace slipway::dhcp
