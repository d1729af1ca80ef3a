// SPDX-License-Identifier: Apache-2.0
//
// Sessions against a real OpenSSL client: what is negotiated, delivered, refused and recorded.
#include "tls/session.h"

#include <gmock/gmock.h>

#include "tests/unit/tls/loopback.h"

namespace slipway::tls {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Case {
  const char* name;
  ClientOptions client;
  Version version;
  const char* suite;
  const char* group;
  RecordsSealedBy sealed_by;
  Policy policy = Policy::kFirmware;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const Case kCases[] = {
    {"OvmfsSuiteListGetsForwardSecrecyAndGcm",
     {.suites_tls12 = kOvmfSuites},
     Version::kTls12,
     "DHE-RSA-AES128-GCM-SHA256",
     "ffdhe2048",
     RecordsSealedBy::kSlipway},
    {"Tls12EcdheEcdsa",
     {.suites_tls12 = "ECDHE-ECDSA-AES256-GCM-SHA384"},
     Version::kTls12,
     "ECDHE-ECDSA-AES256-GCM-SHA384",
     "X25519",
     RecordsSealedBy::kSlipway},
    {"Tls12EcdheRsaOnP384",
     {.suites_tls12 = "ECDHE-RSA-AES128-GCM-SHA256", .groups = "P-384"},
     Version::kTls12,
     "ECDHE-RSA-AES128-GCM-SHA256",
     "P-384",
     RecordsSealedBy::kSlipway},
    {"Tls12PlainRsaIsTheLastResort",
     {.suites_tls12 = "AES256-GCM-SHA384:AES128-SHA"},
     Version::kTls12,
     "AES256-GCM-SHA384",
     "RSA",
     RecordsSealedBy::kSlipway},
    {"Tls12CbcSha",
     {.suites_tls12 = "DHE-RSA-AES128-SHA"},
     Version::kTls12,
     "DHE-RSA-AES128-SHA",
     "ffdhe2048",
     RecordsSealedBy::kOpenssl},
    {"Tls12CbcSha256",
     {.suites_tls12 = "AES256-SHA256"},
     Version::kTls12,
     "AES256-SHA256",
     "RSA",
     RecordsSealedBy::kOpenssl},
    {"Tls12CbcSha384",
     {.suites_tls12 = "ECDHE-RSA-AES256-SHA384"},
     Version::kTls12,
     "ECDHE-RSA-AES256-SHA384",
     "X25519",
     RecordsSealedBy::kOpenssl},
    {"Tls13Aes128",
     {.version = TLS1_3_VERSION, .suites_tls13 = "TLS_AES_128_GCM_SHA256"},
     Version::kTls13,
     "TLS_AES_128_GCM_SHA256",
     "X25519",
     RecordsSealedBy::kSlipway},
    {"Tls13Aes256AfterHelloRetry",
     {.version = TLS1_3_VERSION, .suites_tls13 = "TLS_AES_256_GCM_SHA384", .groups = "P-521:P-256"},
     Version::kTls13,
     "TLS_AES_256_GCM_SHA384",
     "P-256",
     RecordsSealedBy::kSlipway},
    {"Tls13ChaCha20",
     {.version = TLS1_3_VERSION, .suites_tls13 = "TLS_CHACHA20_POLY1305_SHA256"},
     Version::kTls13,
     "TLS_CHACHA20_POLY1305_SHA256",
     "X25519",
     RecordsSealedBy::kOpenssl,
     Policy::kModern},
    {"Tls12ChaCha20",
     {.suites_tls12 = "ECDHE-RSA-CHACHA20-POLY1305"},
     Version::kTls12,
     "ECDHE-RSA-CHACHA20-POLY1305",
     "X25519",
     RecordsSealedBy::kOpenssl,
     Policy::kModern},
};

class EverySuite : public ::testing::TestWithParam<Case> {};

TEST_P(EverySuite, DeliversAndIsDescribed) {
  const Case& c = GetParam();
  for (const Sealer::Kind kind : {Sealer::Kind::kIpsecMb, Sealer::Kind::kEvp}) {
    for (const bool lends : {true, false}) {
      Loopback loop(c.client, MakeContext(c.policy), kind);
      loop.source.lends = lends;
      loop.Handshake();
      ASSERT_TRUE(loop.session.is_open()) << loop.session.info().failure;
      const SessionInfo& info = loop.session.info();
      EXPECT_EQ(info.version, c.version);
      EXPECT_EQ(info.suite_name, c.suite);
      EXPECT_EQ(info.group, c.group);
      EXPECT_EQ(info.sealed_by, c.sealed_by);
      EXPECT_FALSE(info.resumed);
      loop.client.Write("GET / HTTP/1.1\r\n\r\n");
      loop.ToServer();
      EXPECT_EQ(AsText(loop.requests), "GET / HTTP/1.1\r\n\r\n");
      loop.source.Add(300000);
      loop.Deliver();
      loop.source.Add(1);
      loop.Deliver();
      EXPECT_THAT(loop.drops, IsEmpty());
      EXPECT_EQ(loop.source.released, loop.source.text.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tls, EverySuite, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

// A window that is always full: something of the text is on its way from its beginning to its end.
// What is acknowledged is released all the same, for whoever waits below for progress.
TEST_P(EverySuite, ReleasesTextAsItIsAcknowledgedThoughSomeIsAlwaysOnItsWay) {
  constexpr std::uint64_t kTurn = 2920;
  for (const std::uint64_t window : {kTurn, std::uint64_t{65535}}) {
    Loopback loop(GetParam().client, MakeContext(GetParam().policy));
    loop.Handshake();
    loop.ReleaseAll();
    loop.source.Add(400'000);
    ByteSource& out = loop.session.output();
    const std::uint64_t begin = loop.released;
    std::uint64_t text = 0;
    while (loop.seen.size() - begin < 300'000) {
      const std::uint64_t in_flight = loop.seen.size() - loop.released;
      const std::uint64_t waiting = out.length() - loop.seen.size();
      if (window > in_flight + waiting) out.Extend(window - in_flight - waiting);
      Buffer segment(std::min(window - in_flight, out.length() - loop.seen.size()));
      out.Read(loop.seen.size(), segment);
      loop.seen.insert(loop.seen.end(), segment.begin(), segment.end());
      loop.client.Run(segment);
      out.Release(loop.released += std::min(kTurn, segment.size() + in_flight - 1));
      ASSERT_GE(loop.source.released, text);
      text = loop.source.released;
      // At most the record whose end is still to be acknowledged, and what records add.
      ASSERT_GE(text + kRecordSizeMax + text / 32, loop.released - begin);
      ASSERT_LE(text, loop.released - begin) << "nothing too early";
    }
    loop.releases = false;
    loop.Deliver();
    EXPECT_EQ(loop.source.released, loop.source.text.size());
  }
}

TEST(Session, ForwardSecrecyComesBeforeGcmAndGcmBeforeCbc) {
  const struct {
    const char* offered;
    const char* chosen;
  } kChoices[] = {
      {"AES128-GCM-SHA256:DHE-RSA-AES256-SHA", "DHE-RSA-AES256-SHA"},
      {"AES128-SHA:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"},
      {"AES256-SHA:AES256-SHA256:AES256-GCM-SHA384", "AES256-GCM-SHA384"},
      {"DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
      {"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
       "ECDHE-ECDSA-AES128-GCM-SHA256"},
  };
  for (const auto& choice : kChoices) {
    Loopback loop({.suites_tls12 = choice.offered}, MakeContext());
    loop.Handshake();
    EXPECT_EQ(loop.session.info().suite_name, choice.chosen);
  }
}

TEST(Session, TheClientsOfferIsRecordedAsItsFingerprint) {
  Loopback loop({.suites_tls12 = kOvmfSuites, .alpn = true, .server_name = "boot.test"},
                MakeContext());
  loop.Handshake();
  const SessionInfo& info = loop.session.info();
  EXPECT_THAT(info.offer.suites, ElementsAre(0x009f, 0x009e, 0x006b, 0x0067, 0x0039, 0x0033, 0x009d,
                                             0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff));
  EXPECT_THAT(info.offer.versions, ElementsAre(0x0303));
  EXPECT_EQ(info.offer.server_name, "boot.test");
  EXPECT_TRUE(info.http11_negotiated);
  EXPECT_THAT(info.offer.signature_algorithms, Contains(0x0804));  // rsa_pss_rsae_sha256
}

class FragmentLengths : public ::testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(FragmentLengths, AreKeptAndOurSealingTakesOver) {
  const auto [code, version] = GetParam();
  Loopback loop({.version = version, .max_fragment_length = code}, MakeContext());
  loop.Handshake();
  ASSERT_TRUE(loop.session.is_open()) << loop.session.info().failure;
  EXPECT_EQ(loop.session.info().max_fragment_length, 256 << code);
  EXPECT_EQ(loop.session.info().sealed_by, RecordsSealedBy::kSlipway);
  loop.source.Add(100000);
  loop.source.ended = true;
  loop.Deliver();
  loop.ToClient();
  EXPECT_TRUE(loop.client.closed());
  EXPECT_FALSE(loop.client.failed);
  EXPECT_TRUE(loop.session.output().finished());
}

INSTANTIATE_TEST_SUITE_P(Tls, FragmentLengths,
                         ::testing::Combine(::testing::Values(1, 2, 3, 4),
                                            ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION)));

class BothVersions : public ::testing::TestWithParam<int> {};

TEST_P(BothVersions, CloseNotifyGoesBothWays) {
  Loopback loop({.version = GetParam()}, MakeContext());
  loop.Handshake();
  loop.source.Add(5000);
  loop.session.Close();
  EXPECT_FALSE(loop.session.output().finished()) << "the text is still to be sent";
  loop.Deliver();
  loop.ToClient();
  EXPECT_TRUE(loop.client.closed());
  EXPECT_TRUE(loop.session.output().finished());
  EXPECT_EQ(loop.session.info().alert_sent, 0);
  SSL_shutdown(loop.client.ssl());
  loop.ToServer();
  EXPECT_EQ(loop.session.state(), SessionState::kClosedByPeer);
  EXPECT_EQ(loop.session.info().alert_received, 0);
  EXPECT_THAT(loop.drops, IsEmpty());
}

TEST_P(BothVersions, ATicketResumesAndSurvivesOneRotation) {
  const auto context = MakeContext();
  Loopback first({.version = GetParam()}, context);
  first.Handshake();
  ASSERT_NE(first.client.session(), nullptr);
  ASSERT_FALSE(first.session.info().resumed);
  Certificates::Get().tickets->Rotate();
  Loopback second({.version = GetParam(), .resume = first.client.session()}, MakeContext());
  second.Handshake();
  EXPECT_TRUE(second.session.info().resumed);
  second.source.Add(50000);
  second.Deliver();
  Certificates::Get().tickets->Rotate();
  Loopback third({.version = GetParam(), .resume = first.client.session()}, context);
  third.Handshake();
  EXPECT_TRUE(third.session.is_open());
  EXPECT_FALSE(third.session.info().resumed) << "two rotations ago";
}

TEST_P(BothVersions, AnUnknownAuthorityIsRecordedAsTheAlertItIs) {
  Loopback loop({.version = GetParam(), .trusts = false}, MakeContext());
  loop.Handshake();
  EXPECT_EQ(loop.session.state(), SessionState::kFailed);
  EXPECT_EQ(loop.session.info().alert_received, 48);
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsAlertReceived));
  EXPECT_EQ(AlertText(48), "unknown_CA (48)");
  EXPECT_TRUE(loop.session.output().finished());
}

TEST_P(BothVersions, AChangedRecordEndsTheSessionWithAnAlert) {
  Loopback loop({.version = GetParam()}, MakeContext());
  loop.Handshake();
  loop.client.Write("GET / HTTP/1.1\r\n\r\n");
  Buffer bytes = loop.client.TakeOutput();
  bytes.back() ^= 1;
  loop.Take(loop.session.Receive(bytes));
  EXPECT_EQ(loop.session.state(), SessionState::kFailed);
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsRecordMalformed));
  EXPECT_EQ(loop.session.info().alert_sent, 20);  // bad_record_mac
  loop.ToClient();
  EXPECT_TRUE(loop.client.failed);
  EXPECT_TRUE(loop.session.output().finished());
}

TEST_P(BothVersions, BytesArrivingOneByOneMakeTheSameSession) {
  Loopback loop({.version = GetParam()}, MakeContext());
  for (int flight = 0; flight < 4; ++flight) {
    loop.client.Run({});
    for (const std::uint8_t byte : loop.client.TakeOutput()) {
      loop.Take(loop.session.Receive(Bytes(&byte, 1)));
      while (loop.session.handshake_pending()) loop.Take(loop.session.Step());
    }
    loop.ToClient();
  }
  ASSERT_TRUE(loop.session.is_open());
  loop.source.Add(20000);
  loop.Deliver();
}

TEST_P(BothVersions, TextThatComesWithTheFinishedIsNotLost) {
  Loopback loop({.version = GetParam()}, MakeContext());
  loop.ToServer();
  loop.ToClient();
  loop.client.Run({});
  if (GetParam() == TLS1_3_VERSION) loop.client.Write("GET / HTTP/1.1\r\n\r\n");
  loop.ToServer();
  loop.ToClient();
  ASSERT_TRUE(loop.session.is_open());
  EXPECT_EQ(AsText(loop.requests), GetParam() == TLS1_3_VERSION ? "GET / HTTP/1.1\r\n\r\n" : "");
}

TEST_P(BothVersions, SaysWhenARequestMayComeWithTheNextMessage) {
  Loopback loop({.version = GetParam()}, MakeContext());
  EXPECT_FALSE(loop.session.request_may_follow());
  loop.ToServer();
  EXPECT_EQ(loop.session.request_may_follow(), GetParam() == TLS1_3_VERSION);
  loop.Handshake();
  ASSERT_TRUE(loop.session.is_open());
  EXPECT_FALSE(loop.session.request_may_follow());
  Loopback again({.version = GetParam(), .resume = loop.client.session()}, MakeContext());
  again.ToServer();
  EXPECT_TRUE(again.session.request_may_follow()) << "a ticket: ours is the first Finished";
}

INSTANTIATE_TEST_SUITE_P(Tls, BothVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& test) {
                           return test.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace slipway::tls
