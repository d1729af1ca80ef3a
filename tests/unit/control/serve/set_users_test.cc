// SPDX-License-Identifier: Apache-2.0
#include "control/serve/set_users.h"

#include <gmock/gmock.h>

#include "control/serve/snapshot_builder.h"
#include "control/text.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/serve/image_sets.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SetUsersTest : public testing::Test {
 protected:
  SetUsersTest() {
    const ConfigResult parsed =
        ParseConfig(Text(kSitePort, kSiteLab, kSiteProxy, "[boot]\nimage_set = \"all:1\"\n",
                         "[[boot.override]]\narchitecture = \"x64\"\nimage_set = \"chain:1\"\n",
                         "[[machine]]\nmac = \"52:54:00:00:00:99\"\nimage_set = \"file:1\"\n"),
                    "s.toml");
    EXPECT_TRUE(parsed.config) << Report(parsed, "s.toml");
    config_ = parsed.config.value_or(Config{});
    Rule rule;
    rule.name = "racks";
    rule.image_set = ImageSetName{.name = "ruled", .tag = "1"};
    rules_.push_back(rule);
    rule.name = "unset";
    rule.image_set.reset();
    rules_.push_back(rule);
    Rollout rollout;
    rollout.stable = {.name = "ruled", .tag = "stable"};
    rollout.candidate = {.name = "ruled", .tag = "next"};
    rollouts_.push_back(rollout);
    for (std::uint8_t i = 1; i <= 5; ++i) {
      auto machine = std::make_shared<Machine>();
      machine->id = i;
      machine->mac = MacAddress{{0x52, 0x54, 0, 0, 0, i}};
      if (i <= 4) machine->image_set = ImageSetName{.name = "own", .tag = "1"};
      machines_.push_back(std::move(machine));
    }
  }
  std::vector<std::string> Of(const std::string& reference) const {
    return SetUsers(reference, {.config = config_,
                                .machines = machines_,
                                .rules = rules_,
                                .rollouts = rollouts_,
                                .sets = sets_});
  }

  Config config_;
  std::vector<Rule> rules_;
  std::vector<Rollout> rollouts_;
  MachineList machines_;
  std::vector<ImageSet> sets_;
};

TEST_F(SetUsersTest, EveryWayToASetHasItsName) {
  EXPECT_THAT(Of("all:1"), ElementsAre("[boot] of slipway.toml"));
  EXPECT_THAT(Of("chain:1"), ElementsAre("[[boot.override]] of slipway.toml"));
  EXPECT_THAT(Of("file:1"), ElementsAre("machine 52:54:00:00:00:99 of slipway.toml"));
  EXPECT_THAT(Of("ruled:1"), ElementsAre("rule racks"));
  EXPECT_THAT(Of("ruled:stable"), ElementsAre("the rollout of ruled:stable"));
  EXPECT_THAT(Of("ruled:next"), ElementsAre("the rollout of ruled:stable"));
  EXPECT_THAT(Of("ruled:2"), IsEmpty());
}

TEST_F(SetUsersTest, OfManyMachinesAFewAreNamed) {
  EXPECT_THAT(Of("own:1"), ElementsAre("machine 52:54:00:00:00:01", "machine 52:54:00:00:00:02",
                                       "machine 52:54:00:00:00:03", "1 more"));
  machines_.erase(machines_.begin());
  EXPECT_THAT(Of("own:1"), ElementsAre("machine 52:54:00:00:00:02", "machine 52:54:00:00:00:03",
                                       "machine 52:54:00:00:00:04"));
}

TEST_F(SetUsersTest, WhatAnAssignedSetNeedsIsUsedByIt) {
  for (const char* reference : {"own:1", "idle:1", "tree:1", "base:1"}) {
    sets_.push_back(SetOf(reference));
  }
  sets_[0].needs[kNeedsImageSet] = "tree:1";
  sets_[1].needs[kNeedsImageSet] = "base:1";
  EXPECT_THAT(Of("tree:1"), ElementsAre("image set own:1, which needs it"));
  EXPECT_THAT(Of("base:1"), IsEmpty()) << "nobody boots what needs it";
  sets_[2].needs[kNeedsImageSet] = "base:1";
  EXPECT_THAT(Of("base:1"), ElementsAre("image set tree:1, which needs it"));
}

}  // namespace
}  // namespace slipway::control
