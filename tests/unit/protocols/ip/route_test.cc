// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/route.h"

#include <gtest/gtest.h>

#include <array>

#include "protocols/ip/identification.h"

namespace slipway::ip {
namespace {

const std::array<Ipv4Prefix, 3> kOurs{Ipv4Prefix{Ipv4Address(10, 0, 0, 1), 8},
                                      Ipv4Prefix{Ipv4Address(10, 5, 0, 1), 16},
                                      Ipv4Prefix{Ipv4Address(192, 0, 2, 1), 24}};
constexpr Ipv4Address kGateway(192, 0, 2, 254);

TEST(Routes, TheLongestNetworkThatHoldsADestinationWins) {
  const Routes routes(kOurs, kGateway);
  EXPECT_EQ(routes.Find(Ipv4Address(10, 9, 9, 9)),
            (Hop{Ipv4Address(10, 9, 9, 9), Ipv4Address(10, 0, 0, 1)}));
  EXPECT_EQ(routes.Find(Ipv4Address(10, 5, 9, 9)),
            (Hop{Ipv4Address(10, 5, 9, 9), Ipv4Address(10, 5, 0, 1)}));
}

TEST(Routes, EverythingElseGoesToTheGateway) {
  const Routes routes(kOurs, kGateway);
  EXPECT_EQ(routes.Find(Ipv4Address(198, 51, 100, 7)), (Hop{kGateway, Ipv4Address(192, 0, 2, 1)}));
}

TEST(Routes, WithoutAReachableGatewayThereIsNoWayOut) {
  EXPECT_EQ(Routes(kOurs, std::nullopt).Find(Ipv4Address(198, 51, 100, 7)), std::nullopt);
  EXPECT_EQ(Routes(kOurs, Ipv4Address(203, 0, 113, 1)).Find(Ipv4Address(198, 51, 100, 7)),
            std::nullopt);
}

TEST(Identification, AtomicDatagramsNeedNoneAndOthersNeverRepeatTheLastOnes) {
  SeededEntropy entropy(1);
  Identification identification(entropy);
  EXPECT_EQ(identification.Next(true), 0);
  const std::uint16_t first = identification.Next(false);
  for (std::uint32_t i = 1; i < 65536; ++i) {
    ASSERT_EQ(identification.Next(false), static_cast<std::uint16_t>(first + i));
  }
}

}  // namespace
}  // namespace slipway::ip
