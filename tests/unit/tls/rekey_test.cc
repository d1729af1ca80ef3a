// SPDX-License-Identifier: Apache-2.0
//
// Changes in the middle of a session: KeyUpdate both ways (RFC 8446 4.6.3), renegotiation asked
// for and refused (RFC 5746), and the limits on what a peer can make us keep.
#include <gmock/gmock.h>

#include "tests/unit/tls/loopback.h"

namespace slipway::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kRecordOfText(kRecordTextMax, 'x');

struct Way {
  const char* name;
  ClientOptions client;
  Policy policy = Policy::kFirmware;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class KeyUpdate : public ::testing::TestWithParam<Way> {
 protected:
  Loopback loop{GetParam().client, MakeContext(GetParam().policy)};
};

TEST_P(KeyUpdate, OfOursIsFollowedByTheClientAmidRecords) {
  loop.Handshake();
  loop.releases = false;  // old epochs are read again
  for (int epoch = 0; epoch < 3; ++epoch) {
    loop.source.Add(40000);
    loop.ToClient();
    loop.session.UpdateKeys();
  }
  loop.source.Add(40000);
  loop.releases = true;
  loop.Deliver();
  EXPECT_EQ(loop.session.info().key_updates, 3U);
  EXPECT_FALSE(loop.client.failed);
  EXPECT_TRUE(loop.session.is_open());
}

TEST_P(KeyUpdate, AskedForByTheClientChangesBothDirections) {
  loop.Handshake();
  for (std::uint32_t epoch = 1; epoch <= 20; ++epoch) {
    ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    loop.client.Write("x");
    loop.ToServer();
    EXPECT_EQ(loop.session.info().key_updates, epoch);
    loop.source.Add(30000);
    loop.Deliver();
  }
  EXPECT_EQ(loop.requests.size(), 20U);
  EXPECT_THAT(loop.drops, IsEmpty());
}

TEST_P(KeyUpdate, OfTheClientAloneLeavesOurKeys) {
  loop.Handshake();
  ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  loop.client.Write("GET");
  loop.ToServer();
  EXPECT_EQ(AsText(loop.requests), "GET");
  EXPECT_EQ(loop.session.info().key_updates, 0U);
  loop.source.Add(30000);
  loop.source.ended = true;
  loop.Deliver();
  loop.ToClient();
  EXPECT_TRUE(loop.client.closed());
}

INSTANTIATE_TEST_SUITE_P(
    Tls, KeyUpdate,
    ::testing::Values(
        Way{"HandedOver", {.version = TLS1_3_VERSION}},
        Way{"Aes256", {.version = TLS1_3_VERSION, .suites_tls13 = "TLS_AES_256_GCM_SHA384"}},
        Way{"DerivedForAFragmentLength", {.version = TLS1_3_VERSION, .max_fragment_length = 4}},
        Way{"SealedByOpenssl",
            {.version = TLS1_3_VERSION, .suites_tls13 = "TLS_CHACHA20_POLY1305_SHA256"},
            Policy::kModern}),
    [](const auto& test) { return test.param.name; });

TEST(KeyUpdateLimit, EpochsWhoseRecordsAreUnacknowledgedAreFew) {
  Loopback loop({.version = TLS1_3_VERSION}, MakeContext());
  loop.Handshake();
  loop.releases = false;
  loop.ReleaseAll();
  int updates = 0;
  while (loop.session.is_open() && updates < 10) {
    loop.source.Add(1000);
    loop.ToClient();
    ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    loop.client.Write("x");
    loop.ToServer();
    ++updates;
  }
  EXPECT_EQ(updates, 4);
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsKeyUpdateLimit));
  EXPECT_TRUE(loop.session.output().finished());
}

TEST(KeyUpdateLimit, MoreOfThemThanAPeerHasReasonForEndTheSession) {
  for (const bool together : {false, true}) {
    Loopback loop({.version = TLS1_3_VERSION}, MakeContext());
    loop.Handshake();
    int updates = 0;
    Buffer flood;
    while (loop.session.is_open() && updates < 1000) {
      ++updates;
      ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(loop.client.ssl()), 1);
      const Buffer update = loop.client.TakeOutput();
      flood.insert(flood.end(), update.begin(), update.end());
      if (!together) loop.Take(loop.session.Receive(update));
    }
    if (together) loop.Take(loop.session.Receive(flood));
    EXPECT_EQ(updates, together ? 1000 : 33);
    EXPECT_EQ(loop.session.state(), SessionState::kFailed);
    EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsKeyUpdateLimit));
    EXPECT_TRUE(loop.session.output().finished());
  }
}

