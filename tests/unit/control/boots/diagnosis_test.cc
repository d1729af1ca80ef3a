// SPDX-License-Identifier: Apache-2.0
//
// Each cause from the events that show it, and the neighbours that must not be taken for it.
#include "control/boots/diagnosis.h"

#include <gmock/gmock.h>

#include "protocols/base/drop.h"
#include "tests/unit/control/boots/boot_builder.h"

namespace slipway::control {
namespace {

using dataplane::DhcpOfferOf;
using dataplane::EventKind;
using testing::HasSubstr;
using testing::SizeIs;

const std::string kVendor = "HTTPClient:Arch:00016:UNDI:003000";
const Happened kDiscover{EventKind::kDhcpDiscover, 16, 0, kVendor};
const Happened kOffer{EventKind::kDhcpOffer, static_cast<int>(DhcpOfferOf::kAddressAndBoot), 0,
                      "https://boot.test/a/b/c.efi"};
const Happened kProxyOffer{EventKind::kDhcpOffer, static_cast<int>(DhcpOfferOf::kBootAlone), 0,
                           "https://boot.test/a/b/c.efi"};
const Happened kRequest{EventKind::kDhcpRequest, 16, 0, kVendor};
const Happened kAck{EventKind::kDhcpAck, 3600};
const Happened kArp{EventKind::kArpAsked, 0, 0, "10.77.0.1"};
const Happened kDns{EventKind::kDnsQuery, 1, 0, "boot.test"};
const Happened kRefused{EventKind::kTcpRefused, 80};
const Happened kOpened{EventKind::kTcpOpened, 443, 1460, "window=65535", 7};
const Happened kOffered{EventKind::kTlsOffered, 0x0303, 2, "suites=009f,009e", 7};
const Happened kSecured{EventKind::kTlsDone, 0x0303, 0, "DHE-RSA-AES256-GCM-SHA384", 7};
const Happened kHead{EventKind::kHttpRequest, 200, 9000, "HEAD /a/b/c.efi", 7};
const Happened kGet{EventKind::kHttpRequest, 200, 90'000'000, "GET /a/b/c.efi", 7};
const Happened kProgress{EventKind::kHttpProgress, 4096, 90'000'000, "GET /a/b/c.efi", 7};
const Happened kComplete{EventKind::kHttpComplete, 9000, 0, "GET /a/b/c.efi", 7};
const Happened kReset{EventKind::kTcpReset, 0, 0, "acked=100 rtt_us=900 window=65535", 7};

Happened Ignored(Drop drop, std::int64_t extra = 0) {
  return {EventKind::kDhcpIgnored, static_cast<std::int64_t>(drop), extra,
          std::string(Describe(drop).sentence)};
}
Happened TlsFailed(std::int64_t sent, std::int64_t received, std::string_view text = "") {
  return {EventKind::kTlsFailed, sent, received, std::string(text), 7};
}

class DiagnosisTest : public testing::Test, protected Teller {
 protected:
  Diagnosis After(std::int64_t seconds = 1) {
    around_.now_unix_nanoseconds = now + seconds * kSecond;
    timelines.Sweep(around_.now_unix_nanoseconds);
    return Diagnose(boots(), around_);
  }
  void Expect(CauseId cause, std::int64_t seconds = 1, std::string_view detail = "") {
    const Diagnosis found = After(seconds);
    EXPECT_EQ(Describe(found.cause).id, Describe(cause).id) << found.Sentence();
    EXPECT_THAT(found.detail, HasSubstr(std::string(detail)));
    if (found.failed() && cause != CauseId::kNeverSeen) {
      EXPECT_FALSE(found.evidence.empty());
    }
  }
  void Connect() { Tell({kDiscover, kOffer, kRequest, kAck, kArp, kDns, kOpened}); }
  void Secure() {
    Connect();
    Tell({kOffered, kSecured});
  }

