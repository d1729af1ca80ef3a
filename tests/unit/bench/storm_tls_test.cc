// SPDX-License-Identifier: Apache-2.0
//
// The farm's TLS against the product's: handshakes of every personality, requests sealed with the
// keys they leave, records opened from pieces of every size, counted without being opened, damaged,
// and across a change of keys.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <variant>

#include "bench/storm/record_reader.h"
#include "bench/storm/tls_client.h"
#include "protocols/base/entropy.h"
#include "tls/certificates.h"
#include "tls/session.h"

namespace slipway::storm {
namespace {

using Buffer = std::vector<std::uint8_t>;

struct Text final : ByteSource {
  std::uint64_t length() const override { return bytes.size(); }
  bool finished() const override { return false; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    static_cast<void>(Copy(Bytes(bytes).subspan(offset), out));
  }
  void Release(std::uint64_t) override {}
  void Add(std::size_t size) {
    Buffer more(size);
    SeededEntropy(size).Fill(more);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  Buffer bytes;
};

// The server's certificates, and the file of their CA.
struct Server {
  static Server& Get() {
    static Server server;
    return server;
  }
  Server() {
    const auto authority = tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256});
    std::ofstream(authority_file) << authority.certificate_pem;
    tls::ContextOptions options{.ticket_keys = std::make_shared<tls::TicketKeys>()};
    for (const auto type : {tls::KeyType::kRsa2048, tls::KeyType::kEcdsaP256}) {
      options.certificates.push_back(std::get<tls::Certificate>(
          tls::IssueServerCertificate(authority, {.key_type = type, .dns_names = {"boot.test"}})));
    }
    context = std::get<std::shared_ptr<const tls::Context>>(tls::Context::Create(options));
  }
  std::string authority_file = std::filesystem::path(::testing::TempDir()) / "storm-ca.pem";
  std::shared_ptr<const tls::Context> context;
  std::unique_ptr<tls::Sealer> sealer = tls::Sealer::Create();
};

class Dialogue {
 public:
  explicit Dialogue(Firmware firmware, const std::string& host = "boot.test")
      : client(TlsClient::Create(PersonalityOf(firmware), Server::Get().authority_file)),
        handshake(*client, host, true),
        session(Server::Get().context, text, *Server::Get().sealer) {}

  // Everything the server has to say from where it was left.
  Buffer Said() {
    session.output().Extend(1 << 20);
    Buffer bytes(static_cast<std::size_t>(session.output().length() - at));
    session.output().Read(at, bytes);
    at += bytes.size();
    session.output().Release(at);
    return bytes;
  }
  tls::Received Hear(Bytes bytes) {
    auto received = session.Receive(bytes);
    while (session.handshake_pending()) received = session.Step();
    return received;
  }
  Handshake::State Shake() {
    Buffer out;
    auto state = handshake.Receive({}, out);
    for (int flight = 0; flight < 4 && state == Handshake::State::kGoing; ++flight) {
      Hear(out);
      out.clear();
      state = handshake.Receive(Said(), out);
    }
    Hear(out);
    return state;
  }

