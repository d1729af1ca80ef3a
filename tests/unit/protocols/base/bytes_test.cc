// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/bytes.h"

#include <gtest/gtest.h>

#include "protocols/base/endian.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/wire/view.h"

namespace slipway {
namespace {

TEST(Reader, ReadsNetworkOrderStraightDown) {
  const std::array<std::uint8_t, 10> bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  Reader reader(bytes);
  EXPECT_EQ(reader.U8(), 0x01);
  EXPECT_EQ(reader.U16(), 0x0203);
  EXPECT_EQ(reader.U24(), 0x040506U);
  EXPECT_EQ(reader.U32(), 0x0708090aU);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.empty());
}

TEST(Reader, FailsStickilyBeyondTheEnd) {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  Reader reader(bytes);
  EXPECT_EQ(reader.U32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.U8(), 0) << "what was left must not be readable after a failure";
}

TEST(Reader, ANarrowedReaderCannotLeaveItsBytes) {
  const std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  Reader reader(bytes);
  Reader sub = reader.Narrow(2);
  EXPECT_EQ(sub.U16(), 0x0102);
  static_cast<void>(sub.U8());
  EXPECT_FALSE(sub.ok());
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.U16(), 0x0304);
}

TEST(Writer, WritesWhatReaderReadsAndStopsAtTheEnd) {
  std::array<std::uint8_t, 7> bytes{};
  Writer writer(bytes);
  writer.U16(0x0102);
  writer.U32(0x03040506);
  EXPECT_TRUE(writer.ok());
  writer.U16(0xffff);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 6U);
  EXPECT_EQ(bytes[6], 0) << "a write that does not fit writes nothing";
  Reader reader(bytes);
  EXPECT_EQ(reader.U16(), 0x0102);
  EXPECT_EQ(reader.U32(), 0x03040506U);
}

struct Layout {
  std::uint8_t first;
  Big<std::uint32_t> second;
};
static_assert(sizeof(Layout) == 5);

TEST(View, TakeGivesALayoutOrNullAndAdvancesOnlyOnSuccess) {
  const std::array<std::uint8_t, 6> storage{9, 0, 0, 1, 2, 7};
  Bytes bytes = storage;
  const Layout* layout = Take<Layout>(bytes);
  ASSERT_NE(layout, nullptr);
  EXPECT_EQ(layout->second, 0x102U);
  EXPECT_EQ(bytes.size(), 1U);
  EXPECT_EQ(Take<Layout>(bytes), nullptr);
  EXPECT_EQ(bytes.size(), 1U);
}

TEST(Ipv4Address, ParsesDottedQuadsOnly) {
  EXPECT_EQ(Ipv4Address::Parse("10.77.0.1"), Ipv4Address(10, 77, 0, 1));
  for (const char* bad : {"", "10", "10.0.0", "10.0.0.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1 ",
                          "-1.0.0.0", "10..0.0", "a.b.c.d"}) {
    EXPECT_EQ(Ipv4Address::Parse(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(Ipv4Address(255, 0, 10, 1).ToString(), "255.0.10.1");
}

TEST(Ipv4Prefix, KnowsItsNetworkAndBroadcast) {
  const auto prefix = Ipv4Prefix::Parse("10.77.3.9/22");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->network(), Ipv4Address(10, 77, 0, 0));
  EXPECT_EQ(prefix->broadcast(), Ipv4Address(10, 77, 3, 255));
  EXPECT_TRUE(prefix->Contains(Ipv4Address(10, 77, 2, 200)));
  EXPECT_FALSE(prefix->Contains(Ipv4Address(10, 77, 4, 0)));
  EXPECT_EQ(Ipv4Prefix::Parse("0.0.0.0/0")->mask(), Ipv4Address(0, 0, 0, 0));
  EXPECT_EQ(Ipv4Prefix::Parse("10.0.0.0/33"), std::nullopt);
}

TEST(MacAddress, ParsesAndPrints) {
  const auto mac = MacAddress::Parse("52:54:00:Ab-cD:ef");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->ToString(), "52:54:00:ab:cd:ef");
  EXPECT_TRUE(mac->is_station());
  EXPECT_EQ(MacAddress::Parse("52:54:00:ab:cd"), std::nullopt);
  EXPECT_EQ(MacAddress::Parse("52:54:00:ab:cd:eg"), std::nullopt);
  EXPECT_TRUE(MacAddress::Broadcast().is_group());
}

}  // namespace
}  // namespace slipway
