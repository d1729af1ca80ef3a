// SPDX-License-Identifier: Apache-2.0
//
// Ports against the kernel's own network stack: a tap, and a veth through af_packet, af_xdp and a
// packet socket (more of that one: packet_socket_test.cc), in a network namespace of the test's
// own. The kernel is an independent judge of our checksums. Needs root: without it these tests are
// skipped, and say so.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "dataplane/make_port.h"
#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint16_t kKernelPort = 1234;  // the destination of frames.h's UDP frames

// Has the calling thread do without a capability, as a service that was not given it.
class WithoutCapability {
 public:
  explicit WithoutCapability(std::uint32_t capability) {
    EXPECT_EQ(syscall(SYS_capget, &header_, before_.data()), 0);
    auto without = before_;
    without[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
    EXPECT_EQ(syscall(SYS_capset, &header_, without.data()), 0);
  }
  ~WithoutCapability() { EXPECT_EQ(syscall(SYS_capset, &header_, before_.data()), 0); }
  WithoutCapability(const WithoutCapability&) = delete;
  WithoutCapability& operator=(const WithoutCapability&) = delete;

 private:
  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> before_{};
};

class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "NOT RUN: network namespaces need root";
    home_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
  }
  void TearDown() override {
    if (home_ < 0) return;
    if (socket_ >= 0) close(socket_);
    port_.reset();
    EXPECT_EQ(pool_->in_use(), 0U);
    EXPECT_EQ(setns(home_, CLONE_NEWNET), 0);
    close(home_);
  }

  // `interface` is the kernel's end: 10.77.0.9, and 10.77.0.1 (ours) is at the port's address.
  void Connect(const std::string& name, const std::string& interface, std::uint16_t mtu = 1500) {
    port_ = MakePort(name);
    const absl::Status status = port_->Initialize({.mtu = mtu, .pools = {pool_.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
    const std::string commands =
        "ip addr add 10.77.0.9/24 dev " + interface + " && ip link set " + interface +
        " address 52:54:00:00:00:01 up && ip neigh replace 10.77.0.1 lladdr " +
        port_->StationAddress().ToString() + " dev " + interface;
    ASSERT_EQ(std::system(commands.c_str()), 0) << commands;
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in own = Address("10.77.0.9", kKernelPort);
    ASSERT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
  }

  static sockaddr_in Address(const char* host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
  }

  // The kernel hands our datagram to its socket: it agrees with both checksums.
  void ExpectTheKernelTakesOurDatagram(std::size_t size_of_text = 1000) {
    const Buffer text = Text(size_of_text);
    Buffer got(size_of_text * 2);
    // An interface that just came up may lose the first.
    for (int attempt = 0; attempt < 200; ++attempt) {
      Frame frame = pool_->Allocate();
      ASSERT_TRUE(frame.AppendCopy(Headers({.source_port = 69, .protocol = 17}, text.size())));
      ASSERT_TRUE(frame.AppendCopy(text));
      frame.SetHeaders({.transport = 8});
      frame.RequestIpChecksum();
      RequestTransportChecksum(frame);
      ASSERT_EQ(port_->Transmit(0, std::span(&frame, 1)), 1U);
      pollfd readable{.fd = socket_, .events = POLLIN};
      if (poll(&readable, 1, 300) != 1) continue;
      const ssize_t size = recv(socket_, got.data(), got.size(), 0);
      ASSERT_GT(size, 0);
      got.resize(static_cast<std::size_t>(size));
      EXPECT_EQ(got, text);
      return;
    }
    FAIL() << "the kernel received nothing";
  }

  void ExpectWeTakeTheKernelsDatagram(std::size_t size_of_text = 999) {
    const Buffer text = Text(size_of_text);
    const sockaddr_in to = Address("10.77.0.1", 69);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      ASSERT_EQ(sendto(socket_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof(to)),
                static_cast<ssize_t>(text.size()));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      Frame burst[32];
      const std::size_t count = port_->Receive(0, burst);
      for (std::size_t i = 0; i < count; ++i) {
        const Buffer bytes = Contents(burst[i]);
        if (bytes.size() != 42 + text.size() || bytes[23] != 17) continue;  // the kernel's own talk
        EXPECT_EQ(Buffer(bytes.begin() + 42, bytes.end()), text);
        EXPECT_TRUE(IpChecksumIsRight(bytes));
        EXPECT_TRUE(burst[i].transport_checksum() == ChecksumState::kKnownGood ||
                    TransportChecksumIsRight(bytes))
            << "neither right nor known to be left blank";
        return;
      }
    }
    FAIL() << "nothing arrived from the kernel";
  }

  static bool MakeVeth(std::uint16_t mtu) {
    const std::string commands =
        "ip link del slipway0 2>/dev/null; ip link add slipway0 type veth peer name slipway1 && "
        "ip link set slipway0 up mtu " +
        std::to_string(mtu);
    return std::system(commands.c_str()) == 0;
  }

  // What a port says that comes up without CAP_NET_ADMIN; nothing where it does.
  static std::string InitializedWithoutAdmin(const std::string& name, std::uint16_t mtu) {
    const auto pool = NewPool({.packets = 1024, .packet_bytes = 12288, .large = 8, .handles = 64});
    const WithoutCapability no_admin(CAP_NET_ADMIN);
    const auto port = MakePort(name);
    return std::string(port->Initialize({.mtu = mtu, .pools = {pool.get()}}).message());
  }

  int home_ = -1;
  int socket_ = -1;
  std::unique_ptr<PacketPool> pool_ = NewPool({.packets = 8192, .large = 8, .handles = 64});
  std::unique_ptr<Undi> port_;
};

TEST_F(KernelTest, ATapTalksWithTheKernelBothWays) {
  Connect("net_tap0,iface=slipway0", "slipway0");
  if (HasFatalFailure()) return;
  ExpectTheKernelTakesOurDatagram();
  ExpectWeTakeTheKernelsDatagram();
}

TEST_F(KernelTest, AVethThroughAfPacketTalksWithTheKernelBothWays) {
  ASSERT_EQ(std::system("ip link add slipway0 type veth peer name slipway1 && "
                        "ip link set slipway0 up"),
            0);
  Connect("net_af_packet0,iface=slipway0", "slipway1");
  if (HasFatalFailure()) return;
  ExpectTheKernelTakesOurDatagram();
  ExpectWeTakeTheKernelsDatagram();
}

// Its driver claims that no frame is longer than 1,518 bytes: the slots of its rings say otherwise.
TEST_F(KernelTest, JumboFramesCrossAVethThroughAfPacketBothWays) {
  ASSERT_EQ(std::system("ip link add slipway0 type veth peer name slipway1 && "
                        "ip link set slipway0 up && ip link set slipway1 mtu 9000"),
            0);
  pool_ = NewPool({.packets = 1024, .packet_bytes = 12288, .large = 8, .handles = 64});
  Connect("net_af_packet0,iface=slipway0", "slipway1", 9000);
  if (HasFatalFailure()) return;
  EXPECT_EQ(port_->Capabilities().mtu, 9000);
  ExpectTheKernelTakesOurDatagram(8972);
  ExpectWeTakeTheKernelsDatagram(8972);
}

TEST_F(KernelTest, AVethThroughAPacketSocketTalksWithTheKernelBothWays) {
  ASSERT_EQ(std::system("ip link add slipway0 type veth peer name slipway1 && "
                        "ip link set slipway0 up"),
            0);
  Connect("packet:slipway0", "slipway1");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(port_->Capabilities().hardware.tcp_segmentation);
  ExpectTheKernelTakesOurDatagram();
  ExpectWeTakeTheKernelsDatagram();
}

TEST_F(KernelTest, JumboFramesCrossAVethThroughAPacketSocketBothWays) {
  ASSERT_EQ(std::system("ip link add slipway0 type veth peer name slipway1 && "
                        "ip link set slipway0 up && ip link set slipway1 mtu 9000"),
            0);
  pool_ = NewPool({.packets = 1024, .packet_bytes = 9216, .large = 8, .handles = 64});
  Connect("packet:slipway0", "slipway1", 9000);
  if (HasFatalFailure()) return;
  ExpectTheKernelTakesOurDatagram(8972);
  ExpectWeTakeTheKernelsDatagram(8972);
}

// What config/slipwayd.service.in says each of them needs.
TEST_F(KernelTest, APacketSocketTakesCapNetAdminOnlyToSetAnotherMtu) {
  for (const std::uint16_t mtu : {std::uint16_t{1500}, std::uint16_t{4000}}) {
    ASSERT_TRUE(MakeVeth(mtu));
    EXPECT_EQ(InitializedWithoutAdmin("packet:slipway0", mtu), "");
    EXPECT_THAT(InitializedWithoutAdmin("packet:slipway0", 1400),
                AllOf(HasSubstr("cannot set the MTU"), HasSubstr("CAP_NET_ADMIN")));
  }
}

// DPDK's driver of it takes the promiscuous mode back at its start, though nobody set it.
TEST_F(KernelTest, AfPacketTakesCapNetAdminAndSaysSo) {
  for (const std::uint16_t mtu : {std::uint16_t{1500}, std::uint16_t{4000}}) {
    ASSERT_TRUE(MakeVeth(mtu));
    for (const std::uint16_t wanted : {mtu, std::uint16_t{1400}}) {
      EXPECT_THAT(InitializedWithoutAdmin("net_af_packet0,iface=slipway0", wanted),
                  HasSubstr("it takes CAP_NET_ADMIN"))
          << mtu << ' ' << wanted;
    }
  }
}

TEST_F(KernelTest, AVethThroughAfXdpTalksWithTheKernelBothWays) {
  ASSERT_EQ(std::system("ip link add slipway0 type veth peer name slipway1 && "
                        "ip link set slipway0 up"),
            0);
  Connect("net_af_xdp0,iface=slipway0", "slipway1");
  if (HasFatalFailure()) return;
  EXPECT_EQ(port_->Capabilities().segments_max, 1);
  ExpectTheKernelTakesOurDatagram();
  ExpectWeTakeTheKernelsDatagram();
}

}  // namespace
}  // namespace slipway::dataplane
