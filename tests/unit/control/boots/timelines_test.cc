// SPDX-License-Identifier: Apache-2.0
#include "control/boots/timelines.h"

#include <gmock/gmock.h>

#include "tests/unit/control/boots/boot_builder.h"

namespace slipway::control {
namespace {

using dataplane::Event;
using dataplane::EventKind;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MacAddress kRouter{{0x52, 0x54, 0, 0, 0, 0xfe}};
constexpr Ipv4Address kAddress(10, 77, 0, 100);

class TimelinesTest : public testing::Test {
 protected:
  void Tell(const Happened& happened, MacAddress mac = kMachine) {
    Event event = EventOf(happened, now_ += kSecond, mac);
    if (happened.connection != 0) event.address = kAddress;
    timelines_.Take(event);
  }
  void Tell(std::initializer_list<Happened> all) {
    for (const Happened& happened : all) Tell(happened);
  }
  Boot Last() const { return timelines_.Of(kMachine).back(); }

  std::int64_t now_ = 1'790'000'000 * kSecond;
  BootTimelines timelines_{{.machines = 3,
                            .boots_per_machine = 2,
                            .steps_per_boot = 12,
                            .silence_nanoseconds = 60 * kSecond},
                           [](Ipv4Address address) {
                             return address == kAddress ? std::optional(kMachine) : std::nullopt;
                           }};
};

const Happened kDiscover{EventKind::kDhcpDiscover, 16, 0, "HTTPClient:Arch:00016:UNDI:003000"};
const Happened kOffer{EventKind::kDhcpOffer, 0, 0, "https://boot.slipway.test/a/b/c.efi"};
const Happened kAck{EventKind::kDhcpAck, 3600};
const Happened kOpened{EventKind::kTcpOpened, 443, 1460, "", 7};
const Happened kSecured{EventKind::kTlsDone, 0x0303, 0, "DHE-RSA-AES256-GCM-SHA384", 7};
const Happened kRequest{EventKind::kHttpRequest, 200, 9000, "GET /a/b/c.efi", 7};
const Happened kComplete{EventKind::kHttpComplete, 9000, 0, "GET /a/b/c.efi", 7};
const Happened kReset{EventKind::kTcpReset, 0, 0, "", 7};

// What a machine that runs asked for is no try, so a boot that joined it would not be counted.
TEST_F(TimelinesTest, ABootDoesNotGoOnWithWhatAnInstalledSystemAskedFor) {
  Tell({{EventKind::kDhcpDiscover, 0, 0, "dhcpcd-9.4.1"}, kDiscover});
  EXPECT_THAT(timelines_.Of(kMachine), SizeIs(2));
  EXPECT_TRUE(IsATry(Last()));
}

TEST_F(TimelinesTest, AFirmwareBootThatEndsWithAResetIsComplete) {
  Tell({kDiscover, kOffer, kAck, kOpened, kSecured, kRequest, kComplete, kReset});
  EXPECT_EQ(Last().outcome, BootOutcome::kComplete);
  EXPECT_EQ(Last().words, "has the whole file /a/b/c.efi");
  EXPECT_EQ(Last().tls, "TLS 1.2, DHE-RSA-AES256-GCM-SHA384");
  EXPECT_EQ(Last().bytes, 9000u);
  EXPECT_THAT(Last().steps, SizeIs(8));
  EXPECT_EQ(timelines_.counts().complete, 1u);
}

// A reset that acknowledges all that was sent, of a file that was not sent whole.
TEST_F(TimelinesTest, AResetInTheMiddleOfAFileFailsWhateverItAcknowledges) {
  Tell({kDiscover, kOffer, kAck, kOpened, kSecured, kRequest, kReset});
  EXPECT_EQ(Last().outcome, BootOutcome::kFailed);
  EXPECT_EQ(Last().cause, "transfer.reset");
  // HEAD is answered without one.
  Tell({kDiscover, kOffer, kAck, kOpened, kSecured});
  Tell({{EventKind::kHttpRequest, 200, 9000, "HEAD /a/b/c.efi", 7}, kReset});
  EXPECT_EQ(Last().outcome, BootOutcome::kUnderWay);
}

TEST_F(TimelinesTest, ADownloadUnderWayIsToldUntilItEnds) {
  const auto loading = [this] { return timelines_.LoadingOf(kMachine, Last().id); };
  Tell({kDiscover, kOffer, kAck, kOpened, kSecured});
  EXPECT_FALSE(loading());
  Tell({EventKind::kHttpRequest, 200, 9000, "HEAD /a/b/c.efi", 7});
  EXPECT_FALSE(loading()) << "HEAD has no body";
  Tell(kRequest);
  ASSERT_TRUE(loading());
  EXPECT_EQ(loading()->path, "/a/b/c.efi");
  EXPECT_EQ(loading()->bytes, 0u);
  EXPECT_EQ(loading()->of, 9000u);
  Tell({EventKind::kHttpProgress, 4000, 9000, "GET /a/b/c.efi", 7});
  EXPECT_EQ(loading()->bytes, 4000u);
  EXPECT_FALSE(timelines_.LoadingOf(kRouter, Last().id));
  Tell(kComplete);
  EXPECT_FALSE(loading());
  Tell({EventKind::kHttpRequest, 200, 50, "GET /a/b/initrd", 8});
  ASSERT_TRUE(loading()) << "what the boot loader loads next";
  EXPECT_EQ(loading()->of, 50u);
  Tell({EventKind::kTcpReset, 50, 0, "", 8});
  EXPECT_FALSE(loading());
}

TEST_F(TimelinesTest, WhoOnlyAsksWhereWeAreBeginsNoBoot) {
  Tell({EventKind::kArpAsked}, kRouter);
  EXPECT_THAT(timelines_.All(), IsEmpty());
  EXPECT_EQ(timelines_.counts().under_way, 0u);
}

TEST_F(TimelinesTest, WhoOnlyTriesAClosedPortBeginsNoBootButALeasedMachineDoes) {
  Tell({EventKind::kTcpRefused, 80}, kRouter);
  EXPECT_THAT(timelines_.All(), IsEmpty());
  // By its lease, through a router.
  Event event;
  event.unix_nanoseconds = now_ += kSecond;
  event.kind = EventKind::kTcpRefused;
  event.number = 80;
  event.mac = kRouter;
  event.address = kAddress;
  timelines_.Take(event);
  EXPECT_THAT(timelines_.Of(kRouter), IsEmpty());
  EXPECT_EQ(Last().outcome, BootOutcome::kFailed);
  EXPECT_EQ(Last().cause, "net.plain_http_off");
}

TEST_F(TimelinesTest, AClosedPortThatIsTriedAgainAndAgainIsOneStepAndOneFailure) {
  Tell({kDiscover, kOffer, kAck});
  for (int i = 0; i < 100; ++i) Tell({EventKind::kTcpRefused, 80});
  EXPECT_THAT(Last().steps, SizeIs(4));
  EXPECT_EQ(Sentence(Last().steps.back()),
            "came to a closed port: 80, plain HTTP, as boot.http is off");
  EXPECT_EQ(timelines_.causes().at("net.plain_http_off"), 1u);
  EXPECT_EQ(timelines_.counts().failed, 1u);
}

TEST_F(TimelinesTest, WhatTwoEventsShowIsOneFailure) {
  const Happened failed{EventKind::kTlsFailed, -1, -1,
                        std::string(dataplane::kEndedAfterCertificate), 7};
  Tell({kDiscover, kOffer, kAck, kOpened, failed, kReset});
  EXPECT_EQ(Last().outcome, BootOutcome::kFailed);
  std::uint64_t all = 0;
  const auto causes = timelines_.causes();
  for (const auto& [cause, count] : causes) all += count;
  EXPECT_EQ(all, 1u);
}

TEST_F(TimelinesTest, AskingForAnAddressIsOfWhoAsksNotOfWhoHadItOnce) {
  Event event;
  event.unix_nanoseconds = now_ += kSecond;
  event.kind = EventKind::kDhcpDiscover;
  event.mac = kRouter;
  event.address = kAddress;  // leased to another machine
  event.set_text("HTTPClient:Arch:00016");
  timelines_.Take(event);
  EXPECT_THAT(timelines_.Of(kRouter), SizeIs(1));
  EXPECT_THAT(timelines_.Of(kMachine), IsEmpty());
}

TEST_F(TimelinesTest, EveryStepHasASentence) {
  Tell({kDiscover, kOffer, kAck, kOpened, kSecured, kRequest});
  std::vector<std::string> sentences;
  for (const BootStep& step : Last().steps) sentences.push_back(Sentence(step));
  EXPECT_THAT(sentences,
              testing::ElementsAre("asked for an address: HTTPClient:Arch:00016:UNDI:003000",
                                   "was offered an address: https://boot.slipway.test/a/b/c.efi",
                                   "got its address, leased for 3600 s",
                                   "connected to port 443, segments of 1460 bytes",
                                   "finished the TLS handshake: TLS 1.2, DHE-RSA-AES256-GCM-SHA384",
                                   "requested a file: GET /a/b/c.efi, answered 200, 9000 bytes"));
}

TEST_F(TimelinesTest, FactsAreToldInWords) {
  Tell({{EventKind::kDhcpDiscover, 16, Ipv4Address(10, 9, 0, 1).value(), "HTTPClient:Arch:00016"},
        {EventKind::kDhcpIgnored, static_cast<std::int64_t>(Drop::kDhcpOtherServer),
         Ipv4Address(10, 77, 0, 2).value()},
        {EventKind::kDhcpConflict, 0, 0, "52:54:00:00:00:09"},
        {EventKind::kDhcpOther, 4},
        {EventKind::kDnsQuery, 1, 3, "other.test"},
        {EventKind::kTcpOpened, 443, 1460, "window=65535 scale=6 sack=0 timestamps=1 rtt_us=1250",
         7},
        {EventKind::kTlsOffered, 0x0303, 2, "sni=boot.test suites=009f,009e", 7},
        {EventKind::kTlsFailed, 40, -1, "no shared cipher", 7},
        {EventKind::kTcpTimedOut, 1460, 3, "because=stalled rtt_us=900 window=0 closed_ms=61000",
         7}});
  std::vector<std::string> sentences;
  for (const BootStep& step : Last().steps) sentences.push_back(Sentence(step));
  EXPECT_THAT(
      sentences,
      testing::ElementsAre(
          "asked for an address: HTTPClient:Arch:00016, through relay 10.9.0.1",
          "was not answered: the client chose another server, 10.77.0.2",
          "was to get an address that is in use, by 52:54:00:00:00:09", "declined its address",
          "asked for a name: other.test, which we do not know",
          "connected to port 443, segments of 1460 bytes, window 65535 scaled by 64, timestamps, "
          "round trip 1.2 ms",
          "offered TLS 1.2, 2 suites, for the name boot.test: 009f,009e",
          "failed the TLS handshake, was told handshake_failure (40): no shared cipher",
          "stopped answering, 1460 bytes unacknowledged, 3 segments sent again (stalled), round "
          "trip 0.9 ms, window closed for 61 s"));
}

TEST_F(TimelinesTest, WhatTheWireSaysIsKeptAsPrintableText) {
  Tell({EventKind::kDhcpDiscover, 16, 0, "HTTPClient:\xff\xfe\x01\n"});
  EXPECT_EQ(Last().steps[0].text, "HTTPClient:????");
}

TEST_F(TimelinesTest, WhatChangedIsGivenOnceToBeStored) {
  Tell({kDiscover, kAck});
  EXPECT_THAT(timelines_.TakeChanged(false), IsEmpty()) << "it is under way";
  EXPECT_THAT(timelines_.Changed(), SizeIs(1));
  EXPECT_THAT(timelines_.TakeChanged(true), SizeIs(1));
  EXPECT_THAT(timelines_.Changed(), IsEmpty());
  Tell({kOpened, kRequest, kComplete});
  const auto ended = timelines_.TakeChanged(false);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].cause, "boot.complete");
  EXPECT_EQ(ended[0].complete_unix_nanoseconds - ended[0].began(), 4 * kSecond);
  // Boots that make room for newer ones are not lost on the way.
  for (int i = 0; i < 4; ++i) Tell({kDiscover, kAck});
  EXPECT_THAT(timelines_.TakeChanged(true), SizeIs(4));
}

