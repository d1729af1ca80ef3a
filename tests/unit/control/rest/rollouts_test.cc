// SPDX-License-Identifier: Apache-2.0
//
// A version on its way, as an operator meets it, and what boots in flight get meanwhile.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "control/image_store/oci.h"
#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kLater = 4'000'000'000'000'000;  // an id of the year 2096

class RolloutsTest : public RestTest {
 protected:
  // The first 12 digits of the version that a tag leads to.
  std::string Version(const std::string& reference) {
    const auto sets = *core_->Images();
    const auto set = std::ranges::find(sets, reference, &ImageSet::reference);
    return set == sets.end() ? "none" : set->digest.substr(0, 12);
  }
  // The version that a machine is sent to.
  std::string Sent(std::uint8_t last) {
    const auto told = core_->ExplainMachine({.mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}}});
    if (!told.ok()) return std::string(told.status().message());
    const std::size_t at = told->uri.find("/debian/");
    return at == std::string::npos ? told->words : told->uri.substr(at + 8, 12);
  }
  bool Serves(const std::string& path) {
    const auto* resource = snapshot_->images.Find(path);
    return resource != nullptr && resource->loaded;
  }
  // Of a boot that began after any trial here. `id` 0: the machine's first, else another of its
  // boots.
  Boot Failed(std::uint8_t last, const std::string& version, std::int64_t id = 0) {
    Boot boot;
    boot.id = kLater + (id == 0 ? last : id);
    boot.mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}};
    boot.outcome = BootOutcome::kFailed;
    boot.words = "reset its connection";
    boot.steps = {{.kind = dataplane::EventKind::kDhcpDiscover, .text = "HTTPClient:Arch:00016"},
                  {.kind = dataplane::EventKind::kHttpRequest,
                   .text = Text("GET /debian/", version, "/boot.efi")}};
    return boot;
  }
  // As kill -9 leaves it: after what was kept of the failures alone, or of the boots as well.
  void Restart(bool boots_are_kept = true) {
    ASSERT_TRUE(core_->KeepCanaries().ok());
    if (boots_are_kept) {
      ASSERT_TRUE(
          core_->archive().Put({}, {.boots_per_machine = 8}, core_->tally().TakeChanged()).ok());
    }
    End();
    Begin();
  }
  // So many boots of the candidate have failed, and the rollout is over.
  void ExpectRolledBackAfter(int failed) {
    EXPECT_EQ(Sent(1), Version("debian:stable"));
    const auto noted = nlohmann::json::parse(client_->Get("/api/v1/audit?limit=1")->body)[0];
    EXPECT_EQ(noted["after"]["failed_boots"], failed);
  }
  // "complete 1, failed 2"
  std::string CandidateBoots() {
    const auto rollouts = nlohmann::json::parse(client_->Get("/api/v1/rollouts")->body);
    if (rollouts.empty()) return "no rollout";
    const auto& boots = rollouts[0]["candidate_boots"];
    return Text("complete ", boots["complete"].dump(), ", failed ", boots["failed"].dump());
  }
  void ImportBoth() {
    ImportBootFile("debian:stable", 4000);
    ImportBootFile("debian:next", 5000);
  }
  // With these options, if any.
  void Start(const std::string& options = "") {
    const Ran ran = Slipway("rollout start debian:stable debian:next " + options);
    ASSERT_EQ(ran.code, 0) << ran.text;
  }
  // Both versions, and two machines of the catalog.
  void MakeCanary() {
    ImportBoth();
    for (const char* machine : {"52:54:00:00:00:01", "52:54:00:00:00:03"}) {
      ASSERT_EQ(Slipway(Text("machine label ", machine, " canary=yes")).code, 0);
    }
  }
  // And a rollout that so many failures end.
  void StartCanary(int failures_max) {
    MakeCanary();
    Start(Text("--failures-max ", failures_max));
  }
  // Versions of a trial whose tag somebody moved since it began.
  struct Moved {
    std::string old;
    std::string tried;
    std::string fix;  // what the tag leads to now
  };
  Moved StartAndMoveTheTag() {
    ImportBoth();
    Moved moved{.old = Version("debian:stable"), .tried = Version("debian:next"), .fix = ""};
    Start("--percent 10");
    ImportBootFile("debian:stable", 6000);
    moved.fix = Version("debian:stable");
    return moved;
  }
  // The list says so, and nothing promotes it.
  void ExpectInTheWay(const std::string& fix) {
    EXPECT_THAT(Slipway("rollout list").text,
                HasSubstr("debian:stable: was moved meanwhile, to " + fix));
    EXPECT_EQ(Slipway("rollout promote debian:stable").code, 1);
    EXPECT_EQ(client_->Post("/api/v1/rollouts/debian:stable/promote")->status, 409);
    EXPECT_EQ(Version("debian:stable"), fix);
  }
};