  Surroundings around_;
};

TEST_F(DiagnosisTest, ACompleteBootIsFine) {
  Secure();
  Tell({kHead, kGet, kProgress, kComplete, kReset});
  const Diagnosis found = After(5);
  EXPECT_EQ(found.cause, CauseId::kComplete);
  EXPECT_FALSE(found.failed());
  EXPECT_EQ(found.Sentence(), "has its whole boot file: /a/b/c.efi");
}

TEST_F(DiagnosisTest, EveryStepOfAGoodBootIsUnderWay) {
  for (const Happened& step : {kDiscover, kOffer, kRequest, kAck, kArp, kDns, kOpened, kOffered,
                               kSecured, kHead, kGet, kProgress}) {
    Tell(step);
    Expect(CauseId::kUnderWay, 4);
  }
}

TEST_F(DiagnosisTest, WhoWasNeverSeenIsSaidSoWithWhatWasDropped) {
  around_.notes = {"7 frames dropped: tagged for a VLAN that is not configured"};
  const Diagnosis found = After();
  EXPECT_EQ(found.cause, CauseId::kNeverSeen);
  ASSERT_THAT(found.evidence, SizeIs(1));
  EXPECT_THAT(found.evidence[0].words, HasSubstr("VLAN"));
}

struct DropCase {
  Drop drop;
  CauseId cause;
};
class DhcpDropTest : public DiagnosisTest, public testing::WithParamInterface<DropCase> {};

TEST_P(DhcpDropTest, NamesTheCauseAtOnce) {
  Tell({kDiscover, Ignored(GetParam().drop)});
  Expect(GetParam().cause);
  Tell({kDiscover, kOffer});
  Expect(CauseId::kUnderWay);
}
INSTANTIATE_TEST_SUITE_P(
    All, DhcpDropTest,
    testing::Values(DropCase{Drop::kDhcpUnknownMachine, CauseId::kUnknownMachine},
                    DropCase{Drop::kDhcpIgnoredByRule, CauseId::kUnknownMachine},
                    DropCase{Drop::kDhcpNotABootClient, CauseId::kNotABootClient},
                    DropCase{Drop::kDhcpNoNetwork, CauseId::kNoNetwork},
                    DropCase{Drop::kDhcpPoolEmpty, CauseId::kPoolEmpty},
                    DropCase{Drop::kDhcpLeaseTableFull, CauseId::kPoolEmpty},
                    DropCase{Drop::kDhcpAddressesInUse, CauseId::kAddressConflict},
                    DropCase{Drop::kDhcpJournalFull, CauseId::kJournalBehind},
                    DropCase{Drop::kDhcpReplyTooLong, CauseId::kReplyTooLong},
                    DropCase{Drop::kDhcpNoBootRule, CauseId::kNoBootFile},
                    DropCase{Drop::kDhcpAddressMissing, CauseId::kNotAnswered}),
    [](const auto& each) { return std::string(Describe(each.param.drop).name); });

TEST_F(DiagnosisTest, AnImageSetThatIsNotThereIsToldFromAMissingBootFile) {
  Tell({kDiscover, Ignored(Drop::kDhcpNoBootRule)});
  around_.image_set = "debian:stable";
  Expect(CauseId::kNoBootFile, 1, "architecture 16 (DHCP option 93), image set debian:stable");
  around_.image_set_is_there = false;
  Expect(CauseId::kImageSetMissing, 1, "debian:stable");
}

TEST_F(DiagnosisTest, WhomThePolicyDoesNotServeIsToldWhy) {
  Tell({kDiscover, Ignored(Drop::kDhcpUnknownMachine)});
  around_.policy = "is held until it is approved or reset, by rule new";
  Expect(CauseId::kUnknownMachine, 1, "by rule new");
  Tell({kDiscover, Ignored(Drop::kDhcpHeld)});
  Expect(CauseId::kHeld, 1, "by rule new");
  Tell({kDiscover, Ignored(Drop::kDhcpBootsLocally)});
  Expect(CauseId::kLeftToNextBoot);
  EXPECT_FALSE(After().failed());
}

TEST_F(DiagnosisTest, PxeIsToldFromHttpBoot) {
  Tell({{EventKind::kDhcpDiscover, 7, 0, "PXEClient:Arch:00007:UNDI:003000"},
        Ignored(Drop::kDhcpNoBootRule)});
  Expect(CauseId::kPxeOnly);
}

TEST_F(DiagnosisTest, AnotherServersOfferThatWasTakenIsNamed) {
  Tell({kDiscover, kOffer, kRequest,
        Ignored(Drop::kDhcpOtherServer, Ipv4Address(10, 77, 0, 2).value())});
  Expect(CauseId::kOtherServer, 1, "10.77.0.2");
}

TEST_F(DiagnosisTest, BesideAnotherServerThatIsAsItShouldBe) {
  Tell({kDiscover, kProxyOffer, kRequest, Ignored(Drop::kDhcpOtherServer, 1)});
  Expect(CauseId::kUnderWay, 5);
  Expect(CauseId::kSilentWithAddress, 31);
}

TEST_F(DiagnosisTest, AnAddressThatSomebodyHasIsAConflict) {
  Tell({kDiscover, kOffer, kRequest, kAck, {EventKind::kDhcpOther, 4}});
  Expect(CauseId::kAddressConflict);
  Tell({kDiscover, kOffer, kRequest, kAck});
  Expect(CauseId::kUnderWay);
}

TEST_F(DiagnosisTest, AProbeThatWasAnsweredIsAConflictUntilAnotherAddressIsOffered) {
  Tell({kDiscover, {EventKind::kDhcpConflict, 0, 0, "52:54:00:00:00:09"}});
  Expect(CauseId::kAddressConflict, 1, "52:54:00:00:00:09");
  Tell(kOffer);
  Expect(CauseId::kUnderWay);
}

TEST_F(DiagnosisTest, ARefusedAddressIsACauseOnceItAsksNoMore) {
  Tell({kRequest, {EventKind::kDhcpNak, 0, 0, "refused the address"}});
  EXPECT_EQ(boots().back().cause, "dhcp.refused");
  Expect(CauseId::kLeaseRefused, 11);
}

TEST_F(DiagnosisTest, ARelayThatTakesTheVendorClassAwayIsFound) {
  const std::int64_t relay = Ipv4Address(10, 9, 0, 1).value();
  Tell({EventKind::kDhcpDiscover, 16, relay, ""});
  Expect(CauseId::kVendorClassLost);
}

TEST_F(DiagnosisTest, OffersThatNobodyTakesAreTheRelaysWhereThereIsOne) {
  Tell({kDiscover, kOffer});
  Expect(CauseId::kUnderWay, 20);
  Expect(CauseId::kOfferNotTaken, 41);
  Teller relayed;
  Happened discover = kDiscover;
  discover.extra = Ipv4Address(10, 9, 0, 1).value();
  relayed.Tell({discover, kOffer, discover, kOffer, discover, kOffer});
  around_.now_unix_nanoseconds = relayed.now + 11 * kSecond;
  const Diagnosis found = Diagnose(relayed.boots(), around_);
  EXPECT_EQ(found.cause, CauseId::kVendorClassLostInReply);
  EXPECT_EQ(found.detail, "3 DISCOVERs through relay 10.9.0.1");
}

TEST_F(DiagnosisTest, AnOfferWithNothingToBootIsNamed) {
  const Happened bare{EventKind::kDhcpOffer, static_cast<int>(DhcpOfferOf::kAddressAlone), 0,
                      "offered an address"};
  Tell({kDiscover, bare});
  Expect(CauseId::kNoBootOffered, 11);
  Tell({kRequest, kAck});
  Expect(CauseId::kNoBootOffered, 31);
}

TEST_F(DiagnosisTest, WithAnAddressItIsToldHowFarItCame) {
  Tell({kDiscover, kOffer, kRequest, kAck});
  Expect(CauseId::kSilentWithAddress, 31);
  Tell(kArp);
  Expect(CauseId::kNeverConnected, 31);
  Tell({EventKind::kDnsQuery, 1, 3, "other.test"});
  Expect(CauseId::kNameNotOurs, 11, "other.test");
}

TEST_F(DiagnosisTest, PlainHttpWhereThatIsOffIsNamedAtOnceWithWhatWasOffered) {
  Tell({kDiscover, kOffer, kRequest, kAck, kArp, kRefused});
  Expect(CauseId::kPlainHttpOff, 1, "it was offered https://boot.test/a/b/c.efi");
  EXPECT_EQ(After().certainty, Certainty::kCertain);
  EXPECT_EQ(boots().back().outcome, BootOutcome::kFailed);
  EXPECT_EQ(boots().back().cause, "net.plain_http_off");
  EXPECT_THAT(boots().back().words, HasSubstr("came by plain HTTP, and boot.http is off"));
  // It goes on by HTTPS, and all is well.
  Tell({kOpened, kOffered, kSecured});
  Expect(CauseId::kUnderWay);
  Tell({kGet, kComplete});
  Expect(CauseId::kComplete, 5);
}

TEST_F(DiagnosisTest, AnotherClosedPortIsNoCause) {
  Tell({kDiscover, kOffer, kRequest, kAck, kArp, {EventKind::kTcpRefused, 443}});
  Expect(CauseId::kUnderWay);
}

TEST_F(DiagnosisTest, ALoaderThatAsksByPlainHttpIsToldFromASystemThatDoes) {
  Secure();
  Tell({kGet, kComplete, kReset, kRefused});
  Expect(CauseId::kPlainHttpOff, 21);
  Secure();
  Tell({kGet, kComplete, kReset});
  now += 100 * kSecond;
  Tell(kRefused);
  Expect(CauseId::kComplete, 21);
}

TEST_F(DiagnosisTest, WaitingIsNoFailureUntilItGaveUp) {
  Tell({kDiscover, {EventKind::kAdmissionWaits, 3, 5000, "before its address"}});
  Expect(CauseId::kWaitsForItsTurn, 30);
  EXPECT_FALSE(After(30).failed());
  Expect(CauseId::kGaveUpWaiting, 61);
  Connect();
  Tell({{EventKind::kAdmissionWaits, 3, 5000, "before TLS"},
        TlsFailed(-1, -1, dataplane::kEndedWaiting)});
  Expect(CauseId::kGaveUpWaiting);
}

struct TlsCase {
  const char* name;
  Happened failed;
  CauseId cause;
};
class TlsCauseTest : public DiagnosisTest, public testing::WithParamInterface<TlsCase> {};

TEST_P(TlsCauseTest, IsReadFromTheAlert) {
  Connect();
  Tell({kOffered, GetParam().failed, kReset});
  Expect(GetParam().cause);
  EXPECT_EQ(boots().back().cause, Describe(GetParam().cause).id);
}
INSTANTIATE_TEST_SUITE_P(
    All, TlsCauseTest,
    testing::Values(
        TlsCase{"UnknownCa", TlsFailed(-1, 48), CauseId::kUnknownCa},
        TlsCase{"Silence", TlsFailed(-1, -1, dataplane::kEndedAfterCertificate),
                CauseId::kUnknownCa},
        TlsCase{"Gone", TlsFailed(-1, -1, dataplane::kEndedInSilence), CauseId::kHandshakeStalled},
        TlsCase{"CertificateUnknown", TlsFailed(-1, 46), CauseId::kUnknownCa},
        TlsCase{"Expired", TlsFailed(-1, 45), CauseId::kCertificateExpired},
        TlsCase{"BadCertificate", TlsFailed(-1, 42), CauseId::kCertificateNotYetValid},
        TlsCase{"Unsupported", TlsFailed(-1, 43), CauseId::kKeyType},
        TlsCase{"NoSignature", TlsFailed(40, -1, "no suitable signature algorithm"),
                CauseId::kKeyType},
        TlsCase{"NoSuite", TlsFailed(40, -1, "no shared cipher"), CauseId::kNoCommonSuite},
        TlsCase{"NoVersion", TlsFailed(70, -1, "unsupported protocol"), CauseId::kNoCommonVersion},
        TlsCase{"TheirVersion", TlsFailed(-1, 70), CauseId::kNoCommonVersion},
        TlsCase{"Other", TlsFailed(50, -1, "length mismatch"), CauseId::kHandshakeFailed}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(DiagnosisTest, WhatSaysNothingOfTlsIsNamed) {
  Connect();
  Tell({TlsFailed(-1, -1, dataplane::kEndedBeforeHello), kReset});
  Expect(CauseId::kNoClientHello);
  Connect();
  Tell({TlsFailed(-1, -1, "http request")});
  Expect(CauseId::kNoClientHello);
}

TEST_F(DiagnosisTest, ASilentRefusalIsReadWithWhatOurCertificateHolds) {
  const std::int64_t today = now / kSecond;
  const CertificateFacts good{.rsa = true,
                              .not_before = today - 86'400,
                              .not_after = today + 86'400,
                              .names = {"boot.test", "10.77.0.1"}};
  Connect();
  Tell({kOffered, TlsFailed(-1, -1, dataplane::kEndedAfterCertificate), kReset});
  around_.certificates = {good};
  Expect(CauseId::kUnknownCa);
  around_.certificates[0].names = {"other.test", "*.test.org"};
  Expect(CauseId::kNameMismatch, 1, "boot.test");
  around_.certificates[0].names = {"*.Test"};
  Expect(CauseId::kUnknownCa);
  around_.certificates[0] = good;
  around_.certificates[0].not_after = today - 1;
  Expect(CauseId::kCertificateExpired);
  around_.certificates[0] = good;
  around_.certificates[0].not_before = today + 3600;
  Expect(CauseId::kCertificateNotYetValid);
}

TEST_F(DiagnosisTest, ANameAskedForInTlsCounts) {
  around_.certificates = {{.names = {"boot.test"}}};
  Connect();
  Tell({{EventKind::kTlsOffered, 0x0303, 1, "sni=old.test suites=c02f", 7}, TlsFailed(-1, 42)});
  Expect(CauseId::kNameMismatch, 1, "old.test");
}

TEST_F(DiagnosisTest, SuitesThatNeedAnotherKeyAreToldFromUnknownOnes) {
  Connect();
  Tell({{EventKind::kTlsOffered, 0x0303, 3, "suites=c02b,c02c,00ff", 7},
        TlsFailed(40, -1, "no shared cipher")});
  around_.certificates = {{.rsa = true}};
  Expect(CauseId::kKeyType);
  around_.certificates = {{.rsa = true}, {.rsa = false}};
  Expect(CauseId::kNoCommonSuite);
  Connect();
  Tell({kOffered, TlsFailed(40, -1, "no shared cipher")});
  around_.certificates = {{.rsa = false}};
  Expect(CauseId::kKeyType);
  Connect();
  Tell({{EventKind::kTlsOffered, 0x0304, 1, "suites=1301", 7}, TlsFailed(40, -1, "")});
  Expect(CauseId::kNoCommonSuite);
}

TEST_F(DiagnosisTest, AnswersThatRefuseAreNamedWithTheirPath) {
  Secure();
  Tell({EventKind::kHttpRequest, 404, 0, "GET /a/no.efi", 7});
  Expect(CauseId::kNotFound, 1, "/a/no.efi");
  Tell({EventKind::kHttpRequest, 503, 0, "GET /a/b/c.efi", 7});
  Expect(CauseId::kNotLoaded, 1, "/a/b/c.efi");
  Tell({EventKind::kHttpRequest, 400, 0, "", 7});
  Expect(CauseId::kRequestRefused, 1, "status 400");
}

TEST_F(DiagnosisTest, HeadWithoutGetIsTheFilesSize) {
  Secure();
  Tell({kHead, kReset});
  Expect(CauseId::kUnderWay, 5);
  Expect(CauseId::kNoGetAfterHead, 21, "/a/b/c.efi, 9000 bytes");
}

TEST_F(DiagnosisTest, ConnectedWithoutARequestIsNamed) {
  Secure();
  Expect(CauseId::kNoRequest, 21);
}

TEST_F(DiagnosisTest, HowATransferEndedIsReadFromItsFacts) {
  struct Case {
    EventKind kind;
    std::int64_t unacknowledged;
    std::int64_t again;
    const char* facts;
    CauseId cause;
  };
  const Case cases[] = {
      {EventKind::kTcpReset, 60'000, 2, "acked=4000000 window=0 closures=3 closed_ms=5200",
       CauseId::kWindowClosed},
      {EventKind::kTcpClosed, 4'000'000, 2,
       "because=HttpStalled acked=4000000 window=0 closures=1 closed_ms=61000",
       CauseId::kWindowClosed},
      {EventKind::kTcpReset, 60'000, 200, "acked=4000000 timeouts=4 recoveries=30 window=60000",
       CauseId::kReceiveRingFull},
      {EventKind::kTcpTimedOut, 60'000, 12, "because=no-answer acked=40000000 window=65535",
       CauseId::kStoppedAnswering},
      {EventKind::kTcpReset, 60'000, 3, "acked=4000000 window=65535 closures=1",
       CauseId::kResetWhileLoading},
  };
  for (const Case& each : cases) {
    Secure();
    Tell({kHead, kGet, kProgress, {each.kind, each.unacknowledged, each.again, each.facts, 7}});
    Expect(each.cause, 1, "/a/b/c.efi, at 4096 of 90000000 bytes");
    EXPECT_EQ(boots().back().outcome, BootOutcome::kFailed);
  }
}

TEST_F(DiagnosisTest, ATransferThatStandsIsSeenBeforeItsEnd) {
  Secure();
  Tell({kHead, kGet, kProgress});
  Expect(CauseId::kUnderWay, 30);
  Expect(CauseId::kStoppedAnswering, 41, "/a/b/c.efi");
}

TEST_F(DiagnosisTest, AFreshDiscoverAfterAWholeFileIsSecureBoot) {
  Secure();
  Tell({kGet, kComplete, kReset, kDiscover, kOffer});
  const Diagnosis found = After();
  EXPECT_EQ(found.cause, CauseId::kSecureBootRefused);
  EXPECT_EQ(found.certainty, Certainty::kPossible);
  EXPECT_TRUE(found.tries_again);
  EXPECT_THAT(found.evidence, SizeIs(2));
  around_.secure_boot_refusal = "c.efi: it is not signed";
  Expect(CauseId::kSecureBootRefused, 1, "not signed");
  EXPECT_EQ(After().certainty, Certainty::kLikely);
}

TEST_F(DiagnosisTest, AnIpxeThatFirmwareLoadedIsNoRefusalAndItsTwoLoadsAreOneBoot) {
  const Happened ipxe{EventKind::kDhcpDiscover, 16, 0, "iPXE PXEClient:Arch:00007:UNDI:003010"};
  for (int i = 0; i < 2; ++i) {
    Secure();
    Tell({kGet, kComplete, kReset, ipxe, kOffer});
    Expect(CauseId::kUnderWay);
    Tell({kRequest, kAck, kOpened, kOffered, kSecured, kGet, kComplete, kReset});
    Expect(CauseId::kComplete);
    now += 100 * kSecond;
  }
  Secure();
  Tell({kGet, kComplete, kReset});
  Expect(CauseId::kBootLoop, 1, "3 complete boots");
}

TEST_F(DiagnosisTest, ARestartMuchLaterIsNot) {
  Secure();
  Tell({kGet, kComplete, kReset});
  now += 600 * kSecond;
  Tell({kDiscover, kOffer});
  Expect(CauseId::kUnderWay);
}

TEST_F(DiagnosisTest, SilenceAfterARefusableProgramIsSecureBootAndALivingOneIsNot) {
  around_.secure_boot_refusal = "c.efi: it is not signed";
  Secure();
  Tell({kGet, kComplete, kReset});
  Expect(CauseId::kComplete, 5);
  Expect(CauseId::kSecureBootRefused, 21);
  Tell({EventKind::kDhcpDiscover, -1, 0, "dhcpcd"});
  Expect(CauseId::kComplete, 60);
}

TEST_F(DiagnosisTest, ALoaderWhoseNextFileIsMissingIsToldFromOptionalOnes) {
  Secure();
  Tell({kGet, kComplete, {EventKind::kHttpRequest, 404, 0, "GET /a//revocations_sku.efi", 8}});
  Expect(CauseId::kComplete, 21);
  Tell({EventKind::kHttpRequest, 404, 0, "GET /a/grubx64.efi", 9});
  Expect(CauseId::kNextFileMissing, 21, "/a/grubx64.efi");
}

TEST_F(DiagnosisTest, ThreeCompleteBootsInAQuarterOfAnHourAreALoop) {
  for (int i = 0; i < 3; ++i) {
    Secure();
    Tell({kGet, kComplete, kReset});
    now += 100 * kSecond;
  }
  Expect(CauseId::kBootLoop, 1, "3 complete boots in the last 15 minutes");
  EXPECT_THAT(After().evidence, SizeIs(3));
}

TEST_F(DiagnosisTest, AFailureIsToldAlsoWhenItTriesAgain) {
  Connect();
  Tell({kOffered, TlsFailed(-1, 48), kReset});
  const std::int64_t failed = boots().back().id;
  Tell({kDiscover, kOffer});
  const Diagnosis found = After();
  EXPECT_EQ(found.cause, CauseId::kUnknownCa);
  EXPECT_EQ(found.boot, failed);
  EXPECT_TRUE(found.tries_again);
  Tell({kRequest, kAck, kOpened, kOffered, kSecured});
  Expect(CauseId::kUnderWay);
}

TEST_F(DiagnosisTest, WhatFitsNoOtherCauseWentSilent) {
  Connect();
  Tell({EventKind::kTcpTimedOut, 0, 3, "because=silent acked=0 window=65535", 7});
  Expect(CauseId::kWentSilent);
}

}  // namespace
}  // namespace slipway::control