// Else a process that ends before those under way are stored leaves a failure that is counted, and
// a story that will be counted by the next one.
TEST_F(TimelinesTest, WhatWasGivenToBeCountedIsStoredAlsoWhereItHasGoneOnSince) {
  const Happened progress{EventKind::kHttpProgress, 4000, 9000, "GET /a/b/c.efi", 7};
  Tell({kDiscover, kAck, kOpened, kSecured, kRequest, kReset});
  ASSERT_THAT(timelines_.TakeEnded(), SizeIs(1));
  Tell(progress);
  ASSERT_EQ(Last().outcome, BootOutcome::kUnderWay);
  const auto boots = timelines_.TakeChanged(false);
  ASSERT_THAT(boots, SizeIs(1));
  EXPECT_EQ(boots[0].outcome, BootOutcome::kUnderWay) << "as it is by now";
  Tell(progress);
  EXPECT_THAT(timelines_.TakeChanged(false), IsEmpty()) << "nothing more of it was counted";
}

TEST_F(TimelinesTest, WhatCouldNotBeStoredWaitsNoLongerForBeingUnderWay) {
  Tell({kDiscover, kAck});
  timelines_.NotStored(timelines_.TakeChanged(true));
  EXPECT_THAT(timelines_.TakeChanged(false), SizeIs(1));
  EXPECT_THAT(timelines_.TakeChanged(true), IsEmpty());
}

