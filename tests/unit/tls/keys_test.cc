// SPDX-License-Identifier: Apache-2.0
//
// Two ways to the same keys: what libssl hands over through the BIO (or what the engine derives
// itself) against what the client's key log gives.
#include <gmock/gmock.h>

#include "tests/unit/tls/loopback.h"
#include "tls/self_check.h"

namespace slipway::tls {
namespace {

// Keeps what an engine says. Messages cannot be sealed here, so the handshake is only followed
// until its keys are known.
class RecordingSink final : public RecordSink {
 public:
  void AppendRecords(Bytes bytes) override {
    records.insert(records.end(), bytes.begin(), bytes.end());
  }
  void AppendMessage(ContentType type, Bytes plaintext) override {
    messages.emplace_back(type, Buffer(plaintext.begin(), plaintext.end()));
  }
  bool InstallKeys(const RecordKeys& installed) override {
    keys.push_back(installed);
    return true;
  }

  Buffer records;
  std::vector<std::pair<ContentType, Buffer>> messages;
  std::vector<RecordKeys> keys;
};

struct Driven {
  explicit Driven(const ClientOptions& options) : client(options), engine(MakeContext(), sink) {
    for (int flight = 0; flight < 4; ++flight) {
      client.Run(Bytes(sink.records).subspan(sent));
      sent = sink.records.size();
      engine.Feed(client.TakeOutput(), room);
    }
  }

  Buffer room = Buffer(1000);
  std::size_t sent = 0;
  RecordingSink sink;
  Client client;
  Engine engine;
};

TEST(Keys, HandedOverInTls13AreThoseOfTheKeyLog) {
  for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}) {
    Driven driven({.version = TLS1_3_VERSION, .suites_tls13 = suite});
    ASSERT_EQ(driven.engine.state(), SessionState::kOpen);
    ASSERT_EQ(driven.sink.keys.size(), 1U);
    const RecordKeys handed = driven.sink.keys[0];
    const auto derived =
        KeysFromTrafficSecret(driven.client.secrets.at("SERVER_TRAFFIC_SECRET_0"), handed.key_size);
    EXPECT_EQ(derived, handed);
    ASSERT_EQ(driven.sink.messages.size(), 1U) << "the ticket";
    EXPECT_EQ(driven.sink.messages[0].first, ContentType::kHandshake);
    EXPECT_EQ(driven.sink.messages[0].second[0], 4) << "NewSessionTicket";
  }
}

TEST(Keys, DerivedForAFragmentLengthCountTheTicketLibsslHasSealed) {
  Driven driven({.version = TLS1_3_VERSION, .max_fragment_length = 4});
  ASSERT_EQ(driven.engine.state(), SessionState::kOpen);
  ASSERT_EQ(driven.sink.keys.size(), 1U);
  auto derived = KeysFromTrafficSecret(driven.client.secrets.at("SERVER_TRAFFIC_SECRET_0"),
                                       driven.sink.keys[0].key_size);
  derived->sequence = 1;
  EXPECT_EQ(derived, driven.sink.keys[0]);
  EXPECT_THAT(driven.sink.messages, ::testing::IsEmpty());
}

TEST(Keys, AfterAKeyUpdateAreThoseOfTheNextSecret) {
  Driven driven({.version = TLS1_3_VERSION});
  driven.engine.UpdateKeys();
  driven.engine.UpdateKeys();
  ASSERT_EQ(driven.sink.keys.size(), 3U);
  Buffer secret = driven.client.secrets.at("SERVER_TRAFFIC_SECRET_0");
  for (std::size_t epoch = 1; epoch <= 2; ++epoch) {
    secret = *NextTrafficSecret(secret);
    EXPECT_EQ(KeysFromTrafficSecret(secret, driven.sink.keys[0].key_size), driven.sink.keys[epoch]);
    const auto& [type, message] = driven.sink.messages[epoch];
    EXPECT_EQ(type, ContentType::kHandshake);
    EXPECT_EQ(message, (Buffer{24, 0, 0, 1, 0})) << "KeyUpdate, not requested";
  }
}

RecordKeys ClientView(Client& client, std::size_t key_size) {
  std::array<std::uint8_t, 32> client_random{};
  std::array<std::uint8_t, 32> server_random{};
  SSL_get_client_random(client.ssl(), client_random.data(), client_random.size());
  SSL_get_server_random(client.ssl(), server_random.data(), server_random.size());
  return *ServerKeysFromMasterSecret({client.secrets.at("CLIENT_RANDOM"), client_random,
                                      server_random, key_size == 32 ? "SHA384" : "SHA256"},
                                     key_size);
}

TEST(Keys, HandedOverInTls12AreThoseOfTheKeyLog) {
  for (const char* suite : {"DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    Driven driven({.suites_tls12 = suite});
    ASSERT_EQ(driven.sink.keys.size(), 1U);
    const RecordKeys handed = driven.sink.keys[0];
    const RecordKeys derived = ClientView(driven.client, handed.key_size);
    EXPECT_EQ(derived.key, handed.key);
    EXPECT_EQ(derived.salt, handed.salt);
    EXPECT_EQ(handed.sequence, 0U);
    ASSERT_EQ(driven.sink.messages.size(), 1U) << "Finished";
    EXPECT_EQ(driven.sink.messages[0].second[0], 20);
  }
}

TEST(Keys, DerivedInTls12GoOnAfterLibsslsFinished) {
  Driven driven({.suites_tls12 = "ECDHE-RSA-AES256-GCM-SHA384", .max_fragment_length = 2});
  ASSERT_EQ(driven.engine.state(), SessionState::kOpen);
  ASSERT_EQ(driven.sink.keys.size(), 1U);
  const RecordKeys derived = ClientView(driven.client, 32);
  EXPECT_EQ(derived.key, driven.sink.keys[0].key);
  EXPECT_EQ(derived.salt, driven.sink.keys[0].salt);
  EXPECT_EQ(driven.sink.keys[0].sequence, 1U);
  // The last record on the wire is Finished: 5 header bytes, then its explicit nonce.
  const std::size_t finished = 5 + 8 + 16 + 16;
  ASSERT_GE(driven.sink.records.size(), finished);
  const Bytes nonce = Bytes(driven.sink.records).last(finished).subspan(5, 8);
  EXPECT_EQ(Reader(driven.sink.keys[0].iv).U64(), Reader(nonce).U64() + 1);
}

TEST(Keys, KnownAnswersAreRight) { EXPECT_EQ(SelfCheck(), std::nullopt); }

TEST(Keys, AKeyLogLineIsThreeWords) {
  const auto line = ParseKeyLogLine("LABEL 00ff 0102aB");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->label, "LABEL");
  EXPECT_EQ(line->client_random, (Buffer{0x00, 0xff}));
  EXPECT_EQ(line->secret, (Buffer{0x01, 0x02, 0xab}));
  for (const char* wrong : {"", "LABEL", "LABEL 00", "LABEL 0 00", "LABEL 00 0g", "LABEL 00 001"}) {
    EXPECT_FALSE(ParseKeyLogLine(wrong).has_value()) << wrong;
  }
}

TEST(Keys, SecretsOfNoHashAreRefused) {
  EXPECT_FALSE(KeysFromTrafficSecret(Buffer(31), 16).has_value());
  EXPECT_FALSE(KeysFromTrafficSecret(Buffer(32), 24).has_value());
  EXPECT_FALSE(NextTrafficSecret(Buffer(0)).has_value());
}

}  // namespace
}  // namespace slipway::tls
