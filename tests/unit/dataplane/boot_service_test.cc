// SPDX-License-Identifier: Apache-2.0
//
// What a peer can do to the service on its connection, and to others through it: ending in the
// middle, asking for more than is answered at once, beginning handshakes it does not finish.
#include "dataplane/boot_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::SizeIs;

constexpr std::size_t kRequests = 6;  // more than the four that are answered at once
std::string SixRequests() {
  std::string text;
  for (std::size_t i = 0; i < kRequests; ++i) text += "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  return text;
}

std::size_t Answers(std::string_view text) {
  constexpr std::string_view kStatus = "HTTP/1.1 404 ";
  std::size_t count = 0;
  for (std::size_t at = text.find(kStatus); at != text.npos; at = text.find(kStatus, at + 1)) {
    ++count;
  }
  return count;
}

// A machine's connection, segment by segment: what it sends is in order, and what it hears is
// acknowledged when it says so.
class RawPeer {
 public:
  RawPeer(std::uint16_t local, std::uint16_t remote) : local_(local), remote_(remote) {}

  tcp::Segment Syn() const { return Make({.syn = true}, {}); }
  // Everything heard so far is acknowledged.
  tcp::Segment Send(Bytes bytes, bool last = false) {
    tcp::Segment segment = Make({.fin = last, .psh = true, .ack = true}, bytes);
    seq_ += static_cast<std::uint32_t>(bytes.size()) + (last ? 1 : 0);
    return segment;
  }
  tcp::Segment Acknowledge(tcp::SeqNum ack) {
    ack_ = ack;
    return Make({.ack = true}, {});
  }
  tcp::Segment Reset() const { return Make({.rst = true}, {}); }

  void Hear(const std::vector<Buffer>& frames) {
    for (const Buffer& frame : frames) {
      const Seen seen = See(frame);
      if (!seen.tcp || seen.tcp->destination != Port(local_)) continue;
      reset = reset || seen.tcp->flags.rst;
      if (seen.tcp->flags.syn) {
        first = ack_ = seen.tcp->seq + 1;
        ++seq_;
      }
      text += AsText(seen.tcp->text);
      fin = fin || seen.tcp->flags.fin;
    }
  }

  std::string text;
  tcp::SeqNum first;  // of the text
  bool fin = false;
  bool reset = false;

 private:
  tcp::Segment Make(const tcp::Flags& flags, Bytes bytes) const {
    return {.source = Port(local_),
            .destination = Port(remote_),
            .seq = tcp::SeqNum(seq_),
            .ack = ack_,
            .flags = flags,
            .window = 65535,
            .options = {},
            .text = bytes};
  }

  std::uint16_t local_;
  std::uint16_t remote_;
  std::uint32_t seq_ = 100;
  tcp::SeqNum ack_;
};

// A TLS client that says all it has in one breath: after the handshake its requests and, at once,
// close_notify. It goes on listening.
class BreathlessClient final : public Application {
 public:
  BreathlessClient(std::string request, int tls_version) : request_(std::move(request)) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), tls_version);
    SSL_CTX_set_max_proto_version(context_.get(), tls_version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_connect_state(ssl_.get());
    Run({});
  }

  ByteSource& output() override { return output_; }
  Reaction Receive(Bytes bytes, Time) override {
    Run(bytes);
    output_.ended = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    return {.close = output_.ended};
  }
  Reaction Finish(Time) override {
    output_.ended = true;
    return {.close = true};
  }
  std::uint32_t receive_room() const override { return 65535; }

  bool told_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::string text;

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  void Run(Bytes arrived) {
    SSL* ssl = ssl_.get();
    if (!arrived.empty()) {
      BIO_write(SSL_get_rbio(ssl), arrived.data(), static_cast<int>(arrived.size()));
    }
    std::size_t size = 0;
    if (!SSL_is_init_finished(ssl) && SSL_do_handshake(ssl) == 1) {
      SSL_write_ex(ssl, request_.data(), request_.size(), &size);
      SSL_shutdown(ssl);
    }
    Buffer room(20000);
    while (SSL_is_init_finished(ssl) && SSL_read_ex(ssl, room.data(), room.size(), &size) == 1) {
      text += AsText(Bytes(room).first(size));
    }
    BIO* out = SSL_get_wbio(ssl);
    Buffer fresh(BIO_ctrl_pending(out));
    if (!fresh.empty()) BIO_read(out, fresh.data(), static_cast<int>(fresh.size()));
    output_.bytes.insert(output_.bytes.end(), fresh.begin(), fresh.end());
  }

  std::string request_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  GrowingSource output_;
};

