// SPDX-License-Identifier: Apache-2.0
//
// Why a machine did not boot, by the whole way: a client of ours, frames, a worker, its events, the
// boot's story, the diagnosis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "control/boots/diagnosis.h"
#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

using control::CauseId;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kHead = "HEAD /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";
constexpr std::string_view kLost = "GET /lost.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";

class StoriesTest : public OneMachineTest {
 protected:
  StoriesTest() : timelines_({}, [](Ipv4Address) { return std::optional<MacAddress>(); }) {
    Start();
    appliance_->Events();
  }

  // What happens while the two talk becomes the story.
  template <class Done>
  void Talk(Station& station, Done&& done, Duration limit = seconds(300)) {
    OneMachineTest::Talk(station, done, limit, [this] { TakeEvents(); });
    TakeEvents();
  }
  void TakeEvents() {
    for (const Event& event : appliance_->Events()) {
      last_ = event.unix_nanoseconds;
      timelines_.Take(event);
    }
  }
  void Ask(const Buffer& frame) {
    OneMachineTest::Ask(frame);
    TakeEvents();
  }
  control::Diagnosis Why(std::int64_t quiet_seconds = 1) {
    around_.now_unix_nanoseconds = last_ + quiet_seconds * 1'000'000'000;
    return control::Diagnose(timelines_.Of(kMachine.from), around_);
  }
  void Expect(CauseId cause, std::int64_t quiet_seconds = 1) {
    const control::Diagnosis found = Why(quiet_seconds);
    EXPECT_EQ(control::Describe(found.cause).id, control::Describe(cause).id) << found.Sentence();
  }
  // A conversation that ends with a reset as soon as `enough`.
  template <class Enough>
  void BreakOff(HttpClient& client, Port port, Enough&& enough) {
    station_.Connect(Port(1024), port, client, now_);
    Talk(station_, [&] { return enough(); });
    station_.host().Abort(station_.connection());
    Talk(
        station_, [] { return false; }, seconds(1));
  }

  control::BootTimelines timelines_;
  control::Surroundings around_;
  Station station_{kMachine, MachineSettings(), 1};
  std::int64_t last_ = 0;
};

TEST_F(StoriesTest, AWholeFileIsFine) {
  HttpClient client(kGet, kImageSize, TLS1_2_VERSION);
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] { return station_.closed; });
  Expect(CauseId::kComplete, 30);
}

TEST_F(StoriesTest, NobodyWasSeen) { Expect(CauseId::kNeverSeen); }

// Firmware: a reset once it has our certificate, without an alert.
TEST_F(StoriesTest, AResetAfterOurCertificateIsDistrust) {
  HttpClient client(kGet, kImageSize, TLS1_2_VERSION);
  BreakOff(client, Port(443), [&] {
    return station_.opened && station_.host().Info(station_.connection()).text_received > 0;
  });
  Expect(CauseId::kUnknownCa);
  EXPECT_EQ(Why().certainty, control::Certainty::kLikely);
}

// Power lost, or full frames that do not come through: neither is distrust.
TEST_F(StoriesTest, SilenceAfterOurCertificateIsNoDistrust) {
  HttpClient client(kGet, kImageSize, TLS1_2_VERSION);
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] {
    return station_.opened && station_.host().Info(station_.connection()).text_received > 0;
  });
  for (const Time end = now_ + seconds(300); now_ < end; now_ += milliseconds(100)) {
    appliance_->Run(now_);
    appliance_->Sent();
    TakeEvents();
  }
  Expect(CauseId::kHandshakeStalled);
}

TEST_F(StoriesTest, AClientThatVerifiesSaysUnknownCa) {
  HttpClient client(kGet, kImageSize, TLS1_3_VERSION, [](SSL_CTX* context) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  });
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] { return station_.closed; });
  Expect(CauseId::kUnknownCa);
  EXPECT_EQ(Why().certainty, control::Certainty::kCertain);
}

