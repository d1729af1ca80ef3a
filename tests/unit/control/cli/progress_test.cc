// SPDX-License-Identifier: Apache-2.0
//
// What a line of progress says, and what a rate is taken from.
#include "control/progress.h"

#include <gmock/gmock.h>

namespace slipway::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;

TEST(ProgressLineTest, SaysHowMuchHowFastAndHowLongStill) {
  EXPECT_EQ(
      ProgressLine({30 * kMebi, 120 * kMebi, 3.0 * static_cast<double>(kMebi), "is sent"}, 100),
      "[######..................] 25% 30.0 MiB of 120.0 MiB  3.0 MiB/s  0:30 left  is sent");
  EXPECT_EQ(ProgressLine({120 * kMebi, 120 * kMebi, 3.0 * static_cast<double>(kMebi)}, 79),
            "[########################] 100% 120.0 MiB of 120.0 MiB  3.0 MiB/s");
  EXPECT_EQ(ProgressLine({1536, 4096}, 79), "[#########...............] 37% 1.5 KiB of 4.0 KiB");
  EXPECT_EQ(ProgressLine({500, 1000}, 79), "[############............] 50% 0.4 KiB of 0.9 KiB");
}

TEST(ProgressLineTest, SaysWhatIsKnown) {
  EXPECT_EQ(ProgressLine({}, 79), "");
  EXPECT_EQ(ProgressLine({.doing = "asks"}, 79), "asks");
  EXPECT_EQ(ProgressLine({.bytes = 5 * kMebi}, 79), "5.0 MiB");
  // More came than was said: it is whole, and no more.
  EXPECT_THAT(ProgressLine({9, 4}, 79), testing::HasSubstr("] 100% "));
  // No estimate where it would be of days.
  EXPECT_THAT(ProgressLine({1, 1'000'000'000'000, 2}, 79),
              testing::Not(testing::HasSubstr("left")));
  EXPECT_THAT(ProgressLine({0, 9'000, 1}, 79), testing::HasSubstr("2:30:00 left"));
}

TEST(ProgressLineTest, IsNoWiderThanTheTerminal) {
  EXPECT_EQ(ProgressLine({1, 2, 3, "is sent"}, 10), "[#########");
  EXPECT_EQ(ProgressLine({.bytes = 0, .doing = "the appliance reads it"}, 13), "the appliance");
}

TEST(RateTest, IsOfTheLastSeconds) {
  Rate rate;
  Rate::Time now(seconds(100));
  rate.Note(0, now);
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.Note(1000, now + milliseconds(50));
  EXPECT_EQ(rate.bytes_per_second(), 0) << "too soon to say";
  // A thousand a second for a minute, then ten times that.
  std::uint64_t bytes = 0;
  for (int i = 0; i < 240; ++i) rate.Note(bytes += 250, now += milliseconds(250));
  EXPECT_NEAR(rate.bytes_per_second(), 1000, 1);
  for (int i = 0; i < 40; ++i) rate.Note(bytes += 2500, now += milliseconds(250));
  EXPECT_NEAR(rate.bytes_per_second(), 10'000, 1) << "what was before is over";
  // It stands still.
  for (int i = 0; i < 40; ++i) rate.Note(bytes, now += milliseconds(250));
  EXPECT_EQ(rate.bytes_per_second(), 0);
}

TEST(RateTest, BeginsAnewWithAnotherFile) {
  Rate rate;
  const Rate::Time now(seconds(100));
  rate.Note(0, now);
  rate.Note(1'000'000, now + seconds(1));
  rate.Note(10, now + seconds(2));
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.Note(1010, now + seconds(3));
  EXPECT_NEAR(rate.bytes_per_second(), 1000, 1);
}

}  // namespace
}  // namespace slipway::control