class BootServiceTest : public OneMachineTest {
 protected:
  void Tell(RawPeer& peer, const tcp::Segment& segment) {
    peer.Hear(Ask(TcpFrame(kMachine, segment)));
  }
  // Another machine, over TLS.
  void BootAnother() {
    Ends other = kMachine;
    other.from = {{0x52, 0x54, 0, 0, 0, 10}};
    other.source = Ipv4Address(10, 77, 0, 10);
    Station station(other, MachineSettings(), 1);
    HttpClient client(kGet, kImageSize, TLS1_3_VERSION);
    station.Connect(Port(1024), Port(443), client, now_);
    Talk(
        station, [&] { return station.closed; }, seconds(60), [] {});
    TakeLast(station);
    EXPECT_GT(client.text.size(), kImageSize);
    EXPECT_FALSE(station.reset);
  }
};

Buffer Hello() {
  HttpClient client(kGet, 1, TLS1_3_VERSION);
  Buffer hello(client.output().length());
  client.output().Read(0, hello);
  return hello;
}

TEST_F(BootServiceTest, AnswersAllRequestsThatCameWithTheFinThoughOnlyFourAtOnce) {
  Start();
  RawPeer peer(1024, 80);
  Tell(peer, peer.Syn());
  Tell(peer, peer.Send(AsBytes(SixRequests()), /*last=*/true));
  ASSERT_EQ(Answers(peer.text), 4u);
  EXPECT_FALSE(peer.fin);
  const auto whole = static_cast<std::uint32_t>(peer.text.size());
  Tell(peer, peer.Acknowledge(peer.first + whole / 4));
  EXPECT_EQ(Answers(peer.text), 5u);
  EXPECT_FALSE(peer.fin);
  Tell(peer, peer.Acknowledge(peer.first + whole));
  EXPECT_EQ(Answers(peer.text), kRequests);
  EXPECT_EQ(peer.text.size(), whole / 4 * kRequests);
  EXPECT_TRUE(peer.fin);
  EXPECT_FALSE(peer.reset);
  Tell(peer, peer.Acknowledge(peer.first + static_cast<std::uint32_t>(peer.text.size()) + 1));
}

class EitherTls : public BootServiceTest, public ::testing::WithParamInterface<int> {};

TEST_P(EitherTls, AnswersAllRequestsThatCameWithCloseNotify) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  BreathlessClient client(SixRequests(), GetParam());
  station.Connect(Port(1024), Port(443), client, now_);
  Talk(
      station, [&] { return station.closed; }, seconds(100), [] {});
  TakeLast(station);
  EXPECT_EQ(Answers(client.text), kRequests);
  EXPECT_TRUE(client.told_end());
  EXPECT_FALSE(station.reset);
  EXPECT_EQ(appliance_->Dropped(Drop::kHttpStalled), 0u);
}

INSTANTIATE_TEST_SUITE_P(Tls, EitherTls, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& test) {
                           return test.param == TLS1_2_VERSION ? "Version12" : "Version13";
                         });