// What ended after the others were taken is kept as it was counted.
TEST_F(TimelinesTest, ANewerStoryTakesThePlaceOfTheOneThatItIsOf) {
  Tell({kDiscover, kAck});
  std::vector<Boot> boots = timelines_.TakeChanged(true);
  ASSERT_THAT(boots, SizeIs(1));
  Tell({kOpened, kRequest, kComplete});
  PutInPlace(boots, timelines_.TakeEnded());
  ASSERT_THAT(boots, SizeIs(1));
  EXPECT_EQ(boots[0].outcome, BootOutcome::kComplete);
  Tell({kDiscover, kAck, kOpened, kRequest, kComplete});
  PutInPlace(boots, timelines_.TakeEnded());
  EXPECT_THAT(boots, SizeIs(2));
}

TEST_F(TimelinesTest, WhatCouldNotBeStoredIsGivenAgain) {
  for (int i = 0; i < 2; ++i) Tell({kDiscover, kAck, kOpened, kRequest, kComplete});
  auto changed = timelines_.TakeChanged(true);
  ASSERT_THAT(changed, SizeIs(2));
  const std::int64_t first = changed[0].id;
  // One of the two makes room before the disk has room again.
  for (int i = 0; i < 3; ++i) Tell({kDiscover, kAck, kOpened, kRequest, kComplete});
  timelines_.NotStored(std::move(changed));
  changed = timelines_.TakeChanged(true);
  EXPECT_THAT(changed, SizeIs(5));
  EXPECT_THAT(changed, Contains(Field(&Boot::id, first)));
  EXPECT_THAT(timelines_.TakeChanged(true), IsEmpty());
}

