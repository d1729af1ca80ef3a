// SPDX-License-Identifier: Apache-2.0
//
// Packet capture: whose frames are whose, and what a whole worker tells: exactly what was on the
// wire, once, in its order, and nothing of others.
#include "dataplane/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/wire/dhcp.h"
#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MacAddress kOther{{0x52, 0x54, 0, 0, 0, 0x77}};

Buffer DhcpAbout(const MacAddress& machine, const Ends& ends, Port to) {
  const Buffer message = BareDhcp(kDhcpBootReply, machine);
  return UdpFrame(ends, {.source = kDhcpServerPort, .destination = to, .payload = message});
}

TEST(CaptureTest, WantsWhatComesFromAMachineWhatGoesThereAndDhcpAboutIt) {
  const Capture capture({.machine = kMachine.from}, 1, 1);
  Buffer frame(14);
  EXPECT_FALSE(capture.Wants(frame));
  std::ranges::copy(kMachine.from.octets, frame.begin());
  EXPECT_TRUE(capture.Wants(frame));
  EXPECT_FALSE(capture.Wants(Bytes(frame).first(13))) << "no frame";
  Ends ends{.from = kApplianceMac,
            .to = kOther,
            .source = kApplianceAddress,
            .destination = Ipv4Address(10, 77, 0, 8)};
  const udp::Datagram datagram{.source = Port(9), .destination = Port(9), .payload = frame};
  EXPECT_FALSE(capture.Wants(UdpFrame(ends, datagram)));
  ends.from = kMachine.from;
  ends.to = MacAddress::Broadcast();
  EXPECT_TRUE(capture.Wants(UdpFrame(ends, datagram))) << "its own broadcast";
  ends.from = kOther;
  EXPECT_FALSE(capture.Wants(UdpFrame(ends, datagram))) << "somebody else's";
  // A server's broadcast answer, a relay's question, a boot server's: by chaddr.
  for (const Port port : {kDhcpClientPort, kDhcpServerPort, kPxeServerPort}) {
    EXPECT_TRUE(capture.Wants(DhcpAbout(kMachine.from, ends, port)));
    EXPECT_FALSE(capture.Wants(DhcpAbout(kOther, ends, port)));
  }
  EXPECT_FALSE(capture.Wants(DhcpAbout(kMachine.from, ends, Port(9))));
  // Cut anywhere, it is not read beyond its end (the sanitizers watch).
  const Buffer whole = DhcpAbout(kMachine.from, ends, kDhcpClientPort);
  for (std::size_t size = 0; size < 14 + 20 + 8 + sizeof(DhcpHeader); ++size) {
    const Buffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(capture.Wants(cut));
  }
}

TEST(CapturesTest, RunFourAtOnceAndEndWhenEveryWorkerHasSeenIt) {
  Captures captures(2, 1);
  EXPECT_EQ(captures.Current(), nullptr);
  std::vector<std::shared_ptr<Capture>> all;
  for (std::size_t i = 0; i < Captures::kAtOnceMax; ++i) {
    all.push_back(captures.Begin({.machine = kMachine.from}));
    ASSERT_NE(all.back(), nullptr);
    EXPECT_EQ((*captures.Current())[i], all.back().get());
  }
  EXPECT_EQ(captures.Begin({.machine = kOther}), nullptr);
  // Workers that run have to look; one that is gone has not.
  captures.Online(0);
  captures.Online(1);
  captures.Seen(0, captures.generation());
  EXPECT_FALSE(captures.End(all[0], milliseconds(5)));
  captures.Seen(0, captures.generation());
  EXPECT_FALSE(captures.End(all[0], milliseconds(5))) << "the other has not looked";
  const std::weak_ptr<Capture> ended = all[0];
  all[0].reset();
  captures.Offline(1);
  EXPECT_FALSE(ended.expired()) << "somebody might still fill it";
  EXPECT_TRUE(captures.End(nullptr, milliseconds(0)));
  EXPECT_TRUE(ended.expired());
  EXPECT_EQ(captures.running(), Captures::kAtOnceMax - 1);
  EXPECT_NE(captures.Begin({.machine = kOther}), nullptr);
}

