// SPDX-License-Identifier: Apache-2.0
//
// A program that firmware under Secure Boot does not run: what a rollout counts, and a plan, and
// what an operator is told of the machine, also when the candidate is gone from it.
#include "control/serve/canary_watch.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "control/serve/plan_watch.h"
#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::HasSubstr;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::string_view kFirmware = "HTTPClient:Arch:00016 discover=67f18dbc6287be40";

class CanaryTest : public RestTest {
 protected:
  // The firmware's db is known by its file, or is what Slipway takes it for.
  void Start(bool db_is_known) {
    End();
    secure_boot_ = db_is_known
                       ? Text("[secure_boot]\ndb = [\"", std::string(kMicrosoftVariables), "\"]\n")
                       : "";
    Begin();
    ImportBootFile("debian:stable");  // text, which no firmware would run either: not judged
    Import("debian:next", "unsigned.efi", PeBuilder{}.Build());
    ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 canary=yes").code, 0);
    Try("debian:next");
  }
  // Against the stable tag, for a day already: boots that are told of here began after it did.
  void Try(const std::string& candidate) {
    ASSERT_EQ(Slipway(Text("rollout start debian:stable ", candidate, " --failures-max 1")).code,
              0);
    std::vector<Rollout> rollouts = *core_->Rollouts();
    ASSERT_EQ(rollouts.size(), 1u);
    rollouts[0].first_boot -= 86'400'000'000;
    ASSERT_TRUE(core_->store().PutRollout(rollouts[0], DaemonActor()).ok());
  }
  void Import(const std::string& reference, const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    const Ran ran = Slipway("image import " + (folder_ / name).string() + " " + reference);
    ASSERT_EQ(ran.code, 0) << ran.text;
  }
  static std::int64_t Now() {
    return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  }
  void Tell(std::int64_t seconds_ago, EventKind kind, std::int64_t number, std::string_view text) {
    dataplane::Event event;
    event.kind = kind;
    event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
    event.unix_nanoseconds = Now() - seconds_ago * kSecond;
    event.number = number;
    event.set_text(text);
    core_->timelines().Take(event);
  }
  // What it asks for of a tag's version.
  std::string Get(const std::string& reference) {
    const auto sets = *core_->Images();
    const auto set = std::ranges::find(sets, reference, &ImageSet::reference);
    return Text("GET /debian/", set->digest.substr(0, 12), "/", set->files.front().path);
  }
  // The canary has the whole file of a tag's version.
  void Downloads(const std::string& reference, std::int64_t seconds_ago) {
    const std::string path = Get(reference);
    Tell(seconds_ago + 4, EventKind::kDhcpDiscover, 0x10, kFirmware);
    Tell(seconds_ago + 2, EventKind::kDhcpAck, 3600, "");
    Tell(seconds_ago + 1, EventKind::kHttpRequest, 200, path);
    Tell(seconds_ago, EventKind::kHttpComplete, 2048, path);
  }
  // The canary cannot have what it asks for.
  void FailsNow(const std::string& reference) {
    Tell(0, EventKind::kDhcpDiscover, 0x10, kFirmware);
    Tell(0, EventKind::kDhcpAck, 3600, "");
    Tell(0, EventKind::kHttpRequest, 404, Get(reference));
  }
  // As the event thread does it.
  void Tidy() {
    for (const Boot& boot : core_->timelines().TakeEnded()) {
      core_->NoteBoot(boot);
      watch_.Take(boot);
    }
    for (const Boot& boot : watch_.Refused(*core_, Now())) core_->NoteBoot(boot);
  }
  // One commit of boots and counts.
  void Store(bool under_way) {
    ASSERT_TRUE(core_->KeepCanaries().ok());
    const std::vector<Boot> boots = core_->timelines().TakeChanged(under_way);
    const VersionCounts counts = core_->tally().TakeChanged(boots);
    ASSERT_TRUE(core_->archive().Put(boots, {.boots_per_machine = 8}, counts).ok());
  }
  // What has happened so far is on disk, as a process that ends leaves it; after kill -9 boots
  // under way are as they were stored before.
  void Restart(bool is_killed = false) {
    Store(!is_killed);
    End();
    Begin();
    watch_ = {};
  }
  nlohmann::json Rollouts() {
    return nlohmann::json::parse(client_->Get("/api/v1/rollouts")->body);
  }

  CanaryWatch watch_;
};

TEST_F(CanaryTest, ACandidateThatFirmwareRefusesIsRolledBack) {
  Start(true);
  Downloads("debian:next", 10);
  Tidy();
  ASSERT_EQ(Rollouts().size(), 1u) << "so long a program may be silent";
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["complete"], 1);
  watch_ = {};
  Start(true);
  Downloads("debian:next", 30);
  Tidy();
  EXPECT_EQ(Rollouts().size(), 0u);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("rolled back"));
}