// A byte of text now and then pays for nothing.
TEST(KeyUpdateLimit, CountsThemByTheTextTheyGoWith) {
  Loopback loop({.version = TLS1_3_VERSION}, MakeContext());
  loop.Handshake();
  int updates = 0;
  while (loop.session.is_open() && updates < 1000) {
    ++updates;
    ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    loop.client.Write(updates <= 10 ? kRecordOfText : "x");
    loop.Take(loop.session.Receive(loop.client.TakeOutput()));
  }
  EXPECT_EQ(updates, 43);
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsKeyUpdateLimit));
}

TEST(ControlLimit, KeyUpdatesNobodyAcknowledgesEndTheSession) {
  Loopback loop({.version = TLS1_3_VERSION}, MakeContext());
  loop.Handshake();
  int updates = 0;
  for (; loop.session.is_open() && updates < 100000; ++updates) {
    ASSERT_EQ(SSL_key_update(loop.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    loop.client.Write(kRecordOfText);
    loop.client.Run({});
    loop.Take(loop.session.Receive(loop.client.TakeOutput()));
  }
  EXPECT_GT(updates, 500) << "each goes with a record of text";
  EXPECT_LT(updates, 2000);
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsControlLimit));
  EXPECT_LT(loop.session.heap_bytes(), 128U * 1024);
}

class Renegotiation : public ::testing::TestWithParam<const char*> {};

TEST_P(Renegotiation, IsRefusedCountedAndTheSessionGoesOn) {
  Loopback loop({.suites_tls12 = GetParam()}, MakeContext());
  loop.Handshake();
  ASSERT_EQ(SSL_renegotiate(loop.client.ssl()), 1);
  SSL_do_handshake(loop.client.ssl());
  loop.Take(loop.session.Receive(loop.client.TakeOutput()));
  EXPECT_TRUE(loop.session.is_open());
  EXPECT_THAT(loop.drops, ElementsAre(Drop::kTlsRenegotiation));
  EXPECT_EQ(loop.session.info().renegotiations_refused, 1U);
  EXPECT_EQ(loop.session.info().alert_sent, 100);
  const std::size_t before = loop.seen.size();
  loop.ToClient();
  EXPECT_GT(loop.seen.size(), before) << "the warning leaves";
  EXPECT_TRUE(loop.client.failed) << "OpenSSL's client gives up by itself";
}

INSTANTIATE_TEST_SUITE_P(Tls, Renegotiation,
                         ::testing::Values("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-SHA"),
                         [](const auto& test) {
                           return std::string(test.param).ends_with("SHA") ? "SealedByOpenssl"
                                                                           : "SealedBySlipway";
                         });

TEST(InputLimit, MoreHandshakeBytesThanAnyClientNeedsAreRefused) {
  Loopback loop({}, MakeContext());
  // A handshake record that never ends, again and again without a step.
  Buffer record{22, 3, 3, 0x40, 0};
  record.resize(16000);
  Received received;
  for (int i = 0; i < 5; ++i) received = loop.session.Receive(record);
  EXPECT_EQ(received.state, SessionState::kFailed);
  EXPECT_EQ(received.drop, Drop::kTlsInputLimit);
  EXPECT_FALSE(loop.session.handshake_pending());
}

TEST(NotTls, PlainHttpOnTheTlsPortIsRefusedAtOnce) {
  Loopback loop({}, MakeContext());
  loop.session.Receive(AsBytes("GET / HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(loop.session.handshake_pending());
  const Received received = loop.session.Step();
  EXPECT_EQ(received.state, SessionState::kFailed);
  EXPECT_EQ(received.drop, Drop::kTlsHandshakeFailed);
  EXPECT_EQ(loop.session.info().failure, "http request");
  EXPECT_FALSE(loop.session.handshake_pending());
  EXPECT_EQ(loop.session.Receive(AsBytes("more")).drop, Drop::kNone) << "counted once";
}

TEST(NoCommonSuite, IsAnAlertAndTheOfferIsKnown) {
  Loopback loop({.suites_tls12 = "ECDHE-ECDSA-AES128-CCM8"}, MakeContext());
  loop.Handshake();
  EXPECT_EQ(loop.session.state(), SessionState::kFailed);
  EXPECT_EQ(loop.session.info().alert_sent, 40);  // handshake_failure
  EXPECT_EQ(loop.session.info().failure, "no shared cipher");
  EXPECT_THAT(loop.session.info().offer.suites, ElementsAre(0xc0ae, 0x00ff));
}

}  // namespace
}  // namespace slipway::tls