// A worker and its wire; what is delivered and what leaves is kept.
class CaptureOfWorkerTest : public OneMachineTest {
 protected:
  // A GET over TLS, from its SYN to its end.
  void Boot(const Ends& ends, Port port = Port(5000)) {
    Station station(ends, MachineSettings(), 5);
    HttpClient client(kGet, kImageSize, TLS1_3_VERSION);
    station.Connect(port, Port(443), client, now_);
    for (const Time end = now_ + seconds(60); now_ < end && !station.closed;
         now_ += milliseconds(1)) {
      while (const auto frame = station.Emit(now_)) Deliver(*frame);
      appliance_->Run(now_);
      while (const auto frame = appliance_->Emit(now_)) {
        sent_.push_back(*frame);
        all_.push_back(*frame);
        station.Receive(*frame, now_);
      }
      if (station.Deadline() <= now_) station.Expire(now_);
    }
    EXPECT_TRUE(station.closed);
    EXPECT_GT(client.text.size(), kImageSize);
    while (const auto frame = station.Emit(now_)) Deliver(*frame);
    appliance_->Run(now_);
  }
  void Deliver(const Buffer& frame) {
    delivered_.push_back(frame);
    all_.push_back(frame);
    EXPECT_TRUE(appliance_->wire().Deliver(frame));
  }
  void Begin(const CaptureOrder& order) {
    capture_ = appliance_->captures().Begin(order);
    ASSERT_NE(capture_, nullptr);
    appliance_->Run(now_);
  }
  // Ends it and gives what it held.
  std::vector<CapturedFrame> End() {
    EXPECT_FALSE(appliance_->captures().End(capture_, milliseconds(0)));
    appliance_->RunOnce(now_);
    EXPECT_TRUE(appliance_->captures().End(capture_, milliseconds(0)));
    return capture_->Take(1 << 20);
  }
  static std::vector<Buffer> Of(const std::vector<CapturedFrame>& frames, bool sent) {
    std::vector<Buffer> bytes;
    for (const CapturedFrame& frame : frames) {
      if (frame.sent == sent) bytes.push_back(frame.bytes);
    }
    return bytes;
  }
  std::uint64_t Lost() const { return capture_->lost(0, 0); }

  std::vector<Buffer> delivered_;
  std::vector<Buffer> sent_;
  std::vector<Buffer> all_;
  std::shared_ptr<Capture> capture_;
};

TEST_F(CaptureOfWorkerTest, HoldsExactlyWhatWasOnTheWireInBothDirections) {
  Start();
  Begin({.machine = kMachine.from});
  Boot(kMachine);
  const auto frames = End();
  EXPECT_EQ(Of(frames, false), delivered_);
  EXPECT_EQ(Of(frames, true), sent_);
  EXPECT_EQ(Lost(), 0u);
  EXPECT_THAT(frames, SizeIs(testing::Gt(70u)));
  std::int64_t last = 0;
  for (const CapturedFrame& frame : frames) {
    EXPECT_GE(frame.unix_nanoseconds, last);
    EXPECT_EQ(frame.size, frame.bytes.size());
    last = frame.unix_nanoseconds;
  }
  constexpr std::int64_t kAtZero = 1'795'341'600'000'000'000;
  constexpr std::int64_t kLooks = 1000;  // in a round, each a nanosecond after the one before
  EXPECT_LE(last, kAtZero + now_.time_since_epoch().count() + kLooks);
  EXPECT_GT(frames.front().unix_nanoseconds, kAtZero);
}

TEST_F(CaptureOfWorkerTest, HoldsNothingOfOthersAndNothingAfterItsEnd) {
  Start();
  Begin({.machine = kOther});
  Boot(kMachine);
  EXPECT_THAT(End(), IsEmpty());
  EXPECT_EQ(Lost(), 0u);
  Begin({.machine = kMachine.from});
  EXPECT_THAT(End(), IsEmpty());
  Boot(kMachine);
  EXPECT_THAT(capture_->Take(1000), IsEmpty());
}

TEST_F(CaptureOfWorkerTest, TellsOnceWhatAFullPortRefusedAtFirst) {
  ApplianceOptions options;
  options.wire.ring_frames = 3;
  Start(options);
  Begin({.machine = kMachine.from});
  Boot(kMachine);
  const auto frames = End();
  appliance_->Run(now_ += milliseconds(200));  // counters are posted
  EXPECT_GT(appliance_->statistics().transmit_ring_full, 0u);
  EXPECT_EQ(Of(frames, true), sent_);
  EXPECT_EQ(Lost(), 0u);
}

TEST_F(CaptureOfWorkerTest, PutsTheTagWhereItIsOnTheWire) {
  Start({.vlan = VlanId(7)});
  Begin({.machine = kMachine.from});
  Ends tagged = kMachine;
  tagged.vlan = VlanId(7);
  Boot(tagged);
  const auto frames = End();
  EXPECT_EQ(Of(frames, false), delivered_);
  EXPECT_EQ(Of(frames, true), sent_);
  EXPECT_EQ(See(frames.back().bytes).link.vlan, VlanId(7));
}

// Of a port that cuts by itself frames of so many buffers.
struct Cuts {
  const char* name;
  int tls_version;
  std::uint16_t buffers;
};
class CaptureOfCutsTest : public CaptureOfWorkerTest, public ::testing::WithParamInterface<Cuts> {};