  Text text;
  std::unique_ptr<TlsClient> client;
  Handshake handshake;
  tls::Session session;
  std::uint64_t at = 0;
  std::unique_ptr<RecordCrypto> crypto = RecordCrypto::Create();
};

// What a reader makes of `bytes` in pieces of `size`.
struct Heard {
  Buffer text;
  std::size_t counted = 0;
  Failure failure = Failure::kNone;
};
Heard Read(RecordReader& reader, Bytes bytes, std::size_t size) {
  Heard heard;
  while (!bytes.empty()) {
    Bytes piece = bytes.first(std::min(size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    RecordReader::Piece found;
    while (reader.Next(piece, found)) {
      if (found.type != tls::ContentType::kApplicationData) continue;
      heard.text.insert(heard.text.end(), found.text.begin(), found.text.end());
      heard.counted += found.size;
    }
    heard.failure = reader.failure();
    if (heard.failure != Failure::kNone) break;
  }
  return heard;
}

class EveryFirmware : public ::testing::TestWithParam<Firmware> {};

TEST_P(EveryFirmware, ShakesHandsAndIsUnderstood) {
  Dialogue dialogue(GetParam());
  ASSERT_EQ(dialogue.Shake(), Handshake::State::kDone);
  ASSERT_TRUE(dialogue.session.is_open());
  tls::RecordKeys write = dialogue.handshake.keys().write;
  for (const std::string_view request : {"GET /one", "GET /two"}) {
    Buffer record;
    dialogue.crypto->Seal(write, tls::ContentType::kApplicationData, AsBytes(request), record);
    EXPECT_EQ(AsText(dialogue.Hear(record).plaintext), request);
  }
}

TEST_P(EveryFirmware, ReadsRecordsFromPiecesOfAnySize) {
  for (const std::size_t size : {1U, 7U, 1448U, 100000U}) {
    Dialogue dialogue(GetParam());
    ASSERT_EQ(dialogue.Shake(), Handshake::State::kDone);
    const TrafficKeys& keys = dialogue.handshake.keys();
    RecordReader reader(*dialogue.crypto, keys.read, keys.read_secret);
    const Heard before = Read(reader, dialogue.handshake.TakeRest(), size);
    EXPECT_EQ(before.failure, Failure::kNone);
    dialogue.text.Add(100);
    Buffer said = dialogue.Said();
    dialogue.text.Add(50000);
    const Buffer more = dialogue.Said();
    said.insert(said.end(), more.begin(), more.end());
    const Heard heard = Read(reader, said, size);
    EXPECT_EQ(heard.failure, Failure::kNone);
    EXPECT_EQ(heard.text, dialogue.text.bytes) << size;
  }
}

TEST_P(EveryFirmware, CountsWhatItDoesNotOpenAndOpensWhatFollows) {
  Dialogue dialogue(GetParam());
  ASSERT_EQ(dialogue.Shake(), Handshake::State::kDone);
  const TrafficKeys& keys = dialogue.handshake.keys();
  RecordReader reader(*dialogue.crypto, keys.read, keys.read_secret);
  reader.CountOnly(true);
  dialogue.text.Add(50000);
  EXPECT_EQ(Read(reader, dialogue.Said(), 1448).counted, 50000U);
  reader.CountOnly(false);
  dialogue.text.Add(3000);
  const Heard heard = Read(reader, dialogue.Said(), 1448);
  EXPECT_EQ(heard.failure, Failure::kNone);
  EXPECT_TRUE(Equal(heard.text, Bytes(dialogue.text.bytes).subspan(50000)));
}

TEST_P(EveryFirmware, NoticesOneFlippedBitWhereverItIs) {
  Dialogue dialogue(GetParam());
  ASSERT_EQ(dialogue.Shake(), Handshake::State::kDone);
  const TrafficKeys& keys = dialogue.handshake.keys();
  RecordReader tickets(*dialogue.crypto, keys.read, keys.read_secret);
  static_cast<void>(Read(tickets, dialogue.Said(), 100));
  dialogue.text.Add(2000);
  const Buffer said = dialogue.Said();
  for (std::size_t i = 5; i < said.size(); i += 13) {
    Buffer damaged = said;
    damaged[i] ^= 0x10;
    tls::RecordKeys read = keys.read;
    read.sequence += tickets.records();
    RecordReader reader(*dialogue.crypto, read, keys.read_secret);
    const Heard heard = Read(reader, damaged, 1448);
    // A length that grew leaves a record that never ends.
    EXPECT_TRUE(heard.failure != Failure::kNone || heard.counted < 2000) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Storm, EveryFirmware,
                         ::testing::Values(Firmware::kUefi, Firmware::kUefi2025, Firmware::kIpxe,
                                           Firmware::kLinux),
                         [](const auto& tested) {
                           return std::string(PersonalityOf(tested.param).name);
                         });

TEST(RecordReader, FollowsAChangeOfKeys) {
  Dialogue dialogue(Firmware::kLinux);
  ASSERT_EQ(dialogue.Shake(), Handshake::State::kDone);
  const TrafficKeys& keys = dialogue.handshake.keys();
  RecordReader reader(*dialogue.crypto, keys.read, keys.read_secret);
  for (int epoch = 0; epoch < 3; ++epoch) {
    dialogue.text.Add(5000);
    const Heard heard = Read(reader, dialogue.Said(), 999);
    EXPECT_EQ(heard.failure, Failure::kNone) << epoch;
    EXPECT_EQ(heard.counted, 5000U);
    dialogue.session.UpdateKeys();
  }
}

TEST(Handshake, RefusesACertificateOfAnotherName) {
  Dialogue dialogue(Firmware::kLinux, "other.test");
  EXPECT_EQ(dialogue.Shake(), Handshake::State::kFailed);
  EXPECT_EQ(dialogue.handshake.failure(), Failure::kCertificateRefused);
}

TEST(TlsClient, NeedsAnAuthorityThatCanBeRead) {
  EXPECT_EQ(TlsClient::Create(PersonalityOf(Firmware::kUefi), "/nonexistent/ca.pem"), nullptr);
}

}  // namespace
}  // namespace slipway::storm
