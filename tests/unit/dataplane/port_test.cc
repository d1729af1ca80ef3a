// SPDX-License-Identifier: Apache-2.0
//
// DpdkPort over the drivers that need nothing outside the process: rings, capture files, and a
// vhost server with a virtio client beside it.
#include "dataplane/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

using testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// For what hangs: it measures nothing, and a busy machine may be many times slower than another.
constexpr std::chrono::seconds kPatience(60);

struct Arrived {
  Buffer bytes;
  bool known_good = false;
};

// Receives until `wanted` frames came, or nothing more will.
std::vector<Arrived> ReceiveAll(Undi& port, std::size_t wanted) {
  std::vector<Arrived> received;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (received.size() < wanted && std::chrono::steady_clock::now() < deadline) {
    Frame burst[32];
    const std::size_t count = port.Receive(0, burst);
    for (std::size_t i = 0; i < count; ++i) {
      received.push_back(
          {Contents(burst[i]), burst[i].transport_checksum() == ChecksumState::kKnownGood});
    }
  }
  return received;
}

Frame SegmentationFrame(PacketPool& pool, std::size_t text) {
  Frame frame = pool.Allocate();
  EXPECT_TRUE(frame.AppendCopy(Headers({}, text)));
  EXPECT_TRUE(frame.AppendCopy(Text(text)));
  frame.SetHeaders({});
  frame.RequestSegmentation(1460);
  return frame;
}

// Every checksum is right, or was left blank and is said to be good.
void ExpectSegments(const std::vector<Arrived>& frames, std::size_t text_size) {
  Buffer text;
  for (const auto& [frame, known_good] : frames) {
    EXPECT_TRUE(IpChecksumIsRight(frame));
    EXPECT_TRUE(known_good || TransportChecksumIsRight(frame));
    EXPECT_EQ(U32At(frame, 38), 1000 + text.size());
    text.insert(text.end(), frame.begin() + kTcpHeaders, frame.end());
  }
  EXPECT_EQ(text, Text(text_size));
}

