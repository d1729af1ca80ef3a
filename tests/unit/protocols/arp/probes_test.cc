// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/probes.h"

#include <gtest/gtest.h>

namespace slipway::arp {
namespace {

using std::chrono::milliseconds;

constexpr Time kStart{};
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kOtherMac{{2, 0, 0, 0, 0, 9}};
constexpr Ipv4Address kOffered(10, 0, 0, 77);

const Packet kProbe{Operation::kRequest, kOurMac, {}, {}, kOffered};

TEST(ArpProbes, TwoUnansweredProbesMakeAnAddressFree) {
  Probes probes(4, kOurMac);
  ASSERT_TRUE(probes.Start(kOffered, kStart));
  EXPECT_EQ(probes.Emit(kStart), kProbe);
  EXPECT_EQ(probes.Emit(kStart), std::nullopt);
  EXPECT_EQ(probes.Deadline(), kStart + milliseconds(150));
  EXPECT_EQ(probes.Emit(kStart + milliseconds(150)), kProbe);
  EXPECT_EQ(probes.Emit(kStart + milliseconds(299)), std::nullopt);
  probes.Expire(kStart + milliseconds(299));
  EXPECT_EQ(probes.TakeOutcome(), std::nullopt);
  probes.Expire(kStart + milliseconds(300));
  EXPECT_EQ(probes.TakeOutcome(), (ProbeOutcome{kOffered, std::nullopt}));
  EXPECT_EQ(probes.TakeOutcome(), std::nullopt);
  EXPECT_EQ(probes.Deadline(), kNever);
}

TEST(ArpProbes, AnAnswerOrAnotherStationsProbeEndsItAtOnce) {
  for (const Packet& packet : {Packet{Operation::kReply, kOtherMac, kOffered, kOurMac, {}},
                               Packet{Operation::kRequest, kOtherMac, {}, {}, kOffered},
                               Packet{Operation::kRequest, kOtherMac, kOffered, {}, {}}}) {
    Probes probes(4, kOurMac);
    probes.Start(kOffered, kStart);
    probes.Emit(kStart);
    EXPECT_TRUE(probes.Receive(packet));
    EXPECT_FALSE(probes.Receive(packet));
    EXPECT_EQ(probes.Emit(kStart + milliseconds(150)), std::nullopt);
    EXPECT_EQ(probes.TakeOutcome(), (ProbeOutcome{kOffered, kOtherMac}));
  }
}

TEST(ArpProbes, WhatIsAboutAnotherAddressChangesNothing) {
  Probes probes(4, kOurMac);
  probes.Start(kOffered, kStart);
  EXPECT_FALSE(
      probes.Receive({Operation::kRequest, kOtherMac, Ipv4Address(10, 0, 0, 5), {}, kOffered}));
  EXPECT_EQ(probes.TakeOutcome(), std::nullopt);
}

TEST(ArpProbes, HoldNoMoreThanTheirCapacityAndNoAddressTwice) {
  Probes probes(2, kOurMac);
  EXPECT_TRUE(probes.Start(Ipv4Address(10, 0, 0, 1), kStart));
  EXPECT_TRUE(probes.Start(Ipv4Address(10, 0, 0, 1), kStart));
  EXPECT_TRUE(probes.Start(Ipv4Address(10, 0, 0, 2), kStart));
  EXPECT_FALSE(probes.Start(Ipv4Address(10, 0, 0, 3), kStart));
}

}  // namespace
}  // namespace slipway::arp
