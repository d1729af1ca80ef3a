// SPDX-License-Identifier: Apache-2.0
//
// Software offloads, each judged by the slow checksum of frames.h, through a VirtualWire.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/virtual_wire.h"
#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

class OffloadTest : public ::testing::Test {
 protected:
  ~OffloadTest() override {
    wire_.reset();
    EXPECT_EQ(pool_->in_use(), 0U) << "buffers were lost";
  }

  void Open(const VirtualWireOptions& options = {}, std::uint16_t mtu = 1500) {
    wire_ = std::make_unique<VirtualWire>(options);
    const absl::Status status = wire_->Initialize({.mtu = mtu, .pools = {pool_.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
  }

  // Headers in one piece and the text in pieces of `piece` bytes.
  Frame Build(const TcpFrameSpec& spec, std::size_t text_size, std::size_t piece) {
    Frame frame = pool_->Allocate();
    EXPECT_TRUE(frame.AppendCopy(Headers(spec, text_size)));
    const Buffer text = Text(text_size);
    for (std::size_t done = 0; done < text_size; done += piece) {
      Frame next = pool_->Allocate();
      EXPECT_TRUE(next.AppendCopy(Bytes(text).subspan(done, std::min(piece, text_size - done))));
      EXPECT_EQ(rte_pktmbuf_chain(frame.buffers(), next.Release()), 0);
    }
    frame.SetHeaders({.transport = static_cast<std::uint16_t>(spec.protocol == 17 ? 8 : 20)});
    return frame;
  }

  std::size_t Send(Frame frame) { return wire_->Transmit(0, std::span(&frame, 1)); }

  std::vector<Buffer> Sent() {
    std::vector<Buffer> sent;
    for (Frame frame = wire_->Take(); !frame.empty(); frame = wire_->Take()) {
      sent.push_back(Contents(frame));
    }
    return sent;
  }

  Frame Received() {
    Frame frame;
    EXPECT_EQ(wire_->Receive(0, std::span(&frame, 1)), 1U);
    return frame;
  }

  std::unique_ptr<PacketPool> pool_ = NewPool();
  std::unique_ptr<VirtualWire> wire_;
};

TEST_F(OffloadTest, FillsInChecksumsOfEveryTextSizeAndPieceSize) {
  Open();
  for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}}) {
    for (std::size_t size = 0; size <= 1400; size += 61) {
      for (const std::size_t piece : {1UL, 7UL, 64UL, 1400UL}) {
        if (size / piece > 200) continue;
        Frame frame = Build({.protocol = protocol}, size, piece);
        frame.RequestIpChecksum();
        RequestTransportChecksum(frame);
        ASSERT_EQ(Send(std::move(frame)), 1U);
        const auto sent = Sent();
        ASSERT_EQ(sent.size(), 1U);
        EXPECT_EQ(sent[0], CompleteFrame({.protocol = protocol}, size)) << size << " " << piece;
      }
    }
  }
}

TEST_F(OffloadTest, ChecksumsNotAskedForAreLeftAlone) {
  Open();
  ASSERT_EQ(Send(Build({}, 100, 100)), 1U);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(U16At(sent[0], 24), 0);
  EXPECT_EQ(U16At(sent[0], 50), 0);
}

TEST_F(OffloadTest, AUdpChecksumOfZeroIsSentAsAllOnes) {
  Open();
  for (unsigned port = 0; port < 65536; ++port) {
    TcpFrameSpec spec{.destination_port = static_cast<std::uint16_t>(port), .protocol = 17};
    const Buffer complete = CompleteFrame(spec, 0);
    if (U16At(complete, 40) != 0) continue;
    Frame frame = Build(spec, 0, 1);
    RequestTransportChecksum(frame);
    ASSERT_EQ(Send(std::move(frame)), 1U);
    EXPECT_EQ(U16At(Sent().at(0), 40), 0xffff);
    return;
  }
  FAIL() << "no port makes a sum of zero";
}