TEST_F(TimelinesTest, ABootThatBeginsLaterHasTheIdThatIsNextOrAHigherOneWhateverTheClockSays) {
  Tell({kDiscover, kAck});
  const std::int64_t next = timelines_.NextId(now_);
  EXPECT_GT(next, Last().id);
  now_ -= 3600 * kSecond;
  Tell(kDiscover);
  EXPECT_GE(Last().id, next);
  // Another process knows it from whoever has noted it.
  BootTimelines after({}, [](Ipv4Address) { return std::optional<MacAddress>(); });
  after.RiseFrom(next);
  after.Take(EventOf(kDiscover, now_, kMachine));
  EXPECT_EQ(after.Of(kMachine).back().id, next);
}

TEST_F(TimelinesTest, ARestoredBootGoesOn) {
  Tell({kDiscover, kAck});
  const std::int64_t id = Last().id;
  BootTimelines after({}, [](Ipv4Address) { return std::optional<MacAddress>(); });
  after.Restore(timelines_.All());
  EXPECT_EQ(after.counts().under_way, 1u);
  Event event;
  event.unix_nanoseconds = now_ + kSecond;
  event.kind = EventKind::kTcpOpened;
  event.mac = kMachine;
  after.Take(event);
  ASSERT_THAT(after.Of(kMachine), SizeIs(1));
  EXPECT_EQ(after.Of(kMachine)[0].id, id);
  EXPECT_THAT(after.Of(kMachine)[0].steps, SizeIs(3));
}

TEST_F(TimelinesTest, DurationsAndCausesAreCounted) {
  Tell({kDiscover, kAck, kOpened, kRequest, kComplete, kComplete});
  EXPECT_EQ(timelines_.durations().sum, 4.0);
  EXPECT_EQ(timelines_.durations().counts[0], 1u);
  Tell({kDiscover, kAck, kOpened, {EventKind::kTlsFailed, -1, 48, "", 7}});
  EXPECT_EQ(timelines_.causes().at("tls.unknown_ca"), 1u);
}

