// SPDX-License-Identifier: Apache-2.0
#include "control/policy/rollout.h"

#include <gmock/gmock.h>

#include "control/serve/version_tally.h"

namespace slipway::control {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const ImageSetName kStable{"debian", "stable"};

Machine Numbered(unsigned number) {
  Machine machine;
  machine.mac = MacAddress{{0x52, 0x54, 0, 0, static_cast<std::uint8_t>(number >> 8),
                            static_cast<std::uint8_t>(number)}};
  return machine;
}

TEST(Rollout, ADocumentComesBackAsItWas) {
  const json body = {{"stable", "debian:stable"},
                     {"candidate", "debian:next"},
                     {"candidate_digest", "0123456789abcdef"},
                     {"stable_digest", "fedcba9876543210"},
                     {"selector", "rack=a1"},
                     {"percent", 10},
                     {"failures_max", 3}};
  const auto rollout = ParseRollout(kStable, body);
  ASSERT_TRUE(rollout.ok()) << rollout.status();
  EXPECT_EQ(ToJson(*rollout), body);
}

TEST(Rollout, AMistakeIsNamedByItsMember) {
  const struct {
    json body;
    const char* says;
  } kCases[] = {
      {{{"percent", 5}}, "candidate: missing"},
      {{{"candidate", "debian:stable"}}, "candidate: the tag itself"},
      {{{"candidate", "../x"}}, "candidate: not \"name:tag\""},
      {{{"candidate", "a:1"}, {"percent", 101}}, "percent: not a number from 0 to 100"},
      {{{"candidate", "a:1"}, {"percent", -1}}, "percent: not a number"},
      {{{"candidate", "a:1"}, {"selector", "arch=x64"}}, "'arch' is known only when a machine"},
      {{{"candidate", "a:1"}, {"candidate_digest", "latest"}}, "candidate_digest: not a version's"},
      {{{"candidate", "a:1"}, {"stable_digest", 7}}, "stable_digest: not a version's"},
      {{{"candidate", "a:1"}, {"speed", 1}}, "speed: no such member"},
      {json::array(), "is a JSON object"},
  };
  for (const auto& each : kCases) {
    const auto rollout = ParseRollout(kStable, each.body);
    ASSERT_FALSE(rollout.ok()) << each.body;
    EXPECT_THAT(std::string(rollout.status().message()), HasSubstr(each.says));
  }
}

TEST(Rollout, ItIsPromotedWhereBothTagsLeadToWhatTheyLedTo) {
  const Rollout rollout{.stable = kStable,
                        .candidate = {"debian", "next"},
                        .candidate_digest = "c",
                        .stable_digest = "s",
                        .selector = {}};
  Rollout before = rollout;  // of a release that did not note it
  before.stable_digest = "";
  const struct {
    const Rollout& rollout;
    const char *candidate, *stable, *says;
  } kCases[] = {{rollout, "c", "s", ""},
                {rollout, "c", "c", ""},
                {rollout, "c", "", ""},
                {before, "c", "x", ""},
                {rollout, "x", "s", "debian:next: has moved"},
                {rollout, "x", "y", "debian:next: has moved"},
                {rollout, "c", "x", "c was tried against s, and the tag leads to x"}};
  for (const auto& each : kCases) {
    const absl::Status status = CheckUnmoved(each.rollout, each.candidate, each.stable);
    EXPECT_EQ(status.ok(), *each.says == '\0') << each.candidate << each.stable;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.says));
  }
}

TEST(Rollout, APercentageIsOfTheSameMachinesAndOfMoreWhenItRises) {
  constexpr unsigned kMachines = 10'000;
  Rollout rollout{.stable = kStable, .candidate = {"debian", "next"}, .selector = {}};
  std::vector<bool> before(kMachines);
  for (const unsigned percent : {0u, 1u, 10u, 50u, 99u, 100u}) {
    rollout.percent = percent;
    unsigned count = 0;
    for (unsigned i = 0; i < kMachines; ++i) {
      const bool is_in = InCanary(rollout, Numbered(i));
      EXPECT_TRUE(is_in || !before[i]) << "machine " << i << " left at " << percent << " %";
      before[i] = is_in;
      count += is_in ? 1u : 0u;
    }
    EXPECT_NEAR(count, kMachines * percent / 100.0, kMachines / 50.0) << percent << " %";
  }
}

TEST(Rollout, TagsAreNotTriedOnTheSameMachinesEachTime) {
  Rollout one{.stable = kStable, .candidate = {"a", "1"}, .selector = {}, .percent = 10};
  Rollout other{
      .stable = {"suse", "stable"}, .candidate = {"b", "1"}, .selector = {}, .percent = 10};
  unsigned both = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    both += InCanary(one, Numbered(i)) && InCanary(other, Numbered(i)) ? 1u : 0u;
  }
  EXPECT_NEAR(both, 100, 60);
}

