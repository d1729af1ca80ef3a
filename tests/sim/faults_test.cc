// SPDX-License-Identifier: Apache-2.0
//
// Who watches the watchers: faults are planted into conversations that are otherwise as those of
// the other tests, and each of Oracle, SenderWatch, Witness and the look at timers finds its own.
// Without the fault the same conversation has none.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"
#include "tests/sim/secured.h"
#include "tests/sim/sender_watch.h"
#include "tests/sim/witness.h"

namespace slipway::sim {
namespace {

using std::chrono::minutes;

constexpr std::uint64_t kSize = 200'000;
constexpr Wire kLossy{.loss = 0.05};

// A server behind which stands an honest one, and which changes segments on their way out, or adds
// some of its own when the honest one has nothing to say.
class Rogue final : public Endpoint {
 public:
  using Change = std::function<void(tcp::Segment&)>;
  using Addition = std::function<std::optional<Buffer>(tcp::Segment& last)>;

  explicit Rogue(Endpoint& honest) : honest_(honest) {}

  void Receive(Bytes frame, Time now) override { honest_.Receive(frame, now); }
  std::optional<Buffer> Emit(Time now) override {
    auto frame = honest_.Emit(now);
    if (!frame) return last_.text.empty() || !add ? std::nullopt : add(last_);
    tcp::Segment segment = *See(*frame).tcp;
    if (change) change(segment);
    Buffer changed = TcpFrame(kServer, segment);
    text_.assign(segment.text.begin(), segment.text.end());
    last_ = segment;
    last_.text = text_;
    return changed;
  }
  Time Deadline() const override { return honest_.Deadline(); }
  void Expire(Time now) override { honest_.Expire(now); }

  Change change;
  Addition add;

 private:
  Endpoint& honest_;
  tcp::Segment last_;
  Buffer text_;
};

// What Oracle has counted of a download from a server with that fault when it finds the first.
Oracle::Counts FoundOf(const std::function<void(Rogue&)>& plant, const Wire& wire = {}) {
  const tcp::Settings settings = SettingsOf(1);
  Station server(kServer, settings, 1);
  Station client(kMachine, settings, 2);
  Pattern serves(kSize);
  Pattern asks(0);
  Rogue rogue(server);
  plant(rogue);
  World world(wire, 1, rogue, client);
  Oracle oracle(world);
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  world.RunUntil(world.now() + minutes(5),
                 [&] { return asks.Got(kSize) || oracle.violations() > 0; });
  return oracle.counts();
}

TEST(Faults, NoneIsFoundWhereNoneIsPlanted) {
  EXPECT_EQ(FoundOf([](Rogue&) {}), Oracle::Counts{});
  EXPECT_EQ(FoundOf([](Rogue&) {}, kLossy), Oracle::Counts{});
}

TEST(Faults, TheOracleFindsTextThatSkipsAByte) {
  const auto found = FoundOf([](Rogue& rogue) {
    rogue.change = [](tcp::Segment& segment) {
      if (!segment.text.empty()) segment.seq = segment.seq + 1;
    };
  });
  EXPECT_GT(found.skipped, 0u);
  EXPECT_EQ(found, Oracle::Counts{.skipped = found.skipped});
}

TEST(Faults, TheOracleFindsTextBeyondTheWindow) {
  const auto found = FoundOf([](Rogue& rogue) {
    // Text in order, before anybody acknowledges: the window alone is broken.
    rogue.add = [left = 100](tcp::Segment& last) mutable -> std::optional<Buffer> {
      if (left-- <= 0) return std::nullopt;
      last.seq = last.seq + static_cast<std::uint32_t>(last.text.size());
      return TcpFrame(kServer, last);
    };
  });
  EXPECT_GT(found.beyond_window, 0u);
  EXPECT_EQ(found, Oracle::Counts{.beyond_window = found.beyond_window});
}

TEST(Faults, TheOracleFindsMarkableSegmentsThatAreNoNewText) {
  const auto found = FoundOf([](Rogue& rogue) {
    rogue.change = [](tcp::Segment& segment) {
      if (segment.text.empty()) segment.ecn = Ecn::kCapable0;
    };
  });
  EXPECT_GT(found.marked, 0u);
  EXPECT_EQ(found, Oracle::Counts{.marked = found.marked});
}

// A source that gives another byte whenever it is asked again.
class Fickle final : public dataplane::Application, public ByteSource {
 public:
  ByteSource& output() override { return *this; }
  dataplane::Reaction Receive(Bytes, Time) override { return {}; }
  dataplane::Reaction Finish(Time) override { return {.close = true}; }
  std::uint32_t receive_room() const override { return 65535; }

  std::uint64_t length() const override { return kSize; }
  bool finished() const override { return true; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    for (std::uint8_t& byte : out) byte = Pattern::At(offset++);
    if (offset <= read_to_ && !out.empty()) out[0] ^= 1;
    read_to_ = std::max(read_to_, offset);
  }
  void Release(std::uint64_t) override {}