TEST_F(TimelinesTest, AskingWhereWeAreIsToldOnceForEachAddress) {
  const Happened asked{EventKind::kArpAsked, 0, 0, "10.77.0.1"};
  Tell({kDiscover, kAck, asked, asked, kOpened, asked, kRequest, kComplete, asked});
  EXPECT_THAT(Last().steps, SizeIs(6));
}

TEST_F(TimelinesTest, AResetInTheHandshakeSaysThatTheCaIsNotTrusted) {
  Tell({kDiscover, kAck, kOpened, kReset});
  EXPECT_EQ(Last().outcome, BootOutcome::kFailed);
  EXPECT_EQ(Last().cause, "tls.unknown_ca");
}

TEST_F(TimelinesTest, AnAlertIsNamedWithWhatToDo) {
  Tell({kDiscover, kAck, kOpened, {EventKind::kTlsFailed, -1, 48, "", 7}});
  EXPECT_EQ(Last().words, "does not trust our certificate: it does not know the CA");
  EXPECT_EQ(Last().cause, "tls.unknown_ca");
}

TEST_F(TimelinesTest, AnUnansweredDownloadSaysHowFarItCame) {
  Tell({kDiscover,
        kAck,
        kOpened,
        kSecured,
        kRequest,
        {EventKind::kHttpProgress, 4096, 9000, "", 7}});
  EXPECT_EQ(Last().outcome, BootOutcome::kUnderWay);
  EXPECT_EQ(Last().words, "is downloading: 4096 of 9000 bytes");
  Tell({EventKind::kTcpTimedOut, 1460, 0, "", 7});
  EXPECT_EQ(Last().words,
            "stopped answering in the middle of the file: /a/b/c.efi, at 4096 of 9000 bytes");
}

TEST_F(TimelinesTest, AMissingFileIsAFailureUntilTheBootGoesOn) {
  Tell({kDiscover, kAck, kOpened, kSecured, {EventKind::kHttpRequest, 404, 0, "GET /a/no.efi", 7}});
  EXPECT_EQ(Last().words, "asked for a file that is not there: /a/no.efi");
  EXPECT_EQ(timelines_.counts().failed, 1u);
  Tell({kRequest, kComplete});
  EXPECT_EQ(Last().outcome, BootOutcome::kComplete);
  EXPECT_EQ(timelines_.counts().failed, 0u);
}

TEST_F(TimelinesTest, ADiscoverAfterAnAddressBeginsANewBoot) {
  Tell({kDiscover, kDiscover, kOffer});
  EXPECT_THAT(timelines_.Of(kMachine), SizeIs(1)) << "the same try";
  Tell({kAck, kDiscover});
  ASSERT_THAT(timelines_.Of(kMachine), SizeIs(2));
  EXPECT_EQ(timelines_.Of(kMachine)[0].words,
            "began anew after it got its address, leased for 3600 s");
}

TEST_F(TimelinesTest, TheBootedSystemsOwnDhcpBelongsToItsBoot) {
  Tell({kDiscover, kAck, kOpened, kRequest, kComplete});
  Tell({EventKind::kDhcpDiscover, 0, 0, "dhcpcd"});
  EXPECT_THAT(timelines_.Of(kMachine), SizeIs(1));
  EXPECT_EQ(Last().outcome, BootOutcome::kComplete);
}

TEST_F(TimelinesTest, ARoutedMachineIsFoundByItsAddress) {
  Tell(kDiscover);
  Tell(kOpened, kRouter);
  EXPECT_THAT(Last().steps, SizeIs(2));
  EXPECT_THAT(timelines_.Of(kRouter), IsEmpty());
}

TEST_F(TimelinesTest, SilenceIsAbandonment) {
  Tell({kDiscover, kOffer});
  timelines_.Sweep(now_ + 59 * kSecond);
  EXPECT_EQ(Last().outcome, BootOutcome::kUnderWay);
  timelines_.Sweep(now_ + 61 * kSecond);
  EXPECT_EQ(Last().outcome, BootOutcome::kAbandoned);
  EXPECT_THAT(Last().words, HasSubstr("silent since it was offered an address"));
  EXPECT_THAT(timelines_.TakeEnded(), SizeIs(1));
  EXPECT_THAT(timelines_.TakeEnded(), IsEmpty());
}