TEST_F(RolloutsTest, ACanaryIsPromoted) {
  ImportBoth();
  const std::string old = Version("debian:stable"), next = Version("debian:next");
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 canary=yes").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:02 canary=no").code, 0);
  const Ran started = Slipway("rollout start debian:stable debian:next --when canary=yes");
  EXPECT_EQ(started.code, 0) << started.text;
  EXPECT_EQ(Sent(1), next);
  EXPECT_EQ(Sent(2), old);
  EXPECT_EQ(Sent(3), old) << "not in the catalog";
  EXPECT_TRUE(Serves(Text("/debian/", next, "/boot.efi"))) << "it is in memory before it is asked";
  EXPECT_THAT(Slipway("rollout list").text, HasSubstr("debian:next"));
  EXPECT_EQ(Slipway("image rm debian:next").code, 1);
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  for (const std::uint8_t machine : std::initializer_list<std::uint8_t>{1, 2, 3})
    EXPECT_EQ(Sent(machine), next);
  EXPECT_EQ(Version("debian:stable"), next);
  EXPECT_EQ(client_->Get("/api/v1/rollouts")->body, "[]\n");
  EXPECT_TRUE(Serves(Text("/debian/", old, "/boot.efi"))) << "for boots in flight";
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 1);
}

TEST_F(RolloutsTest, ACanaryIsRolledBackByHandOrByItsFailures) {
  MakeCanary();
  const std::string old = Version("debian:stable"), next = Version("debian:next");
  Start();
  EXPECT_EQ(Sent(1), next);
  EXPECT_EQ(Slipway("rollout rollback debian:stable").code, 0);
  EXPECT_EQ(Sent(1), old);
  Start("--failures-max 2");
  core_->NoteBoot(Failed(9, next));  // which nobody knows, and nobody sent there
  core_->NoteBoot(Failed(2, old));
  core_->NoteBoot(Failed(1, next));
  EXPECT_EQ(Sent(1), next);
  EXPECT_THAT(Slipway("rollout list").text, HasSubstr("last failed: 52:54:00:00:00:01"));
  core_->NoteBoot(Failed(3, next));
  EXPECT_EQ(Sent(1), old);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("rolled back"));
  const auto noted = nlohmann::json::parse(client_->Get("/api/v1/audit?limit=1")->body)[0];
  EXPECT_EQ(noted["who"], "slipwayd");
  EXPECT_EQ(noted["after"]["failed_boots"], 2);
  EXPECT_EQ(noted["after"]["last_mac"], "52:54:00:00:00:03");
}

TEST_F(RolloutsTest, ABootFailsOnceAndNotAtAllWhereItCompletesAfterAll) {
  StartCanary(2);
  const std::string next = Version("debian:next");
  core_->NoteBoot(Failed(1, next));
  core_->NoteBoot(Failed(1, next));
  EXPECT_EQ(Sent(1), next) << "it went on, and failed again";
  Boot boot = Failed(1, next);
  boot.outcome = BootOutcome::kComplete;
  core_->NoteBoot(boot);
  core_->NoteBoot(Failed(3, next));
  EXPECT_EQ(Sent(1), next);
  core_->NoteBoot(Failed(1, next, 10));
  EXPECT_NE(Sent(1), next);
}

