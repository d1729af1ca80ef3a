// SPDX-License-Identifier: Apache-2.0
//
// Real firmware's messages, as captured, must be answered as that firmware needs it.
#include <gtest/gtest.h>

#include "tests/support/pcap.h"
#include "tests/unit/protocols/dhcp/bench.h"
#include "tests/unit/protocols/dhcp/captured.h"
#include "tests/unit/protocols/dhcp/edk2_reader.h"

namespace slipway::dhcp {
namespace {

using ::slipway::testing::ReadAsFirmware;

const std::vector<support::Capture>& AllCaptures() {
  static const std::vector<support::Capture> captures = support::Captures();
  return captures;
}

std::vector<support::FrameBytes> ReadCapture(const std::string& name) {
  for (const support::Capture& capture : AllCaptures()) {
    if (capture.name == name) return capture.frames;
  }
  ADD_FAILURE() << "tests/captures/" << name << ".pcap is not there";
  return {};
}

// The DHCP requests of one kind in a capture; option values are not to be used.
std::vector<std::vector<std::uint8_t>> Requests(const std::string& capture, ClientKind kind,
                                                DhcpMessageType type) {
  std::vector<std::vector<std::uint8_t>> found;
  for (const auto& frame : ReadCapture(capture)) {
    const slipway::Bytes payload = UdpPayload(frame, 67);
    if (payload.empty()) continue;
    OptionScratch scratch;
    const auto message = Parse(payload, scratch);
    EXPECT_TRUE(message.ok()) << capture << ": " << Describe(message.drop()).sentence;
    if (!message || message->type != type || ClientOf(*message).kind != kind) continue;
    found.emplace_back(payload.begin(), payload.end());
  }
  return found;
}

class CapturedFirmware : public ::testing::TestWithParam<const char*> {};

TEST_P(CapturedFirmware, AcceptsOurOfferAndOurAck) {
  const auto discovers = Requests(GetParam(), ClientKind::kHttp, DhcpMessageType::kDiscover);
  ASSERT_FALSE(discovers.empty());
  for (const auto& discover : discovers) {
    Bench bench;
    Received in{.message = discover, .destination = Ipv4Address::Broadcast()};
    const Outcome offered = bench.server.Receive(in, bench.buffer, bench.now);
    ASSERT_TRUE(offered.reply) << Describe(offered.drop).sentence;
    EXPECT_EQ(offered.client.kind, ClientKind::kHttp);
    ASSERT_EQ(offered.client.architecture_count, 1);
    EXPECT_EQ(offered.client.architectures[0], 0x10);
    EXPECT_FALSE(offered.client.architecture_disagrees);
    EXPECT_FALSE(offered.client.uuid.is_set()) << "QEMU without -uuid sends zeros";
    EXPECT_EQ(offered.reply->destination, Ipv4Address::Broadcast()) << "its broadcast flag is set";
    const auto offer = ReadAsFirmware(
        {bench.buffer.begin(), bench.buffer.begin() + std::ptrdiff_t(offered.reply->size)});
    EXPECT_EQ(offer.complaint, "");
    EXPECT_EQ(offer.uri, "https://boot.rig.test/x64.efi");
    EXPECT_EQ(offer.address, kFirst.value());
    EXPECT_EQ(offer.server, kServer.value());
    EXPECT_TRUE(offer.has_dns) << "the URI has a name";
    for (const int code : {1, 3, 6, 51, 54, 58, 59}) EXPECT_EQ(offer.options.count(code), 1U);

    // The capture's REQUEST names the reference server's address; ours is put in its place.
    auto requests = Requests(GetParam(), ClientKind::kHttp, DhcpMessageType::kRequest);
    for (auto& request : requests) {
      for (std::size_t at = 240; at + 6 <= request.size() && request[at] != 255;
           at += 2U + request[at + 1]) {
        if (request[at] == 50) request[at + 5] = 100;
      }
      in.message = request;
      const Outcome acked = bench.server.Receive(in, bench.buffer, bench.now);
      ASSERT_TRUE(acked.reply) << Describe(acked.drop).sentence;
      EXPECT_EQ(acked.decision, Decision::kAcknowledged);
      ASSERT_TRUE(acked.change);
      EXPECT_EQ(acked.change->state, LeaseState::kBound);
      const auto ack = ReadAsFirmware(
          {bench.buffer.begin(), bench.buffer.begin() + std::ptrdiff_t(acked.reply->size)});
      EXPECT_EQ(ack.complaint, "");
      EXPECT_EQ(ack.uri, offer.uri);
      EXPECT_EQ(ack.address, offer.address);
      EXPECT_EQ(ack.server, offer.server);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Captures, CapturedFirmware,
                         ::testing::Values("ovmf-2022.11-https-ipv4", "ovmf-2025.02-https-ipv4",
                                           "ovmf-2022.11-full-boot-order",
                                           "ovmf-2022.11-untrusted-ca", "ovmf-2022.11-wrong-name",
                                           "ovmf-2022.11-offer-without-option-60",
                                           "ovmf-2022.11-server-closes-after-head",
                                           "ovmf-2022.11-ecdsa-certificate-refused"));

TEST(CapturedPxe, FirmwareGetsTheFileNameAndThePxeVendorClass) {
  const auto discovers =
      Requests("ovmf-2022.11-full-boot-order", ClientKind::kPxe, DhcpMessageType::kDiscover);
  ASSERT_FALSE(discovers.empty());
  Bench bench;
  const Outcome offered = bench.server.Receive(
      {.message = discovers[0], .destination = Ipv4Address::Broadcast()}, bench.buffer, bench.now);
  ASSERT_TRUE(offered.reply) << Describe(offered.drop).sentence;
  OptionScratch scratch;
  const auto offer = Parse(slipway::Bytes(bench.buffer).first(offered.reply->size), scratch);
  ASSERT_TRUE(offer);
  EXPECT_EQ(AsText(offer->options[DhcpOption::kVendorClass]), "PXEClient");
  EXPECT_EQ(AsText(offer->options[DhcpOption::kBootFile]), "ipxe.efi");
  EXPECT_EQ(AsText(offer->file), "ipxe.efi");
  EXPECT_EQ(offer->siaddr, kServer);
}

class CapturedIpxe : public ::testing::TestWithParam<const char*> {};

TEST_P(CapturedIpxe, GetsItsScriptWithoutAVendorClass) {
  const auto discovers = Requests(GetParam(), ClientKind::kIpxe, DhcpMessageType::kDiscover);
  ASSERT_FALSE(discovers.empty());
  Bench bench;
  const Outcome offered = bench.server.Receive(
      {.message = discovers[0], .destination = Ipv4Address::Broadcast()}, bench.buffer, bench.now);
  ASSERT_TRUE(offered.reply) << Describe(offered.drop).sentence;
  // iPXE of 2019 asks for unicast, that of 2025 for broadcast.
  const bool broadcast = (discovers[0][10] & 0x80) != 0;
  EXPECT_EQ(offered.reply->destination, broadcast ? Ipv4Address::Broadcast() : kFirst);
  EXPECT_EQ(offered.reply->destination_mac,
            broadcast ? MacAddress::Broadcast() : offered.client.mac);
  OptionScratch scratch;
  const auto offer = Parse(slipway::Bytes(bench.buffer).first(offered.reply->size), scratch);
  ASSERT_TRUE(offer);
  EXPECT_EQ(AsText(offer->options[DhcpOption::kBootFile]), "https://boot.rig.test/boot.ipxe");
  EXPECT_EQ(AsText(offer->file), "https://boot.rig.test/boot.ipxe");
  EXPECT_FALSE(offer->options.Has(DhcpOption::kVendorClass));
  EXPECT_EQ(offer->options.Has(DhcpOption::kClientIdentifier), true) << "RFC 6842";
}

INSTANTIATE_TEST_SUITE_P(Captures, CapturedIpxe,
                         ::testing::Values("ipxe-2019-bios-http", "ipxe-2019-bios-iscsi",
                                           "ipxe-2025-https"));

TEST(Captured, ReplyPassesTheIndependentReaderAsCaptured) {
  // The reference server's own offers, which the firmware is known to have booted from.
  std::size_t offers = 0;
  for (const auto& frame : ReadCapture("ovmf-2022.11-https-ipv4")) {
    const slipway::Bytes payload = UdpPayload(frame, 68);
    if (payload.empty()) continue;
    ++offers;
    const auto offer = ReadAsFirmware({payload.begin(), payload.end()});
    EXPECT_EQ(offer.complaint, "");
    EXPECT_EQ(offer.uri, "https://boot.rig.test/hello.efi");
  }
  EXPECT_EQ(offers, 2U);
}

}  // namespace
}  // namespace slipway::dhcp
