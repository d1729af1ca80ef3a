// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/claim.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::arp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{};
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kOtherMac{{2, 0, 0, 0, 0, 9}};
constexpr Ipv4Prefix kOurs{Ipv4Address(10, 0, 0, 1), 24};

const Packet kOurProbe{Operation::kRequest, kOurMac, {}, {}, kOurs.address};
const Packet kOurAnnouncement{Operation::kRequest, kOurMac, kOurs.address, {}, kOurs.address};
const Packet kTheirClaim{Operation::kReply, kOtherMac, kOurs.address, kOurMac, {}};
const Packet kTheirProbe{Operation::kRequest, kOtherMac, {}, {}, kOurs.address};

struct Sent {
  Time at;
  Packet packet;
};

// Drives a claim by its deadlines alone, as long as it wants to send and at most `until`.
std::vector<Sent> Drive(Claim& claim, Entropy& entropy, Time until) {
  std::vector<Sent> sent;
  while (claim.Deadline() <= until) {
    const Time now = claim.Deadline();
    if (const auto packet = claim.Emit(now, entropy)) sent.push_back({now, *packet});
  }
  return sent;
}

TEST(ArpClaim, ProbesThreeTimesThenAnnouncesTwiceInTheTimesOfRfc5227) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededEntropy entropy(seed);
    Claim claim(kOurs, kOurMac);
    claim.Start(ClaimStart::kProbe, kStart, entropy);
    const auto sent = Drive(claim, entropy, kStart + seconds(20));
    ASSERT_EQ(sent.size(), 5U) << "seed " << seed;
    EXPECT_LE(sent[0].at - kStart, seconds(1));
    for (const std::size_t i : {1U, 2U}) {
      EXPECT_GE(sent[i].at - sent[i - 1].at, seconds(1));
      EXPECT_LE(sent[i].at - sent[i - 1].at, seconds(2));
    }
    EXPECT_EQ(sent[3].at - sent[2].at, seconds(2));
    EXPECT_EQ(sent[4].at - sent[3].at, seconds(2));
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(sent[i].packet, i < 3 ? kOurProbe : kOurAnnouncement);
    }
    EXPECT_EQ(claim.state(), ClaimState::kHeld);
    EXPECT_EQ(claim.Deadline(), kNever);
  }
}

TEST(ArpClaim, AnAddressIsUsableFromTheFirstAnnouncementOnly) {
  SeededEntropy entropy(1);
  Claim claim(kOurs, kOurMac);
  claim.Start(ClaimStart::kProbe, kStart, entropy);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(claim.is_usable());
    EXPECT_TRUE(claim.Emit(claim.Deadline(), entropy));
  }
  EXPECT_FALSE(claim.is_usable());
  EXPECT_TRUE(claim.Emit(claim.Deadline(), entropy));
  EXPECT_TRUE(claim.is_usable());
}

TEST(ArpClaim, StartedByAnnouncingItIsUsableAtOnce) {
  SeededEntropy entropy(1);
  Claim claim(kOurs, kOurMac);
  claim.Start(ClaimStart::kAnnounce, kStart, entropy);
  EXPECT_TRUE(claim.is_usable());
  EXPECT_EQ(Drive(claim, entropy, kStart + seconds(60)).size(), 2U);
}

TEST(ArpClaim, AConflictWhileProbingRefusesTheAddressForAMinute) {
  for (const Packet& packet : {kTheirClaim, kTheirProbe}) {
    SeededEntropy entropy(1);
    Claim claim(kOurs, kOurMac);
    claim.Start(ClaimStart::kProbe, kStart, entropy);
    ASSERT_TRUE(claim.IsDisputedBy(packet));
    EXPECT_EQ(claim.Defend(kStart), std::nullopt);
    EXPECT_EQ(claim.state(), ClaimState::kRefused);
    EXPECT_EQ(claim.Deadline(), kStart + seconds(60));
    EXPECT_EQ(Drive(claim, entropy, kStart + seconds(80)).size(), 5U);
    EXPECT_EQ(claim.state(), ClaimState::kHeld);
  }
}

TEST(ArpClaim, AHeldAddressIsDefendedOnceInTenSecondsAndNeverGivenUp) {
  SeededEntropy entropy(1);
  Claim claim(kOurs, kOurMac);
  claim.Start(ClaimStart::kAnnounce, kStart, entropy);
  Drive(claim, entropy, kStart + seconds(10));
  EXPECT_FALSE(claim.IsDisputedBy(kTheirProbe));
  int defences = 0;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(claim.IsDisputedBy(kTheirClaim));
    const auto defence = claim.Defend(kStart + milliseconds(100 * i));
    if (defence) {
      ++defences;
      EXPECT_EQ(*defence, kOurAnnouncement);
    }
    EXPECT_TRUE(claim.is_usable());
  }
  EXPECT_EQ(defences, 3);
}

}  // namespace
}  // namespace slipway::arp
