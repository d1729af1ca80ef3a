// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace slipway::arp {
namespace {

constexpr SipKey kKey{1, 2};

Ipv4Address Address(std::uint32_t i) { return Ipv4Address(0x0a000000 + i); }

TEST(ArpTable, FindsWhatWasInsertedAndNothingElse) {
  Table table(100, kKey);
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_NE(table.Insert(Address(i), List::kConfirmed), nullptr);
  }
  for (std::uint32_t i = 0; i < 200; ++i) {
    const Neighbour* found = table.Find(Address(i));
    ASSERT_EQ(found != nullptr, i < 100) << i;
    if (found != nullptr) {
      EXPECT_EQ(found->address, Address(i));
    }
  }
}

TEST(ArpTable, AClaimOnlyTakesTheOldestClaimsPlace) {
  Table table(3, kKey);
  table.Insert(Address(1), List::kConfirmed);
  table.Insert(Address(2), List::kClaimed);
  table.Insert(Address(3), List::kClaimed);
  ASSERT_NE(table.Insert(Address(4), List::kClaimed), nullptr);
  EXPECT_EQ(table.Find(Address(2)), nullptr);
  table.MoveToBack(*table.Find(Address(3)), List::kConfirmed);
  table.MoveToBack(*table.Find(Address(4)), List::kAsking);
  EXPECT_EQ(table.Insert(Address(5), List::kClaimed), nullptr);
}

TEST(ArpTable, AQuestionTakesAClaimThenTheLeastUsedConfirmedButNeverAQuestion) {
  Table table(3, kKey);
  table.Insert(Address(1), List::kConfirmed);
  table.Insert(Address(2), List::kConfirmed);
  table.Insert(Address(3), List::kClaimed);
  ASSERT_NE(table.Insert(Address(4), List::kAsking), nullptr);
  EXPECT_EQ(table.Find(Address(3)), nullptr);
  table.MoveToBack(*table.Find(Address(1)), List::kConfirmed);
  ASSERT_NE(table.Insert(Address(5), List::kAsking), nullptr);
  EXPECT_EQ(table.Find(Address(2)), nullptr);
  ASSERT_NE(table.Insert(Address(6), List::kAsking), nullptr);
  EXPECT_EQ(table.Insert(Address(7), List::kAsking), nullptr);
}

// Against a map, for random insertions and erasures.
TEST(ArpTable, AgreesWithAMapThroughRandomChanges) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    Table table(64, kKey);
    std::map<Ipv4Address, List> model;
    for (int step = 0; step < 2000; ++step) {
      const Ipv4Address address = Address(static_cast<std::uint32_t>(random() % 60));
      const auto list = static_cast<List>(1 + random() % 4);
      Neighbour* found = table.Find(address);
      ASSERT_EQ(found != nullptr, model.contains(address)) << "seed " << seed;
      if (found == nullptr) {
        ASSERT_NE(table.Insert(address, list), nullptr);
        model[address] = list;
      } else if (random() % 2 == 0) {
        ASSERT_EQ(found->list, model[address]);
        table.Erase(*found);
        model.erase(address);
      } else {
        random() % 2 == 0 ? table.MoveToBack(*found, list) : table.MoveToFront(*found, list);
        model[address] = list;
      }
    }
    for (const List list : {List::kClaimed, List::kConfirmed, List::kAsking, List::kUnreachable}) {
      std::size_t expected = 0;
      for (const auto& [address, of] : model) expected += of == list ? 1U : 0U;
      EXPECT_EQ(table.size(list), expected);
    }
    EXPECT_EQ(table.size(List::kFree), 64 - model.size());
  }
}

}  // namespace
}  // namespace slipway::arp