TEST_F(RolloutsTest, ACandidateThatHasMovedIsNotPromotedBeforeItIsTried) {
  ImportBoth();
  const std::string old = Version("debian:stable"), tried = Version("debian:next");
  Start("--percent 10");
  EXPECT_THAT(Slipway("rollout list").text, Not(HasSubstr("has moved")));
  ImportBootFile("debian:next", 6000);
  const std::string untried = Version("debian:next");
  EXPECT_THAT(Slipway("rollout list").text, HasSubstr("debian:next: has moved since"));
  const Ran refused = Slipway("rollout promote debian:stable");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr(Text("on trial is ", tried, ", and the tag leads to ",
                                           untried, "; to try that one: 'slipway rollout start")));
  EXPECT_EQ(client_->Post("/api/v1/rollouts/debian:stable/promote")->status, 409);
  EXPECT_EQ(Version("debian:stable"), old);
  // What was read may be sent back, and is what is tried from then on.
  const std::string path = "/api/v1/rollouts/debian:stable";
  const auto read = client_->Get(path);
  const auto put = client_->Put(path, {{"If-Match", read->get_header_value("ETag")}}, read->body,
                                "application/json");
  ASSERT_EQ(put->status, 200) << put->body;
  EXPECT_THAT(put->body, HasSubstr(Text("\"candidate_digest\":\"", untried)));
  EXPECT_EQ(client_->Get(path)->body, put->body);
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), untried);
}

TEST_F(RolloutsTest, ATagThatWasMovedMeanwhileIsNotTakenAwayByAPromotion) {
  const auto [old, tried, fix] = StartAndMoveTheTag();
  ExpectInTheWay(fix);
  const Ran refused = Slipway("rollout promote debian:stable");
  EXPECT_THAT(refused.text,
              HasSubstr(Text(tried, " was tried against ", old, ", and the tag leads to ", fix)));
  EXPECT_THAT(refused.text, HasSubstr("'slipway rollout rollback debian:stable'"));
  EXPECT_EQ(core_->Rollouts()->size(), 1U) << "the trial goes on";
  // One way out keeps it, the other one goes on against it.
  Start();
  EXPECT_THAT(Slipway("rollout list").text, Not(HasSubstr("was moved")));
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), tried);
  ImportBootFile("debian:next", 7000);
  Start();
  ImportBootFile("debian:stable", 8000);
  const std::string kept = Version("debian:stable");
  EXPECT_EQ(Slipway("rollout rollback debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), kept);
}

TEST_F(RolloutsTest, WhoRaisesThePercentageAcceptsNoTagThatWasMovedMeanwhile) {
  const auto [old, tried, fix] = StartAndMoveTheTag();
  Start("--percent 50");
  const std::string path = "/api/v1/rollouts/debian:stable";
  // As a script puts it that runs over and over, and what was read sent back.
  const nlohmann::json same = {{"candidate", "debian:next"}, {"percent", 50}};
  for (int again = 0; again < 2; ++again) {
    for (const std::string& body : {same.dump(), client_->Get(path)->body}) {
      const auto put = client_->Put(path, body, "application/json");
      ASSERT_EQ(put->status, 200) << put->body;
      EXPECT_THAT(put->body, HasSubstr(Text("\"stable_digest\":\"", old)));
    }
  }
  ExpectInTheWay(fix);
  // Whoever starts it again as it is does.
  Start();
  EXPECT_EQ(core_->Rollouts()->front().percent, 50U);
  EXPECT_THAT(client_->Get(path)->body, HasSubstr(Text("\"stable_digest\":\"", fix)));
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), tried);
}

TEST_F(RolloutsTest, AnotherCandidateIsHeldAgainstWhatTheTagLeadsToThen) {
  StartAndMoveTheTag();
  ImportBootFile("debian:other", 7000);
  ASSERT_EQ(Slipway("rollout start debian:stable debian:other --percent 50").code, 0);
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), Version("debian:other"));
}

// As a promotion leaves it that was killed when the tag had moved.
TEST_F(RolloutsTest, ATagThatLeadsToTheCandidatesVersionAlreadyIsPromoted) {
  ImportBoth();
  const std::string tried = Version("debian:next");
  Start();
  const auto sets = *core_->Images();
  const auto next = std::ranges::find(sets, "debian:next", &ImageSet::reference);
  ASSERT_NE(next, sets.end());
  PushedManifest same;
  same.repository = "debian";
  same.tag = "stable";
  same.media_type = kManifestType;
  same.text = BytesOf(core_->image_store().BlobPath(next->digest));
  ASSERT_TRUE(core_->PutManifest(same, DaemonActor()).ok());
  ASSERT_EQ(Version("debian:stable"), tried);
  EXPECT_EQ(Slipway("rollout promote debian:stable").code, 0);
  EXPECT_EQ(Version("debian:stable"), tried);
  EXPECT_TRUE(core_->Rollouts()->empty());
}

