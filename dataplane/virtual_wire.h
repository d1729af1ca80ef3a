// SPDX-License-Identifier: Apache-2.0
//
// VirtualWire: one station's end of a wire that a simulator carries. The station sees an Undi; the
// simulator takes what was sent and delivers what should arrive, when its virtual clock says so.
// Loss, delay and order are the simulator's; this end only bounds how much waits (its rings).
//
// What its "hardware" does is programmable, so that the same frames go the way of a NIC and the
// way of software. A VirtualWire with checksum hardware leaves the checksums to whoever takes the
// frame, as a virtio device does. Single-threaded, one queue.
#pragma once

#include <deque>
#include <memory>
#include <span>

#include "dataplane/offload.h"
#include "dataplane/undi.h"

namespace slipway::dataplane {

struct VirtualWireOptions {
  MacAddress station{{0x02, 0, 0, 0, 0, 1}};
  Offloads hardware = Offloads::None();
  std::uint16_t segments_max = 1;
  std::uint16_t tcp_segmentation_segments_max = 1;
  std::size_t tcp_segmentation_bytes_max = 0;
  std::uint16_t mtu_max = 9000;
  std::size_t ring_frames = 64;  // each direction
  bool marks_blank_checksums = true;
};

class VirtualWire final : public Undi {
 public:
  explicit VirtualWire(const VirtualWireOptions& options) : options_(options) {}
  ~VirtualWire() override { Shutdown(); }

  // --- The simulator's side ---
  // A frame arrives, in one piece or more. False: no room, no buffer, or the port is down: lost.
  bool Deliver(Bytes frame) { return DeliverPieces(std::span(&frame, 1)); }
  bool DeliverPieces(std::span<const Bytes> pieces);
  // The same for a frame with the marks of a device on it (flags of rte_mbuf).
  bool DeliverFrame(Frame frame);
  // The oldest frame sent; empty when there is none. Its requests are what is left to hardware.
  Frame Take();
  void SetLink(bool up);

  // --- The station's side ---
  absl::Status Initialize(const InitializeRequest& request) override;
  void Shutdown() override;
  MacAddress StationAddress() const override { return options_.station; }
  absl::Status SetStationAddress(const MacAddress& address) override;
  absl::Status ReceiveFilters(const ReceiveFilterSettings& settings) override;
  std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) override;
  std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) override;
  PortStatus GetStatus() override { return status_; }
  PortStatistics Statistics() const override;
  QueueBytes BytesOf(std::uint16_t queue) const override;
  const struct Capabilities& Capabilities() const override { return capabilities_; }

 private:
  bool Wanted(Bytes frame) const;
  void Flush();

  VirtualWireOptions options_;
  ReceiveFilterSettings filters_;
  struct Capabilities capabilities_;
  PortStatus status_;
  PacketPool* pool_ = nullptr;
  std::unique_ptr<TransmitSide> transmit_;
  std::unique_ptr<ReceiveSide> receive_;
  std::deque<Frame> arriving_;
  std::deque<Frame> sent_;
  std::uint64_t missed_ = 0;
};

}  // namespace slipway::dataplane
