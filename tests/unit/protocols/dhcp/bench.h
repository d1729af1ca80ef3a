// SPDX-License-Identifier: Apache-2.0
//
// What the DHCP tests share: a client's message written byte by byte (not by the product's
// emitter), a policy to start from, and a server with its clock.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "protocols/dhcp/message.h"
#include "protocols/dhcp/policy.h"
#include "protocols/dhcp/server.h"
#include "tests/unit/protocols/dhcp/bench_settings.h"

namespace slipway::dhcp {

inline constexpr Ipv4Address kNobody;

inline MacAddress MacOf(unsigned n) {
  return {{0x52, 0x54, 0, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
           static_cast<std::uint8_t>(n)}};
}

// A client's message, grown by chaining.
class Said {
 public:
  explicit Said(DhcpMessageType type, const MacAddress& mac = MacOf(1)) : bytes_(240) {
    bytes_[0] = 1;
    bytes_[1] = 1;
    bytes_[2] = 6;
    Put(4, 0x12345678);
    for (std::size_t i = 0; i < 6; ++i) bytes_[28 + i] = mac.octets[i];
    Put(236, 0x63825363);
    Option(53, {static_cast<std::uint8_t>(type)});
  }

  Said& Option(int code, const std::vector<std::uint8_t>& value) {
    bytes_.push_back(static_cast<std::uint8_t>(code));
    bytes_.push_back(static_cast<std::uint8_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }
  Said& Text(int code, const std::string& text) { return Option(code, {text.begin(), text.end()}); }
  Said& Address(int code, Ipv4Address a) { return Option(code, Octets(a.value())); }
  Said& U32(int code, std::uint32_t value) { return Option(code, Octets(value)); }
  Said& U16(int code, std::uint16_t value) {
    return Option(code, {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
  }
  Said& Ciaddr(Ipv4Address a) { return Put(12, a.value()); }
  Said& Giaddr(Ipv4Address a) { return Put(24, a.value()); }
  Said& Broadcast() { return Byte(10, 0x80); }
  Said& Byte(std::size_t at, std::uint8_t value) {
    bytes_[at] = value;
    return *this;
  }
  Said& Http(std::uint16_t architecture = 0x10) {
    return Text(60, "HTTPClient:Arch:000" + std::to_string(architecture) + ":UNDI:003000")
        .U16(93, architecture)
        .U16(57, 1472);
  }
  Said& Pxe(std::uint16_t architecture = 7) {
    return Text(60, "PXEClient:Arch:0000" + std::to_string(architecture) + ":UNDI:003000")
        .U16(93, architecture)
        .U16(57, 1472);
  }
  Said& Ipxe() { return Pxe().Text(77, "iPXE").Option(175, {0xb1, 1, 1}); }

  std::vector<std::uint8_t> Bytes() const {
    std::vector<std::uint8_t> all = bytes_;
    all.push_back(255);
    return all;
  }

 private:
  static std::vector<std::uint8_t> Octets(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  }
  Said& Put(std::size_t at, std::uint32_t value) {
    const auto octets = Octets(value);
    std::copy(octets.begin(), octets.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    return *this;
  }

  std::vector<std::uint8_t> bytes_;
};

// A server, its policy, its clock, and its last reply.
class Bench {
 public:
  explicit Bench(PolicySettings settings = TestSettings(), Duration probe_time = {})
      : policy(Checked(std::move(settings))),
        server({.leases_max = 1000, .unix_seconds_at_zero = kZero, .probe_time = probe_time},
               entropy) {
    server.SetPolicy(policy.get());
  }

  static std::unique_ptr<Policy> Checked(PolicySettings settings) {
    for (const std::string& mistake : Policy::Mistakes(settings)) ADD_FAILURE() << mistake;
    return std::make_unique<Policy>(std::move(settings));
  }

  Outcome Hear(const Said& said, Received in = {}) {
    message = said.Bytes();
    in.message = message;
    if (in.destination.is_unspecified()) in.destination = Ipv4Address::Broadcast();
    return Keep(server.Receive(in, buffer, now));
  }
  std::optional<Outcome> Emit() {
    auto outcome = server.Emit(buffer, now);
    if (outcome) Keep(*outcome);
    return outcome;
  }
  // The last reply, parsed; call only when there was one.
  const Message& Answer() const { return *reply; }
  Ipv4Address Yiaddr() const { return reply ? reply->yiaddr : kNobody; }
  DhcpMessageType Type() const { return reply ? reply->type : DhcpMessageType{}; }

  Said Ask(Ipv4Address address, unsigned machine = 1) const {
    return Said(DhcpMessageType::kRequest, MacOf(machine))
        .Address(54, kServer)
        .Address(50, address);
  }
  // DISCOVER, OFFER, REQUEST, ACK; the address, 0.0.0.0 when it went otherwise.
  Ipv4Address Boot(unsigned machine) {
    Hear(Said(DhcpMessageType::kDiscover, MacOf(machine)));
    if (!reply) return {};
    const Ipv4Address offered = Yiaddr();
    Hear(Ask(offered, machine));
    return reply && Type() == DhcpMessageType::kAck && Yiaddr() == offered ? offered : kNobody;
  }

  static constexpr std::int64_t kZero = 1'800'000'000;

  std::unique_ptr<Policy> policy;
  SeededEntropy entropy{1};
  Server server;
  Time now{};
  std::vector<std::uint8_t> message;
  std::array<std::uint8_t, kReplySizeMax> buffer{};
  std::vector<std::uint8_t> bytes;  // of the last reply
  OptionScratch scratch;
  std::optional<Message> reply;

 private:
  Outcome Keep(const Outcome& outcome) {
    reply.reset();
    bytes.clear();
    if (!outcome.reply) return outcome;
    bytes.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(outcome.reply->size));
    scratch.used = 0;
    const auto parsed = Parse(bytes, scratch);
    EXPECT_TRUE(parsed.ok()) << Describe(parsed.drop()).sentence;
    if (parsed) reply = *parsed;
    return outcome;
  }
};

}  // namespace slipway::dhcp
