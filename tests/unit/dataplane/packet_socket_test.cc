// SPDX-License-Identifier: Apache-2.0
//
// PacketSocketPort on one end of a veth, in a network namespace of the test's own, and on the other
// a plain packet socket, which sees frames as a wire would carry them and sends any. Offloads are
// off there where frames are to be cut. Needs root: without it these tests are skipped, and say so.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "dataplane/packet_socket_port.h"
#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kSegmentText = 1448;

class PacketSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "NOT RUN: network namespaces need root";
    home_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    // The kernel says nothing by itself: without IPv6 and addresses.
    Run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; "
        "ip link add slipway0 type veth peer name slipway1 && ip link set slipway0 up && "
        "ip link set slipway1 up");
    WaitForLinks();
    port_ = std::make_unique<PacketSocketPort>("packet:slipway0");
  }
  void TearDown() override {
    if (home_ < 0) return;
    if (peer_ >= 0) close(peer_);
    port_.reset();
    EXPECT_EQ(pool_->in_use(), 0U);
    EXPECT_EQ(setns(home_, CLONE_NEWNET), 0);
    close(home_);
  }

  static void Run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  // An interface that just came up loses what is sent for up to a second.
  static void WaitForLinks() {
    Run("timeout 20 sh -c 'until [ $(ip link show up | grep -c \"slipway.*state UP\") = 2 ]; do "
        "sleep 0.05; done'");
  }
  static void OffloadsOff(const std::string& interface) {
    Run("ethtool -K " + interface + " rx off tx off sg off tso off gso off gro off > /dev/null");
  }

  // `headers`: each of the peer's frames has virtio's in front, both ways.
  void Open(bool headers = false) {
    const absl::Status status = port_->Initialize({.pools = {pool_.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
    peer_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int on = 1;
    const int room = 16 << 20;
    setsockopt(peer_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    setsockopt(peer_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
    setsockopt(peer_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
    if (headers) setsockopt(peer_, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex("slipway1"));
    ASSERT_EQ(bind(peer_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }

  // The next frame at the peer; empty when none came for a while. `tag`: what was taken out of it.
  Buffer AtPeer(int patience_ms = 5000, int* tag = nullptr) const {
    pollfd readable{.fd = peer_, .events = POLLIN};
    if (poll(&readable, 1, patience_ms) != 1) return {};
    Buffer frame(70'000);
    iovec whole{frame.data(), frame.size()};
    alignas(cmsghdr) char control[256];
    msghdr message{};
    message.msg_iov = &whole;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t size = recvmsg(peer_, &message, 0);
    frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    const cmsghdr* const said = CMSG_FIRSTHDR(&message);
    if (tag != nullptr && said != nullptr && said->cmsg_type == PACKET_AUXDATA) {
      tpacket_auxdata auxiliary{};
      std::memcpy(&auxiliary, CMSG_DATA(said), sizeof(auxiliary));
      *tag = (auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0 ? auxiliary.tp_vlan_tci : -1;
    }
    return frame;
  }

  void FromPeer(const Buffer& frame) const {
    ASSERT_EQ(send(peer_, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
  }
  void FromPeer(const VirtioHeader& header, const Buffer& frame) const {
    Buffer bytes(sizeof(header));
    std::memcpy(bytes.data(), &header, sizeof(header));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    FromPeer(bytes);
  }

  Frame Received() const {
    Frame frame;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (port_->Receive(0, std::span(&frame, 1)) == 0) {
      if (std::chrono::steady_clock::now() > deadline) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return frame;
  }

  // Headers and `text` bytes in pieces, to be cut.
  Frame ARun(std::size_t text, const TcpFrameSpec& spec = {}) const {
    Frame frame = pool_->Allocate();
    EXPECT_TRUE(frame.AppendCopy(Headers(spec, text)));
    EXPECT_TRUE(frame.AppendCopy(Text(text)));
    frame.SetHeaders({});
    frame.RequestSegmentation(kSegmentText);
    return frame;
  }

  // What arrives of a run of `count` full segments is its text, cut, with right checksums.
  void ExpectSegments(std::size_t count, std::size_t link = 14) const {
    const Buffer text = Text(count * kSegmentText);
    for (std::size_t i = 0; i < count; ++i) {
      const Buffer frame = AtPeer();
      ASSERT_EQ(frame.size(), kTcpHeaders - 14 + link + kSegmentText) << "segment " << i;
      EXPECT_TRUE(IpChecksumIsRight(frame, link)) << i;
      EXPECT_TRUE(TransportChecksumIsRight(frame, link)) << i;
      EXPECT_EQ(U32At(frame, link + 24), 1000 + i * kSegmentText);
      EXPECT_EQ(frame[link + 33], i + 1 == count ? 0x18 : 0x10) << "PSH on the last one only";
      const auto from = text.begin() + static_cast<std::ptrdiff_t>(i * kSegmentText);
      EXPECT_TRUE(std::equal(frame.end() - kSegmentText, frame.end(), from)) << i;
    }
    EXPECT_TRUE(AtPeer(50).empty()) << "and nothing more";
  }

  int home_ = -1;
  int peer_ = -1;
  std::unique_ptr<PacketPool> pool_ = NewPool({.packets = 4096, .large = 8, .handles = 64});
  std::unique_ptr<PacketSocketPort> port_;
};

TEST_F(PacketSocketTest, ARunOfTwentySegmentsArrivesCut) {
  OffloadsOff("slipway0");
  OffloadsOff("slipway1");
  Open();
  if (HasFatalFailure()) return;
  Frame run = ARun(20 * kSegmentText);
  ASSERT_EQ(port_->Transmit(0, std::span(&run, 1)), 1U);
  ExpectSegments(20);
  EXPECT_EQ(port_->Statistics().software_segmented, 0U) << "the kernel's work, not ours";
}

TEST_F(PacketSocketTest, ARunWithATagArrivesCutAndTagged) {
  OffloadsOff("slipway0");
  OffloadsOff("slipway1");
  Open();
  if (HasFatalFailure()) return;
  Frame run = ARun(20 * kSegmentText);
  run.RequestVlan(0x2007);
  ASSERT_EQ(port_->Transmit(0, std::span(&run, 1)), 1U);
  int tag = -1;
  const Buffer first = AtPeer(5000, &tag);
  EXPECT_EQ(first.size(), kTcpHeaders + kSegmentText);
  EXPECT_EQ(tag, 0x2007);
  EXPECT_TRUE(TransportChecksumIsRight(first));
  for (int i = 1; i < 20; ++i) {
    EXPECT_EQ(AtPeer(5000, &tag).size(), kTcpHeaders + kSegmentText);
    EXPECT_EQ(tag, 0x2007);
  }
}

TEST_F(PacketSocketTest, ARunCrossesAVethWithOffloadsInOnePiece) {
  Open(true);
  if (HasFatalFailure()) return;
  Frame run = ARun(40 * kSegmentText);
  ASSERT_EQ(port_->Transmit(0, std::span(&run, 1)), 1U);
  const Buffer got = AtPeer();
  ASSERT_EQ(got.size(), sizeof(VirtioHeader) + kTcpHeaders + 40 * kSegmentText);
  VirtioHeader header;
  std::memcpy(&header, got.data(), sizeof(header));
  EXPECT_EQ(header.segmentation, VirtioHeader::kTcpV4);
  EXPECT_EQ(header.segment_text_max, kSegmentText);
  EXPECT_EQ(header.checksum_from, 34);
  EXPECT_EQ(header.checksum_at, 16);
}

// With a timestamp option in it, text of one segment is longer than the text of one, as the kernel
// counts; asked to cut it, it would find nothing to cut and drop it.
TEST_F(PacketSocketTest, ARunOfOneSegmentLeavesWhole) {
  OffloadsOff("slipway0");
  OffloadsOff("slipway1");
  Open();
  if (HasFatalFailure()) return;
  constexpr std::size_t kOption = 12;
  Buffer headers = Headers({}, kSegmentText + kOption);
  headers[46] = 0x80;
  headers.insert(headers.end(), {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2});
  Frame frame = pool_->Allocate();
  ASSERT_TRUE(frame.AppendCopy(headers));
  ASSERT_TRUE(frame.AppendCopy(Text(kSegmentText)));
  frame.SetHeaders({.transport = 20 + kOption});
  frame.RequestSegmentation(kSegmentText);
  ASSERT_EQ(port_->Transmit(0, std::span(&frame, 1)), 1U);
  const Buffer got = AtPeer();
  ASSERT_EQ(got.size(), kTcpHeaders + kOption + kSegmentText);
  EXPECT_TRUE(TransportChecksumIsRight(got));
}

TEST_F(PacketSocketTest, ABlankChecksumIsKnownGoodAndAWrittenOneIsNot) {
  Open(true);
  if (HasFatalFailure()) return;
  const VirtioHeader blank{.flags = VirtioHeader::kNeedsChecksum,
                           .segmentation = 0,
                           .headers_size = 0,
                           .segment_text_max = 0,
                           .checksum_from = 34,
                           .checksum_at = 16};
  FromPeer(blank, CompleteFrame({}, 100));
  Frame frame = Received();
  ASSERT_FALSE(frame.empty());
  EXPECT_EQ(frame.transport_checksum(), ChecksumState::kKnownGood);
  EXPECT_EQ(frame.ip_checksum(), ChecksumState::kVerify);
  Buffer wrong = CompleteFrame({}, 100);
  wrong.back() ^= 1;
  FromPeer(VirtioHeader{}, wrong);
  frame = Received();
  ASSERT_FALSE(frame.empty());
  EXPECT_EQ(Contents(frame), wrong);
  EXPECT_EQ(frame.transport_checksum(), ChecksumState::kVerify);
}

TEST_F(PacketSocketTest, TagsAreTakenOutAndPutIn) {
  Open();
  if (HasFatalFailure()) return;
  const Buffer plain = CompleteFrame({}, 100);
  Buffer tagged = plain;
  tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x60, 0x07});
  FromPeer(tagged);
  Frame frame = Received();
  ASSERT_FALSE(frame.empty());
  EXPECT_EQ(frame.vlan(), 0x6007);
  EXPECT_EQ(Contents(frame), plain);
  // A provider's tag is not one of ours.
  Buffer provider = plain;
  provider.insert(provider.begin() + 12, {0x88, 0xa8, 0x00, 0x07});
  FromPeer(provider);
  frame = Received();
  ASSERT_FALSE(frame.empty());
  EXPECT_EQ(frame.vlan(), std::nullopt);
  EXPECT_EQ(Contents(frame), provider);
  Frame out = pool_->Allocate();
  ASSERT_TRUE(out.AppendCopy(plain));
  out.RequestVlan(0x6007);
  ASSERT_EQ(port_->Transmit(0, std::span(&out, 1)), 1U);
  int tag = -1;
  EXPECT_EQ(AtPeer(5000, &tag), plain);
  EXPECT_EQ(tag, 0x6007);
}

TEST_F(PacketSocketTest, AFrameOf64KiBIsReceivedWhole) {
  Open(true);
  if (HasFatalFailure()) return;
  constexpr std::size_t kText = 65'000;
  const Buffer sent = CompleteFrame({}, kText);
  const VirtioHeader header{.flags = VirtioHeader::kNeedsChecksum,
                            .segmentation = VirtioHeader::kTcpV4,
                            .headers_size = kTcpHeaders,
                            .segment_text_max = kSegmentText,
                            .checksum_from = 34,
                            .checksum_at = 16};
  FromPeer(header, sent);
  const Frame frame = Received();
  ASSERT_FALSE(frame.empty());
  EXPECT_EQ(Contents(frame), sent);
  EXPECT_EQ(frame.pieces(), 1U);
  EXPECT_EQ(frame.transport_checksum(), ChecksumState::kKnownGood);
  EXPECT_EQ(port_->Statistics().dropped_too_long, 0U);
}

// A shaper holds frames back, so that the send buffer fills; when it is gone all of them arrive.
TEST_F(PacketSocketTest, AFullSendBufferLosesNothing) {
  Open();
  if (HasFatalFailure()) return;
  Run("tc qdisc add dev slipway0 root tbf rate 8mbit burst 4000 limit 100000000");
  constexpr std::uint32_t kFrames = 3000;  // more than the send buffer holds
  std::uint32_t made = 0;
  std::uint32_t arrived = 0;
  bool was_full = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto take_in = [&](int patience_ms) {
    for (Buffer got = AtPeer(patience_ms); !got.empty(); got = AtPeer(0)) {
      ASSERT_EQ(U32At(got, 38), arrived) << "one is missing, or the order is another";
      ++arrived;
    }
  };
  while (arrived < kFrames && std::chrono::steady_clock::now() < deadline) {
    Frame frame;
    if (made < kFrames) {
      frame = pool_->Allocate();
      ASSERT_TRUE(frame.AppendCopy(CompleteFrame({.sequence = made}, 1400)));
      if (port_->Transmit(0, std::span(&frame, 1)) == 1) {
        ++made;
      } else if (!was_full) {
        was_full = true;
        Run("tc qdisc change dev slipway0 root tbf rate 1gbit burst 100000 limit 100000000");
      }
    }
    Frame none;
    static_cast<void>(port_->Receive(0, std::span(&none, 1)));  // pushes out what waits
    take_in(made < kFrames ? 0 : 10);
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE(was_full) << "else nothing was tried";
  EXPECT_EQ(arrived, kFrames);
  EXPECT_EQ(port_->Statistics().transmit_errors, 0U);
}

TEST_F(PacketSocketTest, FramesForALinkThatIsDownAreDroppedAndCounted) {
  Open();
  if (HasFatalFailure()) return;
  Run("ip link set slipway0 down");
  EXPECT_FALSE(port_->GetStatus().link_up);
  Frame frame = pool_->Allocate();
  ASSERT_TRUE(frame.AppendCopy(CompleteFrame({}, 100)));
  ASSERT_EQ(port_->Transmit(0, std::span(&frame, 1)), 1U);
  EXPECT_EQ(port_->Statistics().dropped_link_down, 1U);
  Run("ip link set slipway0 up");
  WaitForLinks();
  FromPeer(CompleteFrame({}, 100));
  EXPECT_FALSE(Received().empty());
  EXPECT_TRUE(port_->GetStatus().link_up);
  EXPECT_EQ(port_->GetStatus().link_changes, 2U);
}

TEST_F(PacketSocketTest, ErrorsNameThePortTheStepAndTheRemedy) {
  const auto failure = [&](const std::string& name, std::uint16_t mtu = 1500) {
    PacketSocketPort port(name);
    return std::string(port.Initialize({.mtu = mtu, .pools = {pool_.get()}}).message());
  };
  EXPECT_THAT(failure("packet:none"), HasSubstr("port packet:none: cannot open a packet socket: "));
  EXPECT_THAT(failure("packet:none"), HasSubstr("no such interface"));
  EXPECT_THAT(failure("packet:lo"), HasSubstr("lo is not an Ethernet interface"));
  EXPECT_THAT(failure("packet:slipway0", 20), HasSubstr("MTU 20 is not within 68"));
  Run("ip link set slipway0 down");
  EXPECT_THAT(failure("packet:slipway0"), HasSubstr("bring the interface up"));
}

TEST_F(PacketSocketTest, ComesUpAgainAfterAFailureAndAfterShutdown) {
  Run("ip link set slipway0 down");
  EXPECT_FALSE(port_->Initialize({.pools = {pool_.get()}}).ok());
  Run("ip link set slipway0 up");
  WaitForLinks();
  for (int i = 0; i < 2; ++i) {
    Open();
    if (HasFatalFailure()) return;
    EXPECT_FALSE(port_->Initialize({.pools = {pool_.get()}}).ok()) << "it is up already";
    FromPeer(CompleteFrame({}, 100));
    EXPECT_EQ(Contents(Received()), CompleteFrame({}, 100));
    port_->Shutdown();
    EXPECT_EQ(pool_->in_use(), 0U);
    close(std::exchange(peer_, -1));
  }
}

TEST_F(PacketSocketTest, AnotherStationAddressIsReceivedToo) {
  const auto promiscuous = [] {
    return std::system("ip -d link show slipway0 | grep -q 'promiscuity [1-9]'") == 0;
  };
  Open();
  if (HasFatalFailure()) return;
  const MacAddress own = port_->StationAddress();
  EXPECT_FALSE(promiscuous());
  ASSERT_TRUE(port_->SetStationAddress({{0x52, 0x54, 0, 0, 0, 1}}).ok());
  EXPECT_TRUE(promiscuous());
  ASSERT_TRUE(port_->ReceiveFilters({.multicast = {{{1, 0, 0x5e, 0, 0, 9}}}}).ok());
  EXPECT_TRUE(promiscuous()) << "filters do not undo it";
  EXPECT_EQ(std::system("ip maddr show dev slipway0 | grep -q 01:00:5e:00:00:09"), 0);
  ASSERT_TRUE(port_->SetStationAddress(own).ok());
  EXPECT_FALSE(promiscuous());
  ASSERT_TRUE(port_->ReceiveFilters({}).ok());
  EXPECT_NE(std::system("ip maddr show dev slipway0 | grep -q 01:00:5e:00:00:09"), 0);
  EXPECT_FALSE(port_->SetStationAddress(MacAddress::Broadcast()).ok());
}

}  // namespace
}  // namespace slipway::dataplane
