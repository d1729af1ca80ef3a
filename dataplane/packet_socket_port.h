// SPDX-License-Identifier: Apache-2.0
//
// PacketSocketPort: Undi over any Ethernet interface of Linux's kernel, by a packet socket with
// virtio's headers: "packet:eth1".
//
// Why beside net_af_packet and net_af_xdp: those send each frame of 1,500 bytes by itself. Here a
// run of TCP segments of up to 64 KiB leaves in one piece, and the kernel cuts it as late as it
// can, or the NIC does, or on a veth nobody: more than twice the bytes a CPU-second then
// (docs/performance.md, row 5). Where the kernel has to cut it, it costs as much as theirs.
//
// Receives by a ring in shared memory, sends by sendmmsg. What is sent waits in the socket's send
// buffer; when that is full, in TransmitSide, and nothing is lost.
//
// The interface stays the kernel's: it must be up and have no address of ours, which the kernel
// would answer for as well. Its MTU is set to the port's. An interface that is removed takes the
// port's link with it for good.
//
// One queue: with more workers than one, the others go through the first (link.h). Left out:
// PACKET_FANOUT, and interrupts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "dataplane/offload.h"
#include "dataplane/packet_socket.h"
#include "dataplane/packet_socket_burst.h"
#include "dataplane/packet_socket_ring.h"
#include "dataplane/undi.h"

namespace slipway::dataplane {

class PacketSocketPort final : public Undi {
 public:
  // Nothing is touched before Initialize.
  explicit PacketSocketPort(std::string name) : text_(std::move(name)) {}
  ~PacketSocketPort() override { Shutdown(); }
  PacketSocketPort(const PacketSocketPort&) = delete;
  PacketSocketPort& operator=(const PacketSocketPort&) = delete;

  absl::Status Initialize(const InitializeRequest& request) override;
  void Shutdown() override;
  MacAddress StationAddress() const override { return station_; }
  absl::Status SetStationAddress(const MacAddress& address) override;
  absl::Status ReceiveFilters(const ReceiveFilterSettings& settings) override;
  std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) override;
  std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) override;
  PortStatus GetStatus() override;
  PortStatistics Statistics() const override;
  QueueBytes BytesOf(std::uint16_t queue) const override;
  const struct Capabilities& Capabilities() const override { return capabilities_; }

 private:
  struct Queue {
    Queue(const PortLimits& limits, PacketPool& memory)
        : transmit(limits), receive(limits, memory), pool(memory) {}
    TransmitSide transmit;
    ReceiveSide receive;
    PacketPool& pool;
    PacketSocketBurst burst;
    unsigned refusals = 0;  // of the first frame that waits, one after the other
    Counter too_long, damaged, no_buffer;
  };

  absl::Status Open(const std::string& interface, const InitializeRequest& request);
  void SetUpQueue(const InitializeRequest& request);
  absl::Status Failed(const char* step, int error) const;
  absl::Status NotUp() const;
  void Flush();
  bool GoesOnAfter(int error);
  Frame Take(const PacketSocketRing::Arrived& arrived);

  std::string text_;
  PacketSocket socket_;
  PacketSocketRing ring_;
  MacAddress own_;      // the interface's
  MacAddress station_;  // ours: another one is received by promiscuous mode
  bool strips_ = true;  // a tag goes beside the frame
  struct Capabilities capabilities_;
  ReceiveFilterSettings filters_;
  std::unique_ptr<Queue> queue_;  // there while the port is up
  PortStatus status_;
  mutable std::atomic<std::uint64_t> missed_{0};  // the kernel forgets them when asked
};

}  // namespace slipway::dataplane