TEST_F(RolloutsTest, FailuresOfTheVersionBeforeAreNotTheCandidates) {
  StartCanary(2);
  const std::string before = Version("debian:next");
  core_->NoteBoot(Failed(1, before));
  ImportBootFile("debian:next", 6000);
  const std::string now = Version("debian:next");
  core_->NoteBoot(Failed(3, now));
  EXPECT_EQ(Sent(1), now) << "one of each is not two of it";
  core_->NoteBoot(Failed(1, now, 10));
  EXPECT_EQ(Sent(1), Version("debian:stable"));
}

TEST_F(RolloutsTest, FailuresStayCountedWhileTheVersionOnTrialIsTheSame) {
  StartCanary(3);
  const std::string old = Version("debian:stable"), next = Version("debian:next");
  Start("--percent 10");
  ASSERT_EQ(Sent(3), next);
  ASSERT_EQ(Sent(1), old);
  core_->NoteBoot(Failed(3, next));
  Restart();
  Start("--percent 100");
  ASSERT_EQ(Sent(1), next);
  Restart();
  core_->NoteBoot(Failed(1, next));
  // Before that one is on disk.
  Start();
  Start("--when canary=yes");
  Restart();
  EXPECT_EQ(Sent(1), next) << "two of three";
  core_->NoteBoot(Failed(1, next, 10));
  ExpectRolledBackAfter(3);
}

TEST_F(RolloutsTest, ALowerLimitTakesEffectWithTheNextFailure) {
  StartCanary(9);
  const std::string next = Version("debian:next");
  core_->NoteBoot(Failed(1, next));
  core_->NoteBoot(Failed(3, next));
  Start("--failures-max 1");
  EXPECT_EQ(Sent(1), next) << "a change of a rollout does not end it";
  core_->NoteBoot(Failed(1, next, 10));
  ExpectRolledBackAfter(3);
}

TEST_F(RolloutsTest, BootsCountAgainstATrialFromWhereItBegan) {
  StartCanary(1);
  const std::string next = Version("debian:next");
  const auto first_boot = [this] { return core_->Rollouts()->front().first_boot; };
  const std::int64_t first = first_boot();
  EXPECT_GT(first, 0);
  Start("--percent 100");
  Restart();
  EXPECT_EQ(first_boot(), first) << "it goes on";
  Boot boot = Failed(1, next);
  boot.id = first - 1;
  core_->NoteBoot(boot);
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 1") << "of the version";
  boot.id = first;
  core_->NoteBoot(boot);
  ExpectRolledBackAfter(1);
  Start("--failures-max 1");
  EXPECT_GT(first_boot(), first) << "another trial of the same version";
  // A release before did not note it.
  Rollout rollout = core_->Rollouts()->front();
  rollout.first_boot = 0;
  ASSERT_TRUE(core_->store().PutRollout(rollout, DaemonActor()).ok());
  boot.id = 1;
  core_->NoteBoot(boot);
  ExpectRolledBackAfter(1);
}

TEST_F(RolloutsTest, AnotherCandidateHasNotFailedYet) {
  StartCanary(2);
  core_->NoteBoot(Failed(1, Version("debian:next")));
  ASSERT_EQ(Slipway("image tag debian:next other").code, 0);
  const std::string other = Version("debian:other");
  ASSERT_EQ(other, Version("debian:next"));
  ASSERT_EQ(Slipway("rollout start debian:stable debian:other").code, 0);
  core_->NoteBoot(Failed(3, other));
  EXPECT_EQ(Sent(1), other);
}