TEST_F(OffloadTest, CutsTextIntoSegmentsWhoseBytesAreTheText) {
  Open({.ring_frames = 1024});
  for (const std::size_t size : {0UL, 1UL, 1459UL, 1460UL, 1461UL, 2920UL, 64'000UL}) {
    for (const std::size_t piece : {1400UL, 2048UL, 999UL}) {
      // CWR, PSH, ACK, FIN
      Frame frame =
          Build({.sequence = 0xfffffff0, .flags = 0x99, .identification = 0xffff}, size, piece);
      frame.RequestSegmentation(1460);
      ASSERT_EQ(Send(std::move(frame)), 1U);
      const auto sent = Sent();
      ASSERT_EQ(sent.size(), std::max<std::size_t>(1, (size + 1459) / 1460));
      Buffer text;
      for (std::size_t i = 0; i < sent.size(); ++i) {
        const bool last = i + 1 == sent.size();
        EXPECT_EQ(sent[i].size(), U16At(sent[i], 16) + 14U);
        EXPECT_EQ(U32At(sent[i], 38), static_cast<std::uint32_t>(0xfffffff0 + text.size()));
        EXPECT_EQ(U16At(sent[i], 18), static_cast<std::uint16_t>(0xffff + i));
        EXPECT_EQ(sent[i][47], 0x10 | (last ? 0x09 : 0) | (i == 0 ? 0x80 : 0));
        EXPECT_TRUE(IpChecksumIsRight(sent[i]));
        EXPECT_TRUE(TransportChecksumIsRight(sent[i]));
        text.insert(text.end(), sent[i].begin() + kTcpHeaders, sent[i].end());
      }
      EXPECT_EQ(text, Text(size));
    }
  }
}

TEST_F(OffloadTest, SegmentsOfBorrowedImageMemoryAreRightAndReleaseIt) {
  auto images = EalImageMemory::Create(1 << 20);
  ASSERT_TRUE(images.ok());
  {
    const auto pool = NewPool({.packets = 256, .large = 1, .handles = 8, .images = images->get()});
    VirtualWire wire({});
    ASSERT_TRUE(wire.Initialize({.pools = {pool.get()}}).ok());
    const MutableBytes block = (*images)->Allocate(100'000);
    Copy(Text(100'000), block);
    Frame frame = pool->Allocate();
    ASSERT_TRUE(frame.AppendCopy(Headers({}, 30'000)));
    ASSERT_TRUE(frame.AppendBorrowed(Bytes(block).subspan(50'000, 30'000)));
    frame.SetHeaders({});
    frame.RequestSegmentation(1460);
    ASSERT_EQ(wire.Transmit(0, std::span(&frame, 1)), 1U);
    (*images)->Free(block);
    EXPECT_EQ((*images)->going(), 0U) << "segments were copied, so nothing is in flight";
    Buffer text;
    for (Frame sent = wire.Take(); !sent.empty(); sent = wire.Take()) {
      const Buffer bytes = Contents(sent);
      EXPECT_TRUE(TransportChecksumIsRight(bytes));
      text.insert(text.end(), bytes.begin() + kTcpHeaders, bytes.end());
    }
    const Buffer all = Text(100'000);
    EXPECT_EQ(text, Buffer(all.begin() + 50'000, all.begin() + 80'000));
    wire.Shutdown();
    EXPECT_EQ(pool->in_use(), 0U);
  }
}

TEST_F(OffloadTest, AFullRingKeepsTheOrderAndTakesNothingMore) {
  Open({.ring_frames = 4});
  Frame burst[3] = {Build({}, 14'600, 2000), Build({.sequence = 5}, 10, 10), {}};
  burst[0].RequestSegmentation(1460);
  EXPECT_EQ(wire_->Transmit(0, std::span(burst).first(2)), 1U);
  EXPECT_TRUE(burst[0].empty());
  EXPECT_FALSE(burst[1].empty());
  std::vector<std::uint32_t> sequences;
  for (int round = 0; round < 5; ++round) {
    for (const Buffer& sent : Sent()) sequences.push_back(U32At(sent, 38));
    EXPECT_EQ(wire_->Receive(0, std::span(burst + 2, 1)), 0U);  // pushes out what waits
  }
  ASSERT_EQ(sequences.size(), 10U);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(sequences[i], 1000 + 1460 * i);
  EXPECT_EQ(Send(std::move(burst[1])), 1U);
  EXPECT_EQ(Sent().size(), 1U);
}

TEST_F(OffloadTest, InsertsATagBeforeSegmenting) {
  Open();
  Frame frame = Build({}, 2920, 2000);
  frame.RequestSegmentation(1460);
  frame.RequestVlan(0x602a);
  ASSERT_EQ(Send(std::move(frame)), 1U);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 2U);
  for (const Buffer& bytes : sent) {
    EXPECT_EQ(U32At(bytes, 12), 0x8100602aU);
    EXPECT_EQ(U16At(bytes, 16), 0x0800);
    EXPECT_TRUE(IpChecksumIsRight(bytes, 18));
    EXPECT_TRUE(TransportChecksumIsRight(bytes, 18));
    EXPECT_EQ(bytes.size(), 1500 + 18U);
  }
}

TEST_F(OffloadTest, TakesATagOut) {
  Open();
  const Buffer plain = CompleteFrame({}, 100);
  Buffer tagged = plain;
  const Buffer tag = {0x81, 0x00, 0x60, 0x2a};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  wire_->SetStationAddress(MacAddress::From(plain)).IgnoreError();
  ASSERT_TRUE(wire_->Deliver(tagged));
  const Frame frame = Received();
  EXPECT_EQ(Contents(frame), plain);
  EXPECT_EQ(frame.vlan(), 0x602a);
  ASSERT_TRUE(wire_->Deliver(plain));
  EXPECT_EQ(Received().vlan(), std::nullopt);
}

TEST_F(OffloadTest, JoinsPiecesForAPortThatSendsOnlyOne) {
  Open({.segments_max = 1}, 9000);
  Frame frame = Build({}, 8000, 500);
  RequestTransportChecksum(frame);
  frame.RequestIpChecksum();
  ASSERT_EQ(Send(std::move(frame)), 1U);
  const Frame sent = wire_->Take();
  EXPECT_EQ(sent.pieces(), 1U);
  EXPECT_EQ(Contents(sent), CompleteFrame({}, 8000));
  EXPECT_EQ(wire_->Statistics().transmit_linearised, 1U);
}

TEST_F(OffloadTest, JoinsReceivedPiecesOfUpTo65535Bytes) {
  Open();
  wire_->ReceiveFilters({.promiscuous = true}).IgnoreError();
  for (const std::size_t size : {100UL, 3000UL, 65'535UL}) {
    const Buffer all = Text(size);
    std::vector<Bytes> pieces;
    for (std::size_t done = 0; done < size; done += 1900) {
      pieces.push_back(Bytes(all).subspan(done, std::min<std::size_t>(1900, size - done)));
    }
    ASSERT_TRUE(wire_->DeliverPieces(pieces));
    const Frame frame = Received();
    EXPECT_EQ(frame.bytes().size(), size);
    EXPECT_EQ(Contents(frame), all);
  }
  EXPECT_EQ(wire_->Statistics().receive_linearised, 2U);
  const Buffer too_long = Text(65'536);
  std::vector<Bytes> pieces;
  for (std::size_t done = 0; done < too_long.size(); done += 1024) {
    pieces.push_back(Bytes(too_long).subspan(done, 1024));
  }
  ASSERT_TRUE(wire_->DeliverPieces(pieces));
  Frame none;
  EXPECT_EQ(wire_->Receive(0, std::span(&none, 1)), 0U);
  EXPECT_EQ(wire_->Statistics().dropped_too_long, 1U);
}

TEST_F(OffloadTest, KnowsBlankChecksumsByEveryMark) {
  Open({.marks_blank_checksums = false});
  wire_->ReceiveFilters({.promiscuous = true}).IgnoreError();
  const auto state_with = [&](std::uint64_t flags) {
    Frame frame = pool_->Allocate();
    EXPECT_TRUE(frame.AppendCopy(Headers({}, 0)));
    frame.buffers()->ol_flags |= flags;
    EXPECT_TRUE(wire_->DeliverFrame(std::move(frame)));
    return Received().transport_checksum();
  };
  EXPECT_EQ(state_with(0), ChecksumState::kVerify);
  EXPECT_EQ(state_with(RTE_MBUF_F_RX_L4_CKSUM_BAD), ChecksumState::kVerify);
  EXPECT_EQ(state_with(RTE_MBUF_F_RX_L4_CKSUM_GOOD), ChecksumState::kKnownGood);
  EXPECT_EQ(state_with(RTE_MBUF_F_RX_L4_CKSUM_NONE), ChecksumState::kKnownGood);
  EXPECT_EQ(state_with(RTE_MBUF_F_TX_TCP_CKSUM), ChecksumState::kKnownGood);
  // A kernel that left the sum to its NIC wrote the pseudo header's; the field of a complete frame
  // is something else.
  for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}}) {
    Buffer blank = Headers({.protocol = protocol}, 50);
    const Buffer text = Text(50);
    blank.insert(blank.end(), text.begin(), text.end());
    const std::size_t length = blank.size() - 34;
    Buffer pseudo(blank.begin() + 26, blank.begin() + 34);
    pseudo.insert(pseudo.end(), {0, protocol, 0, static_cast<std::uint8_t>(length)});
    const std::uint16_t sum = SlowSum(pseudo);
    const std::size_t field = protocol == 6 ? 50 : 40;
    blank[field] = static_cast<std::uint8_t>(sum >> 8);
    blank[field + 1] = static_cast<std::uint8_t>(sum);
    ASSERT_TRUE(wire_->Deliver(blank));
    EXPECT_EQ(Received().transport_checksum(), ChecksumState::kKnownGood);
    ASSERT_TRUE(wire_->Deliver(CompleteFrame({.protocol = protocol}, 50)));
    EXPECT_EQ(Received().transport_checksum(), ChecksumState::kVerify);
  }
}

TEST_F(OffloadTest, HardwareGetsTheRequestsAndThePseudoHeadersSum) {
  Open({.hardware = Offloads::All(),
        .tcp_segmentation_segments_max = 64,
        .tcp_segmentation_bytes_max = 65'535});
  Frame frame = Build({}, 20'000, 2000);
  frame.RequestSegmentation(1460);
  frame.RequestVlan(42);
  ASSERT_EQ(Send(std::move(frame)), 1U);
  const Frame sent = wire_->Take();
  EXPECT_GT(sent.pieces(), 1U) << "nothing was copied";
  const std::uint64_t flags = sent.buffers()->ol_flags;
  EXPECT_TRUE(flags & RTE_MBUF_F_TX_TCP_SEG);
  EXPECT_TRUE(flags & RTE_MBUF_F_TX_VLAN);
  const Buffer bytes = Contents(sent);
  Buffer pseudo(bytes.begin() + 26, bytes.begin() + 34);
  pseudo.insert(pseudo.end(), {0, 6, 0, 0});  // the hardware adds each segment's length
  EXPECT_EQ(U16At(bytes, 50), SlowSum(pseudo));
  EXPECT_EQ(U16At(bytes, 24), 0);
  EXPECT_EQ(wire_->Capabilities().software, Offloads::None());
}

// What a device may have of a whole frame, and of each segment of one that it cuts, are two limits.
TEST_F(OffloadTest, AFrameToBeCutMayHaveMoreBuffersThanOneThatIsNot) {
  Open({.hardware = Offloads::All(),
        .segments_max = 2,
        .tcp_segmentation_segments_max = 12,
        .tcp_segmentation_bytes_max = 65'535});
  for (const std::size_t buffers : {11UL, 12UL}) {
    Frame frame = Build({}, buffers * 1500, 1500);
    const std::size_t pieces = frame.pieces();
    ASSERT_GE(pieces, buffers);
    frame.RequestSegmentation(1460);
    ASSERT_EQ(Send(std::move(frame)), 1U);
    const bool in_hardware = pieces <= 12;
    EXPECT_EQ(wire_->Take().pieces(), in_hardware ? pieces : 1U);
    EXPECT_EQ(wire_->Statistics().software_segmented, in_hardware ? 0U : 1U);
  }
  EXPECT_EQ(wire_->Statistics().transmit_linearised, 0U);
  ASSERT_EQ(Send(Build({}, 1400, 300)), 1U);
  EXPECT_EQ(wire_->Statistics().transmit_linearised, 1U);
}

TEST_F(OffloadTest, DropsAndCountsWhatCannotLeave) {
  Open();
  EXPECT_EQ(Send(Build({}, 1461, 1461)), 1U);  // a frame of the MTU and one byte
  EXPECT_EQ(Send(Build({}, 1460, 1460)), 1U);
  EXPECT_EQ(Sent().size(), 1U);
  EXPECT_EQ(wire_->Statistics().dropped_too_long, 1U);
  Frame segments_too_long = Build({}, 3000, 1000);
  segments_too_long.RequestSegmentation(1461);
  EXPECT_EQ(Send(std::move(segments_too_long)), 1U);
  EXPECT_EQ(wire_->Statistics().dropped_too_long, 2U);
  wire_->SetLink(false);
  EXPECT_EQ(Send(Build({}, 10, 10)), 1U);
  EXPECT_EQ(wire_->Statistics().dropped_link_down, 1U);
  EXPECT_FALSE(wire_->GetStatus().link_up);
  wire_->SetLink(true);
  EXPECT_EQ(Sent().size(), 0U);
  EXPECT_EQ(wire_->GetStatus().link_changes, 2U);
}

TEST_F(OffloadTest, CountsAnEmptyPoolWhileSegmenting) {
  pool_ = NewPool({.packets = 12, .large = 1, .handles = 1});
  Open();
  Frame frame = Build({}, 14'600, 14'600);
  ASSERT_GT(pool_->available(), 0U);
  frame.RequestSegmentation(1460);
  EXPECT_EQ(Send(std::move(frame)), 1U);
  EXPECT_GT(wire_->Statistics().dropped_no_buffer, 0U);
}

TEST_F(OffloadTest, FiltersByAddress) {
  Open();
  const auto arrives = [&](const MacAddress& to) {
    Buffer bytes = CompleteFrame({}, 10);
    std::ranges::copy(to.octets, bytes.begin());
    EXPECT_TRUE(wire_->Deliver(bytes));
    Frame frame;
    return wire_->Receive(0, std::span(&frame, 1)) == 1;
  };
  const MacAddress group{{0x01, 0, 0x5e, 0, 0, 1}};
  const MacAddress other{{0x02, 9, 9, 9, 9, 9}};
  EXPECT_TRUE(arrives(wire_->StationAddress()));
  EXPECT_TRUE(arrives(MacAddress::Broadcast()));
  EXPECT_FALSE(arrives(group));
  EXPECT_FALSE(arrives(other));
  ASSERT_TRUE(wire_->ReceiveFilters({.broadcast = false, .multicast = {group}}).ok());
  EXPECT_TRUE(arrives(group));
  EXPECT_FALSE(arrives(MacAddress::Broadcast()));
  ASSERT_TRUE(wire_->ReceiveFilters({.promiscuous = true}).ok());
  EXPECT_TRUE(arrives(other));
  ASSERT_FALSE(wire_->SetStationAddress(group).ok());
}

}  // namespace
}  // namespace slipway::dataplane