 private:
  std::uint64_t read_to_ = 0;
};

TEST(Faults, TheOracleFindsARetransmissionThatDiffers) {
  const tcp::Settings settings = SettingsOf(1);
  Station server(kServer, settings, 1);
  Station client(kMachine, settings, 2);
  Fickle serves;
  Pattern asks(0);
  World world(kLossy, 1, server, client);
  Oracle oracle(world);
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  world.RunUntil(world.now() + minutes(5), [] { return false; });
  EXPECT_GT(server.host().counters().retransmissions, 0u) << "nothing was sent again";
  EXPECT_GT(oracle.counts().changed, 0u);
  EXPECT_EQ(oracle.counts(), Oracle::Counts{.changed = oracle.counts().changed});
}

struct Sealed {
  std::uint64_t resealed = 0;
  std::uint64_t violations = 0;
};
Sealed DownloadOverTls(bool fickle) {
  SeedOpenssl(1);
  Witness witness;
  Secured serves(kSize, witness, 0);
  if (fickle) serves.BecomeFickle();
  HttpClient asks(kGet, kSize, TLS1_3_VERSION);
  const tcp::Settings settings = SettingsOf(1);
  Station server(kServer, settings, 1);
  Station client(kMachine, settings, 2);
  World world(kLossy, 1, server, client);
  server.Accept(Port(443), serves);
  client.Connect(Port(1024), Port(443), asks, world.now());
  world.RunUntil(world.now() + minutes(5), [] { return false; });
  return {witness.resealed(), witness.violations()};
}

TEST(Faults, TheWitnessFindsANonceThatSealsAnotherTextWhenSentAgain) {
  const Sealed honest = DownloadOverTls(false);
  EXPECT_GT(honest.resealed, 0u) << "nothing was sent again";
  EXPECT_EQ(honest.violations, 0u);
  EXPECT_GT(DownloadOverTls(true).violations, 0u);
}

// One record by the Witness's cipher, then another under the same nonce.
class Records {
 public:
  void Seal(Bytes text, std::uint8_t length_said, const tls::Nonce& nonce = {}) {
    const std::array<std::uint8_t, 5> data{23, 3, 3, 0, length_said};
    Buffer out(text.size());
    cipher_->Begin(tls::RecordCipher::Slot::kStream, nonce, data);
    cipher_->Update(tls::RecordCipher::Slot::kStream, text, out);
    static_cast<void>(cipher_->Finish(tls::RecordCipher::Slot::kStream));
  }
  void Reseal(std::uint64_t offset, Bytes text) {
    Buffer out(text.size());
    cipher_->Reseal({}, offset, text, out);
  }
  std::uint64_t violations() const { return witness_.violations(); }

 private:
  Witness witness_;
  std::unique_ptr<tls::RecordCipher> cipher_ = witness_.NewCipher(Buffer(16, 7));
};

TEST(Faults, TheWitnessFindsEverySecondUseOfANonce) {
  const Buffer text(100, 1);
  Buffer other = text;
  other[99] = 2;
  const auto violations = [&](const std::function<void(Records&)>& second) {
    Records records;
    records.Seal(text, 100);
    second(records);
    return records.violations();
  };
  EXPECT_EQ(violations([&](Records& r) { r.Seal(text, 100); }), 0u);
  EXPECT_EQ(violations([&](Records& r) { r.Seal(other, 100, {1}); }), 0u);
  EXPECT_EQ(violations([&](Records& r) { r.Reseal(90, Bytes(text).last(10)); }), 0u);
  EXPECT_GT(violations([&](Records& r) { r.Seal(other, 100); }), 0u);
  EXPECT_GT(violations([&](Records& r) { r.Seal(text, 99); }), 0u);
  EXPECT_GT(violations([&](Records& r) { r.Seal(Bytes(text).first(99), 100); }), 0u);
  EXPECT_GT(violations([&](Records& r) { r.Reseal(90, Bytes(other).last(10)); }), 0u);
}

// What SenderWatch counts of a sender whose account of itself is changed by `plant`.
SenderWatch::Counts SeenOf(const std::function<void(tcp::Info&)>& plant) {
  const tcp::Settings settings = SettingsOf(1);
  Station server(kServer, settings, 1);
  Station client(kMachine, settings, 2);
  Pattern serves(kSize);
  Pattern asks(0);
  World world(kLossy, 1, server, client);
  SenderWatch watch(world, [&]() -> std::optional<tcp::Info> {
    if (!server.host().Alive(server.connection())) return std::nullopt;
    tcp::Info info = server.host().Info(server.connection());
    plant(info);
    return info;
  });
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  EXPECT_TRUE(world.RunUntil(world.now() + minutes(5), [&] { return asks.Got(kSize); }));
  return watch.counts();
}

TEST(Faults, TheSenderIsFoundOutWhateverItBreaks) {
  EXPECT_EQ(SeenOf([](tcp::Info&) {}), SenderWatch::Counts{});
  const auto unarmed = SeenOf([](tcp::Info& info) { info.next_timer = kNever; });
  EXPECT_GT(unarmed.unarmed, 0u);
  EXPECT_EQ(unarmed.beyond_congestion_window + unarmed.beyond_peer_window, 0u);
  const auto greedy = SeenOf([](tcp::Info& info) { info.congestion_window = info.mss; });
  EXPECT_GT(greedy.beyond_congestion_window, 0u);
  EXPECT_EQ(greedy.unarmed + greedy.beyond_peer_window, 0u);
  const auto deaf = SeenOf([](tcp::Info& info) { info.peer_window = info.mss; });
  EXPECT_GT(deaf.beyond_peer_window, 0u);
  EXPECT_EQ(deaf.unarmed + deaf.beyond_congestion_window, 0u);
}

TEST(Faults, TextWithoutATimerIsSeen) {
  EXPECT_TRUE(TimerIsArmed(tcp::Info{}));
  EXPECT_TRUE(TimerIsArmed({.outstanding = 1, .next_timer = Time(minutes(1))}));
  EXPECT_FALSE(TimerIsArmed({.outstanding = 1}));
}

}  // namespace
}  // namespace slipway::sim
