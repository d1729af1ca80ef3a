// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/sbat.h"

#include <gmock/gmock.h>

#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSection =
    "sbat,1,SBAT Version,sbat,1,https://example/\n"
    "grub,3,Free Software Foundation,grub,2.06,https://example/\n";

Sbat Level(std::string_view text) { return *ParseSbatLevel(AsBytes(text)); }

TEST(Sbat, ASectionsLinesAreComponentsAndGenerations) {
  const auto sbat = ParseSbat(AsBytes(kSection));
  ASSERT_TRUE(sbat.ok()) << sbat.status();
  ASSERT_EQ(sbat->size(), 2u);
  EXPECT_EQ((*sbat)[1], (SbatEntry{"grub", 3, "Free Software Foundation", "2.06"}));
  // What follows a NUL is padding; carriage returns and a byte order mark are let pass.
  for (const std::string& same : {"\xef\xbb\xbf" + std::string(kSection),
                                  std::string(kSection) + std::string("\0garbage", 8)}) {
    EXPECT_EQ(*ParseSbat(AsBytes(same)), *sbat);
  }
}

TEST(Sbat, MalformedSectionsAreRefused) {
  for (const std::string_view wrong :
       {"", "\n\n", "grub,3,a,b,c,d\n", "sbat,1\n", "sbat,1,a,b,c\n", "sbat,1,a,b,c,d\ngrub\n",
        "sbat,1,a,b,c,d\n\x01,1,a,b,c,d\n"}) {
    const auto sbat = ParseSbat(AsBytes(wrong));
    EXPECT_FALSE(sbat.ok()) << wrong;
    EXPECT_THAT(sbat.status().ToString(), HasSubstr("malformed"));
  }
}

TEST(Sbat, AnOlderGenerationThanTheLevelAsksForIsRevoked) {
  const Sbat sbat = *ParseSbat(AsBytes(kSection));
  EXPECT_FALSE(FindRevoked(sbat, Level("sbat,1,2024\ngrub,3\n")));
  EXPECT_FALSE(FindRevoked(sbat, Level("sbat,1,2024\nshim,9\ngrub.debian,9\n")));
  const auto revoked = FindRevoked(sbat, Level("sbat,1,2024\nshim,4\ngrub,4\n"));
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->entry.component, "grub");
  EXPECT_EQ(revoked->wanted, 4u);
  EXPECT_TRUE(FindRevoked(sbat, Level("sbat,2,2024\n")));
}

TEST(Sbat, AGenerationThatIsNoNumberIsZeroAsInShim) {
  const auto sbat = ParseSbat(AsBytes("sbat,1,a,b,c,d\ngrub,x,a,b,c,d\nx,99999999999,a,b,c,d\n"));
  ASSERT_TRUE(sbat.ok());
  EXPECT_TRUE(FindRevoked(*sbat, Level("sbat,1,2024\ngrub,1\n")));
  EXPECT_FALSE(FindRevoked(*sbat, Level("sbat,1,2024\nx,4294967295\n")));
}

TEST(Sbat, TheLevelOfTheLaterDateIsTheNewer) {
  const Sbat old = Level("sbat,1,2023012900\nshim,2\n");
  const Sbat later = Level("sbat,1,2025051000\nshim,4\n");
  EXPECT_EQ(NewerLevel(old, later), later);
  EXPECT_EQ(NewerLevel(later, old), later);
  EXPECT_EQ(NewerLevel({}, old), old);
}

TEST(Sbat, ShimBringsItsLevelsAlong) {
  const std::string bytes = ReadAll(kShim);
  const auto image = ParsePe(AsBytes(bytes));
  ASSERT_TRUE(image.ok());
  const auto levels = ReadSbatLevels(*image);
  ASSERT_TRUE(levels.ok() && levels->has_value()) << levels.status();
  EXPECT_EQ((*levels)->automatic.front().component, "sbat");
  EXPECT_EQ((*levels)->automatic[1].component, "shim");
  EXPECT_GE((*levels)->latest.front().version, (*levels)->automatic.front().version);
  const std::string grub = ReadAll(kGrub);
  EXPECT_FALSE(ReadSbatLevels(*ParsePe(AsBytes(grub)))->has_value());
}

TEST(Sbat, AShimsBrokenLevelsAreRefused) {
  for (const std::string& level :
       {std::string("\0\0\0", 3), std::string("\0\0\0\0\xff\xff\xff\xff\0\0\0\0sbat,1,2\n", 21),
        std::string("\1\0\0\0\x08\0\0\0\x08\0\0\0sbat,1,2\n", 21)}) {
    const std::string bytes = PeBuilder{.sections = {{".x", level}}}.Build();
    auto image = ParsePe(AsBytes(bytes));
    ASSERT_TRUE(image.ok());
    image->sections.front().name = ".sbatlevel";
    EXPECT_FALSE(ReadSbatLevels(*image).ok());
  }
}

}  // namespace
}  // namespace slipway::control