TEST_F(CanaryTest, ARestartLooksAgainAtWhatTheProcessBeforeHadNot) {
  Start(true);
  Downloads("debian:next", 40);
  core_->timelines().TakeEnded();
  Restart();
  ASSERT_TRUE(watch_.Resume(*core_, Now()).ok());
  Tidy();
  ASSERT_EQ(Rollouts().size(), 1u) << "it may have been heard of while nobody listened";
  watch_ = {};
  ASSERT_TRUE(watch_.Resume(*core_, Now() - 26 * kSecond).ok());
  Tidy();
  EXPECT_EQ(Rollouts().size(), 0u);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("rolled back"));
}

// A boot of the version, from before somebody tries that: of this process, and of the one before.
TEST_F(CanaryTest, ABootFromBeforeTheTrialDoesNotCountAgainstIt) {
  for (const bool is_another_process : {false, true}) {
    watch_ = {};
    Start(true);
    ASSERT_EQ(Slipway("rollout rollback debian:stable").code, 0);
    Downloads("debian:next", 30);
    for (const Boot& boot : core_->timelines().TakeEnded()) {
      core_->NoteBoot(boot);
      watch_.Take(boot);
    }
    ASSERT_EQ(Slipway("rollout start debian:stable debian:next --failures-max 1").code, 0);
    if (is_another_process) {
      Restart();
      ASSERT_TRUE(watch_.Resume(*core_, Now() - 26 * kSecond).ok());
    }
    Tidy();
    ASSERT_EQ(Rollouts().size(), 1u);
    EXPECT_EQ(Rollouts()[0]["candidate_boots"]["failed"], 1) << "of its version it is one";
    FailsNow("debian:next");
    Tidy();
    EXPECT_EQ(Rollouts().size(), 0u);
  }
}

TEST_F(CanaryTest, ATrialGoesOnWithItsBootsWhereTheClockWasSetBackSince) {
  Start(true);
  std::vector<Rollout> rollouts = *core_->Rollouts();
  rollouts[0].first_boot = Now() / 1000 + 3'600'000'000;  // it began in an hour
  ASSERT_TRUE(core_->store().PutRollout(rollouts[0], DaemonActor()).ok());
  Restart();
  FailsNow("debian:next");
  Tidy();
  EXPECT_EQ(Rollouts().size(), 0u);
}

TEST_F(CanaryTest, ABootHasAnIdOfItsOwnThoughTheClockIsBehindTheTrial) {
  Start(true);
  std::vector<Rollout> rollouts = *core_->Rollouts();
  rollouts[0].first_boot = Now() / 1000 + 3'600'000'000;
  ASSERT_TRUE(core_->store().PutRollout(rollouts[0], DaemonActor()).ok());
  std::vector<std::int64_t> ids;
  for (int process = 0; process < 3; ++process) {
    Restart();
    Downloads("debian:stable", 10);
    Tidy();
    ids.push_back(core_->timelines().Of(MacAddress{{0x52, 0x54, 0, 0, 0, 1}}).back().id);
  }
  EXPECT_EQ(ids[0], rollouts[0].first_boot);
  EXPECT_GT(ids[1], ids[0]);
  EXPECT_GT(ids[2], ids[1]);
}

TEST_F(CanaryTest, HoweverLongNobodyListenedItIsLookedAtAgain) {
  Start(true);
  Downloads("debian:next", 7200);
  for (const Boot& boot : core_->timelines().TakeEnded()) core_->NoteBoot(boot);
  Restart();
  ASSERT_TRUE(watch_.Resume(*core_, Now() - 26 * kSecond).ok());
  Tidy();
  EXPECT_EQ(Rollouts().size(), 0u);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("rolled back"));
}

TEST_F(CanaryTest, WhatIsHeardOfAfterARestartIsOfTheBootBefore) {
  Start(true);
  Downloads("debian:next", 40);
  Restart();
  ASSERT_TRUE(watch_.Resume(*core_, Now() - 26 * kSecond).ok());
  Tell(22, EventKind::kDhcpDiscover, -1, "an installed system");
  Tidy();
  EXPECT_EQ(Rollouts().size(), 1u);
}

TEST_F(CanaryTest, ItIsCountedAsFailedAndNoMoreAsComplete) {
  Start(true);
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --failures-max 0").code, 0);
  Downloads("debian:next", 30);
  Tidy();
  Tidy();
  const auto count = Rollouts()[0]["candidate_boots"];
  EXPECT_EQ(count["complete"], 0);
  EXPECT_EQ(count["failed"], 1);
  EXPECT_THAT(count["last_failure"].get<std::string>(), HasSubstr("it is not signed"));
}