// Without a worker, whose order of things a test cannot choose.
class ServiceAloneTest : public OneMachineTest {
 protected:
  void SetUp() override {
    image_ = NewImage(*memory_, kImageSize, 1);
    snapshot_ = NewSnapshot({.image = image_, .tls = true});
  }
  void TearDown() override {
    snapshot_.reset();
    image_.reset();
  }
  std::unique_ptr<Application> Connect() {
    return factory_.Create({.snapshot = *snapshot_,
                            .peer = kMachine.from,
                            .address = kMachine.source,
                            .peer_port = Port(1024),
                            .local_port = Port(443)},
                           now_);
  }

  EventQueue events_{1, 256};
  Reporter reporter_{{.events = events_, .wall = kUnixEpochAtZero}};
  BootServiceFactory factory_{
      {.reporter = reporter_, .wall = kUnixEpochAtZero, .handshakes_max = 1}};
  std::unique_ptr<Snapshot> snapshot_;
};

TEST_F(ServiceAloneTest, AHandshakeHasItsPlaceFromItsFirstStepToTheEndOfTheConnection) {
  auto service = Connect();
  service->Receive(Hello(), now_);
  EXPECT_TRUE(factory_.may_begin_handshake());
  service->Work(now_);
  EXPECT_FALSE(factory_.may_begin_handshake());
  service.reset();
  EXPECT_TRUE(factory_.may_begin_handshake());
}

TEST_F(ServiceAloneTest, HasItsRoomForAsLongAsItLives) {
  EXPECT_EQ(factory_.bytes_taken(), 0u);
  auto service = Connect();
  EXPECT_EQ(factory_.bytes_taken() / sizeof(BootService), 1u);
  service.reset();
  EXPECT_EQ(factory_.bytes_taken(), 0u);
}

TEST_F(ServiceAloneTest, AHandshakeThatFailedBeforeItsTurnTakesNoPlace) {
  auto service = Connect();
  service->Receive(Hello(), now_);
  ASSERT_TRUE(service->work_pending());
  EXPECT_EQ(service->Receive(Buffer(std::size_t{64} * 1024), now_).drop, Drop::kTlsInputLimit);
  EXPECT_FALSE(service->work_pending());
  service->Work(now_);
  EXPECT_TRUE(factory_.may_begin_handshake());
  service.reset();
  EXPECT_TRUE(factory_.may_begin_handshake());
}

// The last flight of a handshake, the request and close_notify may come in one segment with the
// FIN: what is queued is looked at before the end is.
TEST_F(ServiceAloneTest, AnswersARequestThatCameWithTheEndOfTheHandshakeAndTheFin) {
  auto service = Connect();
  BreathlessClient client("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", TLS1_3_VERSION);
  std::uint64_t said = 0;
  const auto say = [&] {
    Buffer flight(client.output().length() - said);
    client.output().Read(said, flight);
    said += flight.size();
    service->Receive(flight, now_);
  };
  std::uint64_t heard = 0;
  const auto hear = [&] {
    service->output().Extend(65535);
    Buffer flight(service->output().length() - heard);
    service->output().Read(heard, flight);
    heard += flight.size();
    client.Receive(flight, now_);
  };
  say();
  service->Work(now_);
  hear();
  say();
  ASSERT_TRUE(service->work_pending());
  EXPECT_FALSE(service->Finish(now_).close);
  EXPECT_TRUE(service->Work(now_).close);
  hear();
  EXPECT_EQ(Answers(client.text), 1u);
  EXPECT_TRUE(client.told_end());
  EXPECT_TRUE(factory_.may_begin_handshake());
}

TEST_F(ServiceAloneTest, BeginsNoHandshakeWithAPeerThatCannotFinishIt) {
  auto service = Connect();
  service->Receive(Hello(), now_);
  EXPECT_TRUE(service->Finish(now_).close);
  EXPECT_FALSE(service->work_pending());
  service->Work(now_);
  EXPECT_TRUE(factory_.may_begin_handshake());
  EXPECT_TRUE(service->output().finished());
}