TEST_F(RolloutsTest, ARestartForgetsNoBootOfACandidate) {
  StartCanary(3);
  const std::string next = Version("debian:next");
  core_->NoteBoot(Failed(1, next));
  Boot booted = Failed(3, next);
  booted.id = 20;
  booted.outcome = BootOutcome::kComplete;
  core_->NoteBoot(booted);
  Restart();
  EXPECT_EQ(CandidateBoots(), "complete 1, failed 1");
  EXPECT_THAT(Slipway("rollout list").text, HasSubstr("last failed: 52:54:00:00:00:01"));
  core_->NoteBoot(Failed(3, next));
  Restart();
  EXPECT_EQ(CandidateBoots(), "complete 1, failed 2");
  EXPECT_EQ(Sent(1), next);
  core_->NoteBoot(Failed(1, next, 10));
  ExpectRolledBackAfter(3);
  // Nothing of it is left for the next rollout of that tag.
  Start("--failures-max 2");
  Restart();
  core_->NoteBoot(Failed(1, next, 11));
  EXPECT_EQ(Sent(1), next);
}

// The process ends between what is kept of failures and of the boots: these are told again.
TEST_F(RolloutsTest, ABootThatIsToldAgainAfterARestartIsOneFailure) {
  StartCanary(2);
  const std::string next = Version("debian:next");
  core_->NoteBoot(Failed(1, next));
  Restart(false);
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 0");
  core_->NoteBoot(Failed(1, next));
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 1");
  EXPECT_EQ(Sent(1), next);
  // One that completes after all is none, also in what is kept.
  Boot boot = Failed(1, next);
  boot.outcome = BootOutcome::kComplete;
  core_->NoteBoot(boot);
  Restart();
  EXPECT_EQ(CandidateBoots(), "complete 1, failed 0");
  core_->NoteBoot(Failed(3, next));
  EXPECT_EQ(Sent(1), next);
}

// What firmware asks for again after a failure is the same boot, also where another process sees
// how that ends.
TEST_F(RolloutsTest, ABootThatWentOnAfterItsFailureIsCountedOnceOverARestart) {
  StartCanary(9);
  const std::string next = Version("debian:next");
  core_->NoteBoot(Failed(1, next));
  core_->NoteBoot(Failed(3, next));
  std::vector<Boot> going_on = {Failed(1, next), Failed(3, next)};
  for (Boot& boot : going_on) boot.outcome = BootOutcome::kUnderWay;
  ASSERT_TRUE(core_->KeepCanaries().ok());
  const VersionCounts counts = core_->tally().TakeChanged(going_on);
  ASSERT_TRUE(core_->archive().Put(going_on, {.boots_per_machine = 8}, counts).ok());
  End();
  Begin();
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 2");
  Boot fell_silent = Failed(1, next);
  fell_silent.outcome = BootOutcome::kAbandoned;
  core_->NoteBoot(fell_silent);
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 2");
  Boot complete = Failed(3, next);
  complete.outcome = BootOutcome::kComplete;
  core_->NoteBoot(complete);
  EXPECT_EQ(CandidateBoots(), "complete 1, failed 1");
}

TEST_F(RolloutsTest, WhatAMachineThatRunsAsksForAfterARestartIsNoFailedBoot) {
  StartCanary(1);
  const std::string next = Version("debian:next");
  Boot asks = Failed(1, next);
  asks.steps.erase(asks.steps.begin());  // no DISCOVER of it
  core_->NoteBoot(asks);
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 0");
  EXPECT_EQ(Sent(1), next);
}

TEST_F(RolloutsTest, AfterARestartACandidateThatMovesBeginsAnewAndSoDoesARolloutThatTriesIt) {
  StartCanary(2);
  const std::string before = Version("debian:next");
  core_->NoteBoot(Failed(1, before));
  Restart();
  ImportBootFile("debian:next", 6000);
  const std::string now = Version("debian:next");
  core_->NoteBoot(Failed(3, now));
  Restart();
  EXPECT_EQ(CandidateBoots(), "complete 0, failed 1");
  EXPECT_EQ(Sent(1), now) << "one of each is not two of it";
  Start();
  Restart();
  core_->NoteBoot(Failed(1, now, 10));
  EXPECT_EQ(Sent(1), now);
  Restart();
  core_->NoteBoot(Failed(1, now, 11));
  EXPECT_EQ(Sent(1), Version("debian:stable"));
}

