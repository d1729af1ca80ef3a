// SPDX-License-Identifier: Apache-2.0
#include "control/state/lease_book.h"

#include <gtest/gtest.h>

#include <array>

namespace slipway::control {
namespace {

constexpr Ipv4Address kAddress(10, 77, 0, 100);
constexpr std::int64_t kEnd = 1'790'000'000;

dhcp::Lease LeaseOf(std::uint8_t last, dhcp::LeaseState state) {
  return {.address = kAddress,
          .mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}},
          .state = state,
          .expires_unix_seconds = kEnd};
}

TEST(LeaseBookTest, AnAddressIsItsMachinesUntilTheLeaseRunsOut) {
  LeaseBook book;
  book.Take(std::array{LeaseOf(1, dhcp::LeaseState::kBound)});
  const MacAddress first{{0x52, 0x54, 0, 0, 0, 1}};
  EXPECT_EQ(book.MacOf(kAddress, kEnd - 1), first);
  EXPECT_EQ(book.MacOf(kAddress, kEnd), std::nullopt) << "it may be another machine's by now";
  EXPECT_EQ(book.MacOf(Ipv4Address(10, 77, 0, 101), kEnd - 1), std::nullopt);
  book.Take(std::array{LeaseOf(2, dhcp::LeaseState::kReleased)});
  EXPECT_EQ(book.MacOf(kAddress, kEnd - 1), std::nullopt);
}

TEST(LeaseBookTest, WhatHasRunOutIsToldApart) {
  using enum dhcp::LeaseState;
  for (const auto& [state, before, after] :
       {std::tuple{kBound, "bound", "expired"}, std::tuple{kDeclined, "declined", "expired"},
        std::tuple{kReleased, "released", "released"}}) {
    EXPECT_EQ(StateName(LeaseOf(1, state), kEnd - 1), before);
    EXPECT_EQ(StateName(LeaseOf(1, state), kEnd), after);
    EXPECT_EQ(IsHeld(LeaseOf(1, state), kEnd - 1), state == kBound);
    EXPECT_FALSE(IsHeld(LeaseOf(1, state), kEnd));
  }
}

}  // namespace
}  // namespace slipway::control