// The same, whole: one place, held by the first; the second fails in the line; the third boots.
TEST_F(BootServiceTest, APlaceIsFreeAgainAfterOneThatFailedWhileItWaitedForIt) {
  Start({.handshakes = 1});
  RawPeer holder(1024, 443);
  RawPeer flooder(1025, 443);
  Tell(holder, holder.Syn());
  Tell(holder, holder.Send(Hello()));
  ASSERT_FALSE(holder.text.empty()) << "it has its ServerHello";
  Tell(flooder, flooder.Syn());
  Tell(flooder, flooder.Send(Hello()));
  ASSERT_TRUE(flooder.text.empty());
  while (!flooder.fin) {
    Tell(flooder, flooder.Send(Buffer(1400)));
    ASSERT_LT(appliance_->statistics().polls, 10'000u);
  }
  EXPECT_EQ(appliance_->Dropped(Drop::kTlsInputLimit), 1u);
  Tell(holder, holder.Reset());
  now_ += milliseconds(10);
  appliance_->Run(now_);
  appliance_->Sent();
  BootAnother();
}

// It acknowledges our flight and says no more: the place it holds is another's after a while.
TEST_F(BootServiceTest, APeerThatIsSilentAfterTheServerHelloHoldsItsPlaceForAWhileOnly) {
  Start({.handshakes = 1});
  appliance_->Events();
  RawPeer silent(1024, 443);
  Tell(silent, silent.Syn());
  Tell(silent, silent.Send(Hello()));
  ASSERT_FALSE(silent.text.empty());
  Tell(silent, silent.Acknowledge(silent.first + static_cast<std::uint32_t>(silent.text.size())));
  const Time began = now_;
  BootAnother();
  EXPECT_GE(now_ - began, kHandshakeTimeout);
  EXPECT_LT(now_ - began, kHandshakeTimeout + seconds(5));
  EXPECT_EQ(appliance_->Dropped(Drop::kTlsHandshakeTimeout), 1u);
  std::vector<std::string> failed;
  for (const Event& event : appliance_->Events()) {
    if (event.kind == EventKind::kTlsFailed) failed.emplace_back(event.text());
  }
  EXPECT_THAT(failed, ::testing::ElementsAre(kEndedInSilence)) << "once, and as what it is";
}

// Its next record came in time and waited for a core that was busy with others' handshakes: that is
// no silence of its own, which begins when the record has been looked at.
TEST_F(BootServiceTest, APeerThatWaitedForUsInItsHandshakeHasAsMuchTimeLeftAsBefore) {
  constexpr std::uint16_t kOthers = 20;
  Start({.connections = 64});
  const auto deliver = [&](const tcp::Segment& segment) {
    ASSERT_TRUE(appliance_->wire().Deliver(TcpFrame(kMachine, segment)));
  };
  const auto run = [&](RawPeer& peer, Duration time) {  // a round, and so a step, each second
    for (const Time end = now_ + time; now_ < end; now_ += seconds(1)) {
      appliance_->RunOnce(now_);
      peer.Hear(appliance_->Sent());
      peer.reset
          ? void()
          : deliver(peer.Acknowledge(peer.first + static_cast<std::uint32_t>(peer.text.size())));
    }
  };
  std::vector<RawPeer> others;
  for (std::uint16_t i = 0; i < kOthers; ++i) {
    RawPeer other(static_cast<std::uint16_t>(2000 + i), 443);
    Tell(other, other.Syn());
    Tell(other, other.Send(Hello()));
    others.push_back(other);
  }
  RawPeer peer(1024, 443);
  Tell(peer, peer.Syn());
  Tell(peer, peer.Send(Hello()));
  const Buffer change_cipher_spec = {20, 3, 3, 0, 1, 1};  // RFC 8446 5: to be dropped
  for (RawPeer& other : others) deliver(other.Send(change_cipher_spec));
  deliver(peer.Send(change_cipher_spec));
  run(peer, seconds(kOthers) + kHandshakeTimeout - seconds(5));
  EXPECT_FALSE(peer.reset);
  run(peer, seconds(15));
  EXPECT_TRUE(peer.reset);
}

}  // namespace
}  // namespace slipway::dataplane