TEST_P(CaptureOfCutsTest, FillsChecksumsThatAreLeftToThePortAndKeepsWhatItCutsWhole) {
  constexpr std::size_t kSegment = 1448;  // with timestamps
  const auto [name, tls_version, buffers] = GetParam();
  ApplianceOptions options;
  options.wire.hardware = Offloads::All();
  options.wire.tcp_segmentation_segments_max = buffers;
  options.wire.tcp_segmentation_bytes_max = 65'535;
  Start(options, /*tls=*/tls_version != 0);
  Begin({.machine = kMachine.from});
  Station station(kMachine, MachineSettings(), 5);
  HttpClient client(kGet, kImageSize, tls_version);
  station.Connect(Port(5000), Port(tls_version == 0 ? 80 : 443), client, now_);
  std::size_t longest = 0;
  for (const Time end = now_ + seconds(5); now_ < end && !station.closed; now_ += milliseconds(1)) {
    while (const auto frame = station.Emit(now_)) Deliver(*frame);
    appliance_->Run(now_);
    sent_ = appliance_->Sent();
    std::size_t next = 0;
    for (const CapturedFrame& frame : capture_->Take(1 << 20)) {
      const Seen seen = See(frame.bytes);  // fails where a checksum is wrong
      if (!frame.sent) continue;
      // What the station can read is what was captured: the wire has frames with blank checksums.
      station.Receive(frame.bytes, now_);
      ASSERT_LT(next, sent_.size());
      const Buffer& wire = sent_[next++];
      ASSERT_EQ(frame.bytes.size(), wire.size());
      ASSERT_TRUE(Equal(Bytes(frame.bytes).subspan(54), Bytes(wire).subspan(54)));
      if (frame.segment_text_max == 0) continue;
      EXPECT_EQ(frame.segment_text_max, kSegment);
      EXPECT_GT(seen.tcp->text.size(), frame.segment_text_max);
      longest = std::max(longest, seen.tcp->text.size());
    }
    EXPECT_EQ(next, sent_.size());
    if (station.Deadline() <= now_) station.Expire(now_);
  }
  EXPECT_TRUE(station.closed);
  EXPECT_GT(client.text.size(), kImageSize);
  // Runs are as long as buffers allow that are full: with one for each segment fewer would fit.
  EXPECT_GT(longest, buffers * kSegment);
  EXPECT_EQ(appliance_->wire().Statistics().software_segmented, 0u);
  End();
}

INSTANTIATE_TEST_SUITE_P(Runs, CaptureOfCutsTest,
                         ::testing::Values(Cuts{"Plain", 0, 12}, Cuts{"Tls", TLS1_3_VERSION, 12},
                                           Cuts{"TlsInFourBuffers", TLS1_3_VERSION, 4}),
                         [](const auto& test) { return test.param.name; });

TEST_F(CaptureOfWorkerTest, KeepsTheFrontOfFramesWhereThatIsWanted) {
  Start();
  Begin({.machine = kMachine.from, .bytes_max = 64});
  Boot(kMachine);
  const auto frames = End();
  ASSERT_EQ(frames.size(), delivered_.size() + sent_.size());
  std::size_t next = 0;
  for (const CapturedFrame& frame : frames) {
    if (!frame.sent) continue;
    const Buffer& whole = sent_[next++];
    EXPECT_EQ(frame.size, whole.size());
    EXPECT_EQ(frame.bytes.size(), std::min<std::size_t>(64, whole.size()));
    constexpr std::size_t kBeforeChecksums = 24;  // which cannot be told of a part
    EXPECT_TRUE(
        Equal(Bytes(frame.bytes).first(kBeforeChecksums), Bytes(whole).first(kBeforeChecksums)));
  }
}

TEST_F(CaptureOfWorkerTest, OfSeveralWorkersTellsEachFrameOnceWhereThePortIs) {
  Start({.workers = 2});
  Begin({.machine = kMachine.from});
  for (std::uint16_t i = 0; i < 8; ++i) Boot(kMachine, Port(static_cast<std::uint16_t>(1024 + i)));
  const auto frames = End();
  EXPECT_GT(appliance_->statistics(1).payload_bytes, 0u) << "both have served";
  EXPECT_EQ(Of(frames, false), delivered_);
  EXPECT_EQ(Of(frames, true), sent_);
  std::vector<Buffer> in_order;
  for (const CapturedFrame& frame : frames) in_order.push_back(frame.bytes);
  EXPECT_EQ(in_order, all_);
}

TEST_F(CaptureOfWorkerTest, OfOverlappingRoundsPutsAnAnswerBehindWhatItAnswers) {
  Start();
  Captures captures(2, 1);
  const auto capture = captures.Begin({.machine = kMachine.from});
  VirtualTimekeeper time(0);
  const WallClock wall(0);
  // The one that answers began its round before the other, and was held up in it.
  const Time asked{milliseconds(2)};
  const Time answering{milliseconds(1)};
  CaptureTap one;
  CaptureTap other;
  one.Use(captures.Current(), {0, 0, time, wall, asked});
  other.Use(captures.Current(), {1, 0, time, wall, answering});
  Frame frame = memory_->pool(0).Allocate();
  Buffer bytes(60);
  std::ranges::copy(kMachine.from.octets, bytes.begin());
  ASSERT_TRUE(frame.AppendCopy(bytes));
  const std::span frames(&frame, 1);
  for (int i = 0; i < 3; ++i) {
    one.Received(frames);
    other.Leaving(frames);
    other.Left(1);
  }
  const auto taken = capture->Take(100);
  ASSERT_THAT(taken, SizeIs(6));
  for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i].sent, i % 2 == 1) << i;
}

}  // namespace
}  // namespace slipway::dataplane