TEST_F(RolloutsTest, MachinesOfTheFileAndThoseKnownByUuidAreOfTheCanaryThatIsCounted) {
  secure_boot_ = R"([[machine]]
mac = "52:54:00:00:00:01"
image_set = "debian:stable"
)";
  End();
  Begin();
  ImportBoth();
  const std::string next = Version("debian:next");
  const std::string uuid = "0a1b2c3d-0001-0203-0405-060708090a0b";
  ASSERT_EQ(Slipway("machine label " + uuid + " canary=yes").code, 0);
  const dhcp::Lease lease{.address = Ipv4Address(10, 77, 0, 100),
                          .mac = MacAddress{{0x52, 0x54, 0, 0, 0, 2}},
                          .uuid = *Uuid::Parse(uuid)};
  core_->leases().Take(std::vector<dhcp::Lease>{lease});
  for (const std::uint8_t last : std::initializer_list<std::uint8_t>{1, 2}) {
    Start("--failures-max 1");
    ASSERT_EQ(Sent(1), next);
    core_->NoteBoot(Failed(last, next));
    EXPECT_NE(Sent(1), next) << static_cast<int>(last);
  }
}

TEST_F(RolloutsTest, APromotionIsNotedWithBothVersions) {
  ImportBoth();
  const std::string old = Version("debian:stable"), next = Version("debian:next");
  Start();
  ASSERT_EQ(Slipway("rollout promote debian:stable").code, 0);
  const auto log = *core_->store().Audit({.limit = 2});
  ASSERT_EQ(log.size(), 2u);
  EXPECT_THAT(log[0].what, HasSubstr("rollout of debian:stable promoted"));
  EXPECT_EQ(log[1].what, "image debian:stable");
  EXPECT_THAT(log[1].before, HasSubstr(old));
  EXPECT_THAT(log[1].after, HasSubstr(next));
}

TEST_F(RolloutsTest, MistakesAreSaidAndChangeNothing) {
  ImportBootFile("debian:stable");
  for (const auto& [command, says] : std::map<std::string, std::string>{
           {"rollout start debian:stable debian:gone", "debian:gone: no such image set"},
           {"rollout start debian:gone debian:stable", "debian:gone: no such image set"},
           {"rollout start debian:stable debian:stable", "the tag itself"},
           {"rollout start debian:stable a:1 --percent 200", "percent: not a number from 0"},
           {"rollout start debian:stable a:1 --when network=lab", "known only when a machine"},
           {"rollout rollback debian:stable", "no rollout"}}) {
    const Ran ran = Slipway(command);
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.text, HasSubstr(says)) << command;
  }
  EXPECT_EQ(Slipway("rollout start debian:stable a:1 --percent few").code, 2);
  EXPECT_EQ(client_->Get("/api/v1/rollouts")->body, "[]\n");
}

TEST_F(RolloutsTest, ATagThatIsReplacedOverAndOverDoesNotFillTheMemory) {
  const std::size_t size = memory_.budget() / 3;
  for (std::size_t i = 1; i <= 8; ++i) {
    ImportBootFile("debian:stable", size - i);
    // What the snapshot before held is free by the next time.
    const auto now = std::chrono::steady_clock::now();
    for (int again = 0; again < 3; ++again) core_->Housekeep(now + again * std::chrono::minutes(1));
    EXPECT_TRUE(Serves("/debian/stable/boot.efi")) << "version " << i;
  }
}

TEST_F(RolloutsTest, AVersionThatWasReplacedIsServedUntilItsMemoryIsNeeded) {
  // Two of these are within what versions that were replaced may take.
  const std::size_t size = memory_.budget() / 9;
  ImportBootFile("debian:stable", size);
  const std::string first = Version("debian:stable");
  std::string before = first;
  for (std::size_t i = 1; i <= 5; ++i) {
    ImportBootFile("debian:stable", size - i);
    const std::string now = Version("debian:stable");
    EXPECT_TRUE(Serves(Text("/debian/", now, "/boot.efi"))) << "version " << i;
    EXPECT_TRUE(Serves(Text("/debian/stable/boot.efi"))) << "version " << i;
    EXPECT_TRUE(Serves(Text("/debian/", before, "/boot.efi"))) << "the one before " << i;
    before = now;
  }
  EXPECT_FALSE(Serves(Text("/debian/", first, "/boot.efi")));
}

}  // namespace
}  // namespace slipway::control