TEST_F(StoriesTest, SuitesForAnotherKeyAreNamedWhereTheCertificatesAreKnown) {
  HttpClient client(kGet, kImageSize, TLS1_2_VERSION, [](SSL_CTX* context) {
    SSL_CTX_set_cipher_list(context, "ECDHE-RSA-AES128-GCM-SHA256");
  });
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] { return station_.closed; });
  Expect(CauseId::kNoCommonSuite);
  around_.certificates = {{.rsa = false, .names = {"boot.test"}}};
  Expect(CauseId::kKeyType);
}

TEST_F(StoriesTest, AnOldVersionIsNamed) {
  HttpClient client(kGet, kImageSize, TLS1_1_VERSION, [](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  });
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] { return station_.closed; });
  Expect(CauseId::kNoCommonVersion);
}

TEST_F(StoriesTest, PlainHttpOnTheTlsPortIsNoTls) {
  HttpClient client(kGet, kImageSize);
  station_.Connect(Port(1024), Port(443), client, now_);
  Talk(station_, [&] { return station_.closed; });
  Expect(CauseId::kNoClientHello);
}

TEST_F(StoriesTest, AConnectionThatSaysNothingIsNamed) {
  HttpClient client("", kImageSize);
  int rounds = 0;
  BreakOff(client, Port(443), [&] { return station_.opened && ++rounds > 3; });
  Expect(CauseId::kNoClientHello);
}

TEST_F(StoriesTest, AMissingFileIsNamedWithItsPath) {
  HttpClient client(kLost, 1, TLS1_2_VERSION);
  int rounds = 0;  // enough that the error's own page is acknowledged: it is no file
  BreakOff(client, Port(443), [&] { return !client.text.empty() && ++rounds > 3; });
  Expect(CauseId::kNotFound);
  EXPECT_EQ(Why().detail, "/lost.efi");
}

TEST_F(StoriesTest, HeadWithoutGetIsTheFilesSize) {
  HttpClient client(kHead, 1, TLS1_2_VERSION);
  BreakOff(client, Port(443), [&] { return !client.text.empty(); });
  Expect(CauseId::kNoGetAfterHead, 30);
  EXPECT_EQ(Why(30).detail, "/image.efi, 100000 bytes");
}

