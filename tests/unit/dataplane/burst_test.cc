// SPDX-License-Identifier: Apache-2.0
//
// Frames of a burst that follow each other: what is judged or taken once for several of them is as
// if each had come alone. (That they are is a matter of cost: bench/instructions, `firmware.ack`.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "protocols/wire/checksum.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kNetworkAt = 14;
constexpr std::size_t kHeaders = kNetworkAt + 20 + 20;

using ::testing::SizeIs;

class BurstTest : public WorkerTest {
 protected:
  struct Outcome {
    std::array<std::uint64_t, kDropCount> drops{};
    std::vector<Buffer> sent;
  };
  void Pause() {
    // Fragments are forgotten, limits of answers are as they were.
    now_ += std::chrono::seconds(61);
    appliance_->Run(now_);
    appliance_->Sent();
  }
  // Frames that arrive in one round, or in a round each.
  Outcome Hear(const std::vector<Buffer>& frames, bool together) {
    Pause();
    const auto before = appliance_->statistics().drops.counts;
    Outcome outcome;
    for (const Buffer& frame : frames) {
      EXPECT_TRUE(appliance_->wire().Deliver(frame));
      if (!together) Answer(outcome);
    }
    if (together) Answer(outcome);
    Pause();
    outcome.drops = appliance_->statistics().drops.counts;
    for (std::size_t i = 0; i < outcome.drops.size(); ++i) outcome.drops[i] -= before[i];
    return outcome;
  }
  void Answer(Outcome& outcome) {
    appliance_->Run(now_);
    for (Buffer& frame : appliance_->Sent()) outcome.sent.push_back(std::move(frame));
  }
  void ExpectTheSame(const std::vector<Buffer>& frames, const std::string& what) {
    const Outcome alone = Hear(frames, /*together=*/false);
    const Outcome together = Hear(frames, /*together=*/true);
    EXPECT_EQ(alone.drops, together.drops) << what;
    EXPECT_EQ(alone.sent, together.sent) << what;
  }
};

// No connection: each is answered by a reset, and so cannot change what becomes of the next.
Buffer StrayAck() {
  return TcpFrame(kMachine, {.source = Port(1024),
                             .destination = Port(81),
                             .seq = tcp::SeqNum(7),
                             .ack = tcp::SeqNum(9),
                             .flags = {.ack = true},
                             .options = {}});
}

void MendIpChecksum(Buffer& frame) {
  frame[kNetworkAt + 10] = frame[kNetworkAt + 11] = 0;
  const std::uint16_t sum = ChecksumOf(Bytes(frame).subspan(kNetworkAt, 20));
  frame[kNetworkAt + 10] = static_cast<std::uint8_t>(sum >> 8);
  frame[kNetworkAt + 11] = static_cast<std::uint8_t>(sum);
}

TEST_F(BurstTest, EveryBitOfTheHeadersOfTheSecondFrameCounts) {
  Start();
  const Buffer good = StrayAck();
  ASSERT_GE(good.size(), kHeaders);
  for (const bool mended : {false, true}) {
    for (std::size_t bit = 0; bit < 8 * kHeaders; ++bit) {
      Buffer other = good;
      other[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      if (mended) MendIpChecksum(other);
      ExpectTheSame({good, other, good},
                    "bit " + std::to_string(bit) + (mended ? ", IPv4 checksum right" : ""));
    }
  }
}

TEST_F(BurstTest, ASecondFrameThatIsShorterIsTruncated) {
  Start();
  const Buffer good = StrayAck();
  for (std::size_t size = 0; size < kHeaders; ++size) {
    Buffer other = good;
    other.resize(size);
    ExpectTheSame({good, other, good}, "size " + std::to_string(size));
  }
}

TEST_F(BurstTest, TakesTheAcknowledgmentsOfABurstTogetherAndCountsEach) {
  Start();
  auto sent = Ask(TcpFrame(kMachine, FromMachine({.syn = true}, 100)));
  ASSERT_THAT(sent, SizeIs(1));
  const tcp::SeqNum first = See(sent[0]).tcp->seq + 1;
  tcp::Segment get = FromMachine({.psh = true, .ack = true}, 101, first);
  get.text = AsBytes(kGet);
  sent = Ask(TcpFrame(kMachine, get));
  ASSERT_THAT(sent, SizeIs(10));
  const std::uint32_t size = static_cast<std::uint32_t>(See(sent[0]).tcp->text.size());
  const std::uint32_t next = 101 + static_cast<std::uint32_t>(kGet.size());
  const auto delivered = [&] {
    return appliance_->statistics().steps[static_cast<std::size_t>(Step::kDeliver)];
  };
  const StepCounters before = delivered();
  for (std::uint32_t i = 1; i <= 5; ++i) {
    Buffer ack = TcpFrame(kMachine, FromMachine({.ack = true}, next, first + 2 * i * size));
    if (i == 3) ack[14 + 20 + 16] ^= 1;  // the checksum
    EXPECT_TRUE(appliance_->wire().Deliver(ack));
  }
  appliance_->Run(now_);
  EXPECT_EQ(delivered().in - before.in, 5u);
  EXPECT_EQ(delivered().out - before.out, 4u);
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpChecksum), 1u);
  // All ten are acknowledged; the window grew by two segments for each but the last, before which
  // it was hardly used.
  EXPECT_THAT(appliance_->Sent(), SizeIs(16));
}

// The port takes tags out, and says so beside the frame.
TEST_F(BurstTest, ATagThatTheNextFrameLacksCounts) {
  Start({.vlan = VlanId(7)});
  Buffer tagged = StrayAck();
  const Buffer tag = {0x81, 0x00, 0x00, 0x07};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  ExpectTheSame({tagged, tagged, StrayAck(), tagged}, "VLAN 7");
}

}  // namespace
}  // namespace slipway::dataplane