Boot BootOf(std::uint8_t last, std::int64_t id, BootOutcome outcome, const std::string& path) {
  Boot boot;
  boot.id = id;
  boot.mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}};
  boot.outcome = outcome;
  boot.words = "stopped answering";
  boot.steps = {{.kind = dataplane::EventKind::kHttpRequest, .text = "GET " + path}};
  return boot;
}

TEST(VersionTally, EachBootCountsOnceAsItEndedLast) {
  VersionTally tally;
  tally.Keep({"debian/0123456789ab"});
  const std::string path = "/debian/0123456789ab/x.efi";
  EXPECT_EQ(tally.Take(BootOf(1, 1, BootOutcome::kFailed, path)), "debian/0123456789ab");
  tally.Take(BootOf(1, 1, BootOutcome::kFailed, path));
  tally.Take(BootOf(2, 2, BootOutcome::kAbandoned, path));
  EXPECT_EQ(tally.Of("debian/0123456789ab").failed, 2u);
  tally.Take(BootOf(1, 1, BootOutcome::kComplete, path));
  tally.Take(BootOf(1, 3, BootOutcome::kComplete, path));
  const VersionCount count = tally.Of("debian/0123456789ab");
  EXPECT_EQ(count.complete, 2u);
  EXPECT_EQ(count.failed, 1u);
  EXPECT_EQ(count.last_failure, "52:54:00:00:00:02: stopped answering");
  for (const char* none : {"/debian/stable/x.efi", "/x", "", "/debian/0123456789AB/x",
                           "/debian/0123456789abc/x", "/debian/ffffffffffff/x"}) {
    EXPECT_EQ(tally.Take(BootOf(3, 9, BootOutcome::kComplete, none)), "") << none;
  }
}

TEST(VersionTally, ARefusedBootIsNoMoreCompleteAlsoWhereTheMachineHasTriedAgainSince) {
  VersionTally tally;
  tally.Keep({"debian/0123456789ab"});
  const std::string path = "/debian/0123456789ab/x.efi";
  tally.Take(BootOf(1, 1, BootOutcome::kComplete, path));
  tally.Take(BootOf(1, 2, BootOutcome::kFailed, path));
  tally.Take(BootOf(1, 1, BootOutcome::kFailed, path));
  EXPECT_EQ(tally.Of("debian/0123456789ab").complete, 0u);
  EXPECT_EQ(tally.Of("debian/0123456789ab").failed, 2u);
  EXPECT_THAT(tally.TakeChanged().failed_all_the_same, testing::ElementsAre(1));
}

TEST(VersionTally, WhichBootsFailedAllTheSameIsGivenWithTheirStories) {
  VersionTally tally;
  tally.Keep({"debian/0123456789ab"});
  const std::string path = "/debian/0123456789ab/x.efi";
  for (const std::int64_t boot : std::initializer_list<std::int64_t>{1, 2, 3}) {
    tally.Take(BootOf(1, boot, BootOutcome::kFailed, path));
  }
  tally.Take(BootOf(1, 2, BootOutcome::kComplete, path));
  std::vector<Boot> stories;
  stories.push_back(BootOf(1, 1, BootOutcome::kUnderWay, path));
  stories.push_back(BootOf(1, 2, BootOutcome::kComplete, path));
  stories.push_back(BootOf(1, 3, BootOutcome::kFailed, path));
  stories.push_back(BootOf(1, 4, BootOutcome::kUnderWay, path));
  const VersionCounts counts = tally.TakeChanged(stories);
  EXPECT_THAT(counts.failed_all_the_same, testing::ElementsAre(1));
  // It completes before the disk has room again.
  tally.NotStored(counts);
  tally.Take(BootOf(1, 1, BootOutcome::kComplete, path));
  EXPECT_THAT(tally.TakeChanged().failed_all_the_same, testing::IsEmpty());
}

TEST(VersionTally, WhatChangedIsGivenOnceAndGoesOnInTheNextProcess) {
  const std::string version = "debian/0123456789ab";
  const std::string path = "/debian/0123456789ab/x.efi";
  VersionTally tally;
  tally.Keep({version});
  tally.Take(BootOf(1, 1, BootOutcome::kComplete, path));
  const VersionCounts counts = tally.TakeChanged();
  EXPECT_EQ(counts.versions.at(version).complete, 1u);
  EXPECT_TRUE(tally.TakeChanged().is_empty());
  tally.NotStored(counts);
  EXPECT_EQ(tally.TakeChanged().versions.at(version).complete, 1u);
  VersionTally next;
  next.Restore(counts);
  next.Keep({version});
  EXPECT_TRUE(next.Recall(1));
  next.Take(BootOf(1, 1, BootOutcome::kComplete, path));
  EXPECT_EQ(next.Of(version).complete, 1u);
  next.Keep({});
  EXPECT_EQ(next.TakeChanged().versions.at(version).complete, 0u) << "no tag leads to it any more";
}

}  // namespace
}  // namespace slipway::control