TEST_F(StoriesTest, AResetInTheMiddleOfTheFileSaysHowFarItCame) {
  HttpClient client(kGet, kImageSize);
  BreakOff(client, Port(80), [&] { return client.text.size() > 10'000; });
  Expect(CauseId::kResetWhileLoading);
}

// As firmware ends: what came last is acknowledged by the reset alone.
TEST_F(StoriesTest, AResetThatAcknowledgesTheRestOfTheFileIsAWholeBoot) {
  for (const int tls_version : {0, TLS1_2_VERSION, TLS1_3_VERSION}) {
    HttpClient client(kGet, kImageSize, tls_version);
    const auto has_all = [&] {
      const std::size_t head = AsText(client.text).find("\r\n\r\n");
      return head != std::string_view::npos && client.text.size() >= head + 4 + kImageSize;
    };
    BreakOff(client, tls_version == 0 ? Port(80) : Port(443), has_all);
    EXPECT_TRUE(has_all());
    const control::Boot boot = timelines_.Of(kMachine.from).back();
    EXPECT_EQ(boot.outcome, control::BootOutcome::kComplete) << boot.words;
    ASSERT_GE(boot.steps.size(), 2u);
    EXPECT_EQ(boot.steps.end()[-2].kind, EventKind::kHttpComplete);
    EXPECT_EQ(boot.steps.end()[-1].kind, EventKind::kTcpReset);
    EXPECT_EQ(boot.steps.end()[-1].number, 0);
    Expect(CauseId::kComplete);
  }
}

TEST_F(StoriesTest, AWindowThatStaysClosedIsTheReceivers) {
  HttpClient client(kGet, kImageSize);
  station_.Connect(Port(1024), Port(80), client, now_);
  Talk(station_, [&] { return client.text.size() > 10'000; });
  Talk(station_, [&] {
    station_.host().SetReceiveRoom(station_.connection(), 0);
    return station_.closed;
  });
  Expect(CauseId::kWindowClosed);
}

TEST_F(StoriesTest, SilenceInTheMiddleOfTheFileIsNamed) {
  HttpClient client(kGet, kImageSize);
  station_.Connect(Port(1024), Port(80), client, now_);
  Talk(station_, [&] { return client.text.size() > 10'000; });
  for (const Time end = now_ + seconds(300); now_ < end; now_ += milliseconds(10)) {
    appliance_->Run(now_);
    appliance_->Sent();
    TakeEvents();
  }
  Expect(CauseId::kStoppedAnswering);
}

// The ring of a receiver that takes every tenth frame only.
TEST_F(StoriesTest, ManyLossesAreTheReceiveRing) {
  HttpClient client(kGet, kImageSize);
  station_.Connect(Port(1024), Port(80), client, now_);
  std::uint64_t frames = 0;
  for (const Time end = now_ + seconds(60); now_ < end && client.text.size() < 60'000;
       now_ += milliseconds(1)) {
    while (const auto frame = station_.Emit(now_)) appliance_->wire().Deliver(*frame);
    appliance_->Run(now_);
    while (const auto frame = appliance_->Emit(now_)) {
      if (frame->size() < 1000 || ++frames % 3 != 0) station_.Receive(*frame, now_);
    }
    if (station_.Deadline() <= now_) station_.Expire(now_);
    TakeEvents();
  }
  station_.host().Abort(station_.connection());
  Talk(
      station_, [] { return false; }, seconds(1));
  Expect(CauseId::kReceiveRingFull);
}

class ClosedPortTest : public StoriesTest {
 protected:
  ClosedPortTest() {
    auto snapshot = NewSnapshot({image_, {}, true});
    snapshot->plain_http = false;
    appliance_->snapshots().Publish(std::move(snapshot));
    appliance_->Run(now_);
    // It has its address from another server: so it is known.
    Event ack;
    ack.kind = EventKind::kDhcpAck;
    ack.mac = kMachine.from;
    timelines_.Take(ack);
  }
};

TEST_F(ClosedPortTest, PlainHttpWhereThatIsOffIsNamed) {
  HttpClient client(kGet, kImageSize);
  station_.Connect(Port(1024), Port(80), client, now_);
  Talk(station_, [&] { return station_.closed; });
  EXPECT_TRUE(station_.reset);
  EXPECT_TRUE(client.text.empty());
  Expect(CauseId::kPlainHttpOff);
  EXPECT_EQ(timelines_.Of(kMachine.from).back().steps.size(), 2u) << "and never connected";
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpPortClosed), 1u);
}

TEST_F(ClosedPortTest, AFloodOfThemIsCountedAndToldInMeasure) {
  constexpr std::uint64_t kTries = 100;
  std::uint64_t told = 0;
  const Time began = now_;
  for (std::uint64_t i = 0; i < kTries; ++i) {
    Station station(kMachine, MachineSettings(), i);
    HttpClient client(kGet, kImageSize);
    station.Connect(Port(static_cast<std::uint16_t>(2000 + i)), Port(80), client, now_);
    OneMachineTest::Talk(
        station, [&] { return station.closed; }, seconds(5), [] {});
    EXPECT_TRUE(station.reset);
    for (const Event& event : appliance_->Events()) told += event.kind == EventKind::kTcpRefused;
  }
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpPortClosed), kTries);
  EXPECT_GE(told, 20u);
  EXPECT_LE(told, 21u + 20u * static_cast<std::uint64_t>((now_ - began) / milliseconds(1000) + 1));
  EXPECT_LT(told, kTries);
}

Buffer DnsQuery() {
  Buffer query = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, 'o', 't', 'h', 'e', 'r', 4};
  for (const char c : std::string_view("test\0\0\1\0\1", 9)) {
    query.push_back(static_cast<std::uint8_t>(c));
  }
  return query;
}

TEST_F(StoriesTest, ANameThatIsNotOursIsNamed) {
  Ask(UdpFrame(kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery()}));
  // Without a lease it is as one that has its address from another server.
  Event ack;
  ack.kind = EventKind::kDhcpAck;
  ack.mac = kMachine.from;
  ack.unix_nanoseconds = last_;
  timelines_.Take(ack);
  Ask(UdpFrame(kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery()}));
  Expect(CauseId::kNameNotOurs, 15);
}

}  // namespace
}  // namespace slipway::dataplane
