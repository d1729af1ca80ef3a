// SPDX-License-Identifier: Apache-2.0
//
// RingWire: a wire inside the process, between two threads: one rte_ring of frames each way, and
// nothing is copied. It is what a NIC that reads by DMA comes near to: checksums and (when asked
// for) TCP segmentation count as done by hardware, and the far side frees the frames.
//
// One queue. Each end is used by one thread. Left out: a link that goes down.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "dataplane/frame_ring.h"
#include "dataplane/offload.h"
#include "dataplane/undi.h"

namespace slipway::bench {

struct RingWireOptions {
  unsigned frames = 512;          // each way; small enough that what flies stays in cache
  bool tcp_segmentation = false;  // frames of up to 65,535 bytes leave whole
  std::uint16_t mtu_max = 9216;
};

class RingWire final : public dataplane::Undi {
 public:
  using Pair = std::pair<std::unique_ptr<RingWire>, std::unique_ptr<RingWire>>;
  // Two ends of one wire. `name` is unique in the process, at most 20 characters.
  static absl::StatusOr<Pair> Create(const std::string& name, const RingWireOptions& options);
  ~RingWire() override { Shutdown(); }

  absl::Status Initialize(const dataplane::InitializeRequest& request) override;
  void Shutdown() override;
  MacAddress StationAddress() const override { return station_; }
  absl::Status SetStationAddress(const MacAddress& address) override;
  absl::Status ReceiveFilters(const dataplane::ReceiveFilterSettings&) override { return {}; }
  std::size_t Transmit(std::uint16_t queue, std::span<dataplane::Frame> frames) override;
  std::size_t Receive(std::uint16_t queue, std::span<dataplane::Frame> frames) override;
  dataplane::PortStatus GetStatus() override;
  dataplane::PortStatistics Statistics() const override;
  dataplane::QueueBytes BytesOf(std::uint16_t queue) const override;
  const struct dataplane::Capabilities& Capabilities() const override { return capabilities_; }

 private:
  using Ring = std::shared_ptr<dataplane::FrameRing>;
  RingWire(Ring out, Ring in, MacAddress station, const RingWireOptions& options)
      : out_(std::move(out)), in_(std::move(in)), station_(station), options_(options) {}
  void Flush();

  Ring out_;
  Ring in_;
  MacAddress station_;
  RingWireOptions options_;
  struct dataplane::Capabilities capabilities_;
  std::unique_ptr<dataplane::TransmitSide> transmit_;
  std::unique_ptr<dataplane::ReceiveSide> receive_;
};

}  // namespace slipway::bench