TEST_F(CanaryTest, ARestartCountsARefusedBootOnce) {
  Start(true);
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --failures-max 0").code, 0);
  Downloads("debian:next", 30);
  for (const Boot& boot : core_->timelines().TakeEnded()) core_->NoteBoot(boot);
  Restart();
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["complete"], 1) << "nobody has looked again";
  for (int restarts = 0; restarts < 3; ++restarts) {
    ASSERT_TRUE(watch_.Resume(*core_, Now() - 26 * kSecond).ok());
    Tidy();
    EXPECT_EQ(Rollouts()[0]["candidate_boots"]["complete"], 0) << restarts;
    EXPECT_EQ(Rollouts()[0]["candidate_boots"]["failed"], 1) << restarts;
    Restart();
  }
}

// It is counted, goes on before it is stored, and the process is killed before boots under way are.
TEST_F(CanaryTest, ABootThatGoesOnWhileItIsCountedFailsOnceAlsoForTheProcessAfter) {
  Start(true);
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --failures-max 0").code, 0);
  Tell(60, EventKind::kDhcpDiscover, 0x10, kFirmware);
  Tell(59, EventKind::kDhcpAck, 3600, "");
  Tell(58, EventKind::kHttpRequest, 200, Get("debian:next"));
  Store(true);
  Tell(50, EventKind::kTcpTimedOut, 0, "");
  for (const Boot& boot : core_->timelines().TakeEnded()) core_->NoteBoot(boot);
  Tell(49, EventKind::kDhcpAck, 3600, "");
  ASSERT_EQ(core_->timelines().counts().under_way, 1u);
  Restart(true);
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["failed"], 1);
  core_->timelines().Sweep(Now() + 400 * kSecond);
  Tidy();
  EXPECT_EQ(core_->timelines().counts().abandoned, 1u);
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["failed"], 1);
}

TEST_F(CanaryTest, AProgramThatIsHeardOfRuns) {
  Start(true);
  Downloads("debian:next", 30);
  Tell(20, EventKind::kDnsQuery, 1, "deb.debian.org");
  Tidy();
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["complete"], 1);
}

TEST_F(CanaryTest, SilenceProvesNothingWhereNobodySaidWhatMachinesTrustButANewTryDoes) {
  Start(false);
  Downloads("debian:next", 30);
  Tidy();
  ASSERT_EQ(Rollouts().size(), 1u);
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["complete"], 1);
  watch_ = {};
  Start(false);
  Downloads("debian:next", 30);
  Tell(28, EventKind::kDhcpDiscover, 0x07, "PXEClient:Arch:00007");
  Tidy();
  EXPECT_EQ(Rollouts().size(), 0u);
}

// What nobody judged, or would be accepted as far as is known.
TEST_F(CanaryTest, FirmwareThatIsBackAtOnceDidNotBootWhereNobodySaidWhatItTrusts) {
  for (const bool db_is_known : {true, false}) {
    watch_ = {};
    Start(db_is_known);
    ImportBootFile("debian:other", 6000);
    Try("debian:other");
    Downloads("debian:other", 30);
    Tell(27, EventKind::kDhcpDiscover, 0x10, kFirmware);
    Tidy();
    EXPECT_EQ(Rollouts().size(), db_is_known ? 1u : 0u);
  }
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("rolled back"));
}

TEST_F(CanaryTest, WhyJudgesWhatWasBootedAndNotWhatWouldBeNow) {
  Start(true);
  Downloads("debian:next", 30);
  ASSERT_EQ(Slipway("rollout rollback debian:stable").code, 0);
  const Ran why = Slipway("why 52:54:00:00:00:01");
  EXPECT_EQ(why.code, 1);
  EXPECT_THAT(why.text, HasSubstr("[secure_boot.refused]"));
  EXPECT_THAT(why.text, HasSubstr("it is not signed"));
}

TEST_F(CanaryTest, ABootOfTheStableVersionIsNotBlamedForItsCandidate) {
  Start(true);
  Downloads("debian:stable", 30);
  Tidy();
  EXPECT_EQ(Rollouts()[0]["candidate_boots"]["failed"], 0);
  EXPECT_EQ(Slipway("why 52:54:00:00:00:01").code, 0);
}