TEST_F(TimelinesTest, WhatIsUnderWayIsCountedUntilItEnds) {
  Tell({kDiscover, kAck});
  EXPECT_EQ(timelines_.counts().under_way, 1u);
  timelines_.Sweep(now_ + 61 * kSecond);
  EXPECT_EQ(timelines_.counts().under_way, 0u);
  EXPECT_EQ(timelines_.counts().abandoned, 1u);
  Tell(kAck);  // it was only slow
  EXPECT_EQ(Last().outcome, BootOutcome::kUnderWay);
  EXPECT_EQ(timelines_.counts().under_way, 1u);
  EXPECT_EQ(timelines_.counts().abandoned, 0u);
  EXPECT_EQ(timelines_.counts().failed, 0u);
  Tell({kOpened, kRequest, kComplete, kComplete});
  EXPECT_EQ(timelines_.counts().under_way, 0u);
  EXPECT_EQ(timelines_.counts().complete, 1u);
  // Three others begin; with one more, the oldest is forgotten, and no longer counted.
  for (std::uint8_t other = 10; other < 14; ++other) {
    Tell(kDiscover, MacAddress{{0x52, 0x54, 0, 0, 0, other}});
  }
  EXPECT_EQ(timelines_.counts().under_way, 3u);
}

TEST_F(TimelinesTest, EverythingIsBounded) {
  for (int boot = 0; boot < 5; ++boot) Tell({kDiscover, kAck});
  EXPECT_THAT(timelines_.Of(kMachine), SizeIs(2));
  for (int step = 0; step < 50; ++step) Tell(kRequest);
  EXPECT_THAT(Last().steps, SizeIs(12));
  EXPECT_EQ(Last().steps_left_out, 40u);
  for (std::uint8_t other = 10; other < 13; ++other) {
    Tell(kDiscover, MacAddress{{0x52, 0x54, 0, 0, 0, other}});
  }
  EXPECT_THAT(timelines_.Of(kMachine), IsEmpty()) << "the longest silent is forgotten";
  EXPECT_THAT(timelines_.All(), SizeIs(3));
}

TEST_F(TimelinesTest, ProgressReplacesProgress) {
  Tell({kDiscover, kRequest});
  for (std::int64_t i = 1; i < 100; ++i) Tell({EventKind::kHttpProgress, i * 10, 9000, "", 7});
  EXPECT_THAT(Last().steps, SizeIs(3));
  EXPECT_EQ(Last().steps.back().number, 990);
}

TEST_F(TimelinesTest, WaitingForItsTurnIsToldWithPositionAndExpectedStart) {
  Tell({kDiscover, kAck, {EventKind::kAdmissionWaits, 17, 11'200, "before its connection"}});
  EXPECT_EQ(Last().words,
            "waits for its turn before its connection, position 17, expected in 12 s");
  Tell({EventKind::kAdmissionWaits, 9, -1, "before TLS"});
  EXPECT_EQ(Last().words, "waits for its turn before TLS, position 9");
  Tell({EventKind::kAdmissionTurn, 9800, 0, "before TLS"});
  EXPECT_EQ(Last().words, "has its turn, waited 9800 ms before TLS");
}

TEST_F(TimelinesTest, TellsWhoObservesOfEachStepAndOutcomeOnce) {
  std::vector<std::string> told;
  timelines_.Observe(
      {.step = [&](const Boot&, const BootStep& step) { told.push_back(Sentence(step)); },
       .outcome =
           [&](const Boot& boot) {
             told.push_back(std::string(Name(boot.outcome)) + " " + boot.words);
           }});
  Tell({kDiscover, kAck, kOpened, kSecured, kRequest, kComplete});
  EXPECT_THAT(told, testing::SizeIs(8));
  EXPECT_THAT(told[1], HasSubstr("under way"));
  EXPECT_EQ(told.back(), "complete has the whole file /a/b/c.efi");
  told.clear();
  Tell({kDiscover, kAck, kDiscover});  // anew: the boot before is abandoned
  EXPECT_THAT(told[3], HasSubstr("abandoned began anew"));
  EXPECT_THAT(told, testing::SizeIs(6));
  told.clear();
  timelines_.Sweep(now_ + 61 * kSecond);
  timelines_.Sweep(now_ + 62 * kSecond);
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("abandoned has been silent")));
}

}  // namespace
}  // namespace slipway::control