TEST(Port, ARingGivesBackWhatWasSentAndShutdownReturnsEveryBuffer) {
  const auto pool = NewPool({.packets = 4096, .large = 8, .handles = 64});
  DpdkPort port("net_ring0");
  for (int round = 0; round < 2; ++round) {
    const absl::Status status = port.Initialize({.pools = {pool.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(port.StationAddress().is_station());
    EXPECT_TRUE(port.GetStatus().link_up);
    Frame frame = SegmentationFrame(*pool, 30'000);
    ASSERT_EQ(port.Transmit(0, std::span(&frame, 1)), 1U);
    ExpectSegments(ReceiveAll(port, 21), 30'000);
    const PortStatistics statistics = port.Statistics();
    EXPECT_EQ(statistics.frames_transmitted, 21U);
    EXPECT_EQ(statistics.frames_received, 21U);
    EXPECT_EQ(statistics.bytes_received, 30'000 + 21 * kTcpHeaders);
    frame = SegmentationFrame(*pool, 5000);
    ASSERT_EQ(port.Transmit(0, std::span(&frame, 1)), 1U);
    port.Shutdown();  // with frames still in the ring
    EXPECT_EQ(pool->in_use(), 0U);
  }
}

TEST(Port, ACaptureFileIsReadAndWritten) {
  const std::string out = testing::TempDir() + "slipway_out.pcap";
  const std::string copy = testing::TempDir() + "slipway_copy.pcap";
  const auto pool = NewPool({.packets = 4096, .large = 8, .handles = 64});
  {
    std::ofstream(copy, std::ios::binary) << "";
    DpdkPort writer("net_pcap0,tx_pcap=" + out);
    const absl::Status status = writer.Initialize({.pools = {pool.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
    Frame frame = SegmentationFrame(*pool, 4000);
    ASSERT_EQ(writer.Transmit(0, std::span(&frame, 1)), 1U);
  }
  DpdkPort reader("net_pcap1,rx_pcap=" + out);
  const absl::Status status = reader.Initialize({.pools = {pool.get()}});
  ASSERT_TRUE(status.ok()) << status.message();
  const auto received = ReceiveAll(reader, 3);
  ASSERT_EQ(received.size(), 3U);
  ExpectSegments(received, 4000);
  reader.Shutdown();
  EXPECT_EQ(pool->in_use(), 0U);
  std::filesystem::remove(out);
  std::filesystem::remove(copy);
}

class VhostTest : public ::testing::Test {
 protected:
  const std::string socket_ = testing::TempDir() + "slipway_vhost_" + std::to_string(getpid());
  std::unique_ptr<PacketPool> server_pool_ = NewPool({.packets = 4096, .large = 8, .handles = 64});
  std::unique_ptr<PacketPool> client_pool_ = NewPool({.packets = 4096, .large = 8, .handles = 64});

  static bool WaitForLink(Undi& port, bool up) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (port.GetStatus().link_up != up) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
};

TEST_F(VhostTest, AGuestComesSendsReceivesGoesAndComesAgain) {
  DpdkPort server("net_vhost0,iface=" + socket_);
  const absl::Status up = server.Initialize({.pools = {server_pool_.get()}});
  ASSERT_TRUE(up.ok()) << up.message();
  EXPECT_FALSE(server.GetStatus().link_up);
  Frame early = SegmentationFrame(*server_pool_, 100);
  EXPECT_EQ(server.Transmit(0, std::span(&early, 1)), 1U) << "nobody is there: dropped, not kept";
  EXPECT_EQ(server.Statistics().dropped_link_down, 1U);
  for (int boot = 0; boot < 3; ++boot) {
    DpdkPort guest("net_virtio_user0,path=" + socket_);
    const absl::Status joined = guest.Initialize({.pools = {client_pool_.get()}});
    ASSERT_TRUE(joined.ok()) << joined.message();
    ASSERT_TRUE(WaitForLink(server, true));
    Frame frame = SegmentationFrame(*server_pool_, 20'000);
    ASSERT_EQ(server.Transmit(0, std::span(&frame, 1)), 1U);
    ExpectSegments(ReceiveAll(guest, 14), 20'000);
    Frame back = SegmentationFrame(*client_pool_, 3000);
    ASSERT_EQ(guest.Transmit(0, std::span(&back, 1)), 1U);
    ExpectSegments(ReceiveAll(server, 3), 3000);
    guest.Shutdown();
    EXPECT_EQ(client_pool_->in_use(), 0U);
    ASSERT_TRUE(WaitForLink(server, false));
    EXPECT_TRUE(std::filesystem::exists(socket_)) << "the server's socket stays";
  }
  // A guest's driver resets its device once or more while it comes up.
  EXPECT_GE(server.GetStatus().link_changes, 6U);
  server.Shutdown();
  EXPECT_EQ(server_pool_->in_use(), 0U);
}

TEST_F(VhostTest, TheSocketOfAKilledProcessIsTakenOver) {
  {
    sockaddr_un address{.sun_family = AF_UNIX};
    socket_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    close(stale);
  }
  ASSERT_TRUE(std::filesystem::exists(socket_));
  DpdkPort server("net_vhost1,iface=" + socket_);
  const absl::Status up = server.Initialize({.pools = {server_pool_.get()}});
  EXPECT_TRUE(up.ok()) << up.message();
}

TEST(Port, TwoMemifsTalkThroughSharedMemory) {
  const auto pool = NewPool({.packets = 4096, .large = 8, .handles = 64});
  const std::string socket = ",socket-abstract=no,socket=" + testing::TempDir() + "slipway_memif_" +
                             std::to_string(getpid());
  DpdkPort server("net_memif0,role=server" + socket);
  DpdkPort client("net_memif1,role=client" + socket);
  for (DpdkPort* port : {&server, &client}) {
    const absl::Status status = port->Initialize({.pools = {pool.get()}});
    ASSERT_TRUE(status.ok()) << status.message();
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!(server.GetStatus().link_up && client.GetStatus().link_up)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (const auto& [from, to] : {std::pair{&server, &client}, std::pair{&client, &server}}) {
    Frame none;
    EXPECT_EQ(to->Receive(0, std::span(&none, 1)), 0U);  // a client lends its slots by polling
    Frame frame = SegmentationFrame(*pool, 20'000);
    ASSERT_EQ(from->Transmit(0, std::span(&frame, 1)), 1U);
    SCOPED_TRACE(from->name());
    ExpectSegments(ReceiveAll(*to, 14), 20'000);
  }
  client.Shutdown();
  server.Shutdown();
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(Port, ErrorsNameThePortTheStepAndTheRemedy) {
  const auto pool = NewPool();
  const auto failure = [&](const std::string& name, std::uint16_t mtu = 1500) {
    DpdkPort port(name);
    return Message(port.Initialize({.mtu = mtu, .pools = {pool.get()}}));
  };
  EXPECT_THAT(failure("eth0"), HasSubstr("neither a PCI address like 0000:03:00.0 nor"));
  EXPECT_THAT(failure("net_vhost0"), HasSubstr("net_vhost0,iface="));
  EXPECT_THAT(failure("net_vhost0,iface=/" + std::string(200, 'x')),
              HasSubstr("has 201 characters"));
  EXPECT_THAT(failure("net_none7"), HasSubstr("port net_none7: cannot create the device"));
  EXPECT_THAT(failure("0000:63:00.0"), HasSubstr("vfio-pci"));
  EXPECT_THAT(failure("net_ring3", 20), HasSubstr("MTU 20 is not within 68"));
  EXPECT_THAT(failure("net_pcap3,rx_pcap=/nonexistent.pcap"), HasSubstr("net_pcap3"));
  DpdkPort port("net_ring4");
  EXPECT_THAT(Message(port.Initialize({.queues = 2, .pools = {pool.get()}})),
              HasSubstr("2 queues need as many packet pools, not 1"));
  ASSERT_TRUE(port.Initialize({.pools = {pool.get()}}).ok()) << "a failure leaves nothing behind";
  EXPECT_THAT(failure("net_ring4"), HasSubstr("exists already"));
}

TEST(Port, AsksForNoMoreQueuesThanTheDriverHas) {
  const auto pool = NewPool({.packets = 4096, .large = 1, .handles = 1});
  DpdkPort port("net_ring5");
  ASSERT_TRUE(port.Initialize({.queues = 2, .pools = {pool.get(), pool.get()}}).ok());
  EXPECT_LE(port.Capabilities().queues, 2);
  EXPECT_EQ(port.Capabilities().hardware.rss, false);
  EXPECT_EQ(port.Capabilities().software.rss, true);
}

TEST(PortName, FillsInWhatVhostNeedsAndKeepsWhatTheOperatorSaid) {
  const auto plain = ParsePortName("net_vhost0,iface=/run/s", {.queues = 2});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->devargs, "net_vhost0,iface=/run/s,client=0,queues=2,legacy-ol-flags=0,tso=0");
  EXPECT_EQ(plain->server_socket, "/run/s");
  const auto chosen =
      ParsePortName("net_vhost0,iface=/run/s,client=1,queues=4,tso=1", {.queues = 2});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->devargs, "net_vhost0,iface=/run/s,client=1,queues=4,tso=1,legacy-ol-flags=0");
  EXPECT_EQ(chosen->server_socket, "");
  const auto pci = ParsePortName("0000:03:00.0,rx_vec=0");
  ASSERT_TRUE(pci.ok());
  EXPECT_TRUE(pci->is_pci());
  EXPECT_EQ(pci->device, "0000:03:00.0");
}

TEST(PortName, KnowsAPacketSocketByItsInterface) {
  const auto name = ParsePortName("packet:eth1");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->interface, "eth1");
  EXPECT_FALSE(name->is_pci());
  EXPECT_EQ(name->packet_bytes, 0);
  EXPECT_TRUE(ParsePortName("packet:enp0s31f6.100ab").ok());
  for (const char* bad : {"packet:", "packet:eth1,iface=x", "packet:a:b", "packet:a/b",
                          "packet:a b", "packet:sixteen-letters-"}) {
    EXPECT_THAT(std::string(ParsePortName(bad).status().message()),
                testing::HasSubstr("names no interface; write packet:eth1"))
        << bad;
  }
}

TEST(PortName, MakesAfPacketsSlotsAsLargeAsTheMtuAsks) {
  const auto plain = ParsePortName("net_af_packet0,iface=eth0");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->devargs, "net_af_packet0,iface=eth0");
  EXPECT_EQ(plain->interface, "eth0");
  EXPECT_EQ(plain->packet_bytes, 2048);
  const auto jumbo = ParsePortName("net_af_packet0,iface=eth0", {.mtu = 9000});
  ASSERT_TRUE(jumbo.ok());
  EXPECT_EQ(jumbo->devargs, "net_af_packet0,iface=eth0,framesz=12288,blocksz=12288");
  EXPECT_EQ(jumbo->packet_bytes, 12288);
  const auto written = ParsePortName("net_af_packet0,iface=e,framesz=16384,blocksz=65536",
                                     {.queues = 2, .mtu = 9000});
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->devargs, "net_af_packet0,iface=e,framesz=16384,blocksz=65536,qpairs=2");
  EXPECT_EQ(written->packet_bytes, 16384);
  const auto small = ParsePortName("net_af_packet0,iface=e,framesz=4096", {.mtu = 9000});
  EXPECT_THAT(std::string(small.status().message()),
              testing::HasSubstr("framesz=4096 does not hold a frame of MTU 9000"));
  EXPECT_FALSE(ParsePortName("net_af_packet0,iface=e,framesz=many").ok());
}

}  // namespace
}  // namespace slipway::dataplane