// The same program, for a machine that is to boot it once, or until it succeeds.
class PlanTest : public CanaryTest {
 protected:
  void Plan(const std::string& mode, bool db_is_known) {
    watch_ = {};
    plans_ = {};
    Start(db_is_known);
    ASSERT_EQ(Slipway("rollout rollback debian:stable").code, 0);
    ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:next --mode " + mode).code, 0);
  }
  // As the event thread does it, so many seconds from now.
  void Count(std::int64_t later = 0) {
    core_->timelines().Sweep(Now() + later * kSecond);
    for (const Boot& boot : core_->timelines().TakeEnded()) plans_.Take(boot);
    EXPECT_TRUE(plans_.Count(*core_, Now() + later * kSecond).ok());
  }
  // "complete 1, failed 0"
  std::string Counts() {
    const auto machine =
        nlohmann::json::parse(client_->Get("/api/v1/machines/52:54:00:00:00:01")->body);
    return Text("complete ", machine["boots_completed"].dump(), ", failed ",
                machine["boots_failed"].dump());
  }
  std::string Decided() {
    return client_->Get("/api/v1/explain?mac=52:54:00:00:00:01&arch=x64")->body;
  }

  PlanWatch plans_;
};

TEST_F(PlanTest, OnceIsNotOverWhereFirmwareRefusedTheProgram) {
  Plan("once", true);
  Downloads("debian:next", 70);
  Count();
  EXPECT_EQ(Counts(), "complete 0, failed 1");
  EXPECT_THAT(Decided(), testing::Not(HasSubstr("as it has booted")));
  // The stable one is no program that is judged, and so none that would be refused.
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:stable --mode once").code, 0);
  Downloads("debian:stable", 62);
  Count();
  EXPECT_EQ(Counts(), "complete 1, failed 0");
  EXPECT_THAT(Decided(), HasSubstr("as it has booted, as often as planned"));
}

TEST_F(PlanTest, ARestartBeforeABootHasSettledCountsItAllTheSameAsRefused) {
  for (const bool is_heard : {false, true}) {
    Plan("once", true);
    Downloads("debian:next", 70);
    Count(-30);
    EXPECT_EQ(Counts(), "complete 0, failed 0") << "it has not settled";
    Restart();
    plans_ = {};
    ASSERT_TRUE(plans_.Resume(*core_, Now()).ok());
    if (is_heard) Tell(21, EventKind::kDnsQuery, 1, "deb.debian.org");
    Count();
    EXPECT_EQ(Counts(), "complete 0, failed 0") << "so long nobody has listened";
    Count(26);
    EXPECT_EQ(Counts(), is_heard ? "complete 1, failed 0" : "complete 0, failed 1");
  }
}

TEST_F(PlanTest, AProgramThatIsHeardOfHasBooted) {
  Plan("once", true);
  Downloads("debian:next", 80);
  Tell(65, EventKind::kDnsQuery, 1, "deb.debian.org");
  Count();
  EXPECT_EQ(Counts(), "complete 1, failed 0");
}

TEST_F(PlanTest, AFreshDiscoverIsARefusalWhereSilenceIsNone) {
  Plan("once", false);
  Downloads("debian:next", 70);
  Count();
  EXPECT_EQ(Counts(), "complete 1, failed 0");
  Plan("until-success:2", false);
  Downloads("debian:next", 70);
  Tell(64, EventKind::kDhcpDiscover, 0x07, "PXEClient:Arch:00007");
  Count();
  EXPECT_EQ(Counts(), "complete 0, failed 1");
  // What firmware went on with is abandoned in its turn, and no second failure, also for another
  // process.
  Restart();
  plans_ = {};
  Count(400);
  Count(500);
  EXPECT_EQ(Counts(), "complete 0, failed 1");
  EXPECT_EQ(core_->timelines().counts().abandoned, 1u);
}

TEST_F(PlanTest, FirmwareThatIsBackAtOnceIsAFailureAlsoWhereNothingIsKnownOfItsDb) {
  for (const std::int64_t later : std::initializer_list<std::int64_t>{3, 20}) {
    Plan("once", false);
    ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:stable --mode until-success:1").code,
              0);
    Downloads("debian:stable", 90);
    Tell(90 - later, EventKind::kDhcpDiscover, 0x10, kFirmware);
    Count();
    const bool is_back_at_once = later == 3;
    EXPECT_EQ(Counts(), is_back_at_once ? "complete 0, failed 1" : "complete 1, failed 0");
  }
}

TEST_F(PlanTest, AsManyRefusalsAsItMayFailHoldIt) {
  Plan("until-success:1", true);
  Downloads("debian:next", 70);
  Count();
  EXPECT_EQ(Counts(), "complete 0, failed 1");
  EXPECT_THAT(Decided(), HasSubstr(R"("action":"hold")"));
}

}  // namespace
}  // namespace slipway::control
