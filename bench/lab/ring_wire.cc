// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/ring_wire.h"

#include "dataplane/packet_pool.h"
#include "protocols/base/check.h"

namespace slipway::bench {

using dataplane::Frame;
using dataplane::FrameRing;

namespace {
constexpr std::size_t kBurst = 32;
}  // namespace

absl::StatusOr<RingWire::Pair> RingWire::Create(const std::string& name,
                                                const RingWireOptions& options) {
  auto there = FrameRing::Create(name + ">", options.frames);
  if (!there.ok()) return there.status();
  auto back = FrameRing::Create(name + "<", options.frames);
  if (!back.ok()) return back.status();
  const Ring a = *std::move(there);
  const Ring b = *std::move(back);
  return Pair{std::unique_ptr<RingWire>(
                  new RingWire(a, b, MacAddress{{0x02, 0x53, 0x4c, 0, 0, 1}}, options)),
              std::unique_ptr<RingWire>(
                  new RingWire(b, a, MacAddress{{0x02, 0x53, 0x4c, 0, 0, 2}}, options))};
}

absl::Status RingWire::Initialize(const dataplane::InitializeRequest& request) {
  if (request.pools.empty() || request.mtu > options_.mtu_max) {
    return absl::InvalidArgumentError("ring wire: needs a pool, and an MTU of at most 9216");
  }
  dataplane::Offloads hardware;
  hardware.ip_checksum_transmit = hardware.transport_checksum_transmit = true;
  hardware.ip_checksum_receive = hardware.transport_checksum_receive = true;
  hardware.tcp_segmentation = options_.tcp_segmentation;
  hardware = dataplane::IntersectOffloads(hardware, request.offloads);
  constexpr std::uint16_t kSegmentsMax = 64;
  capabilities_ = {.queues = 1,
                   .mtu = request.mtu,
                   .segments_max = kSegmentsMax,
                   .tcp_segmentation_segments_max = kSegmentsMax,
                   .tcp_segmentation_bytes_max = dataplane::kFrameBytesMax,
                   .hardware = hardware,
                   .software = SoftwareOffloads(hardware, request.offloads)};
  const dataplane::PortLimits limits{.hardware = hardware,
                                     .mtu = request.mtu,
                                     .segments_max = kSegmentsMax,
                                     .tcp_segmentation_segments_max = kSegmentsMax,
                                     .tcp_segmentation_bytes_max = dataplane::kFrameBytesMax,
                                     .strip_vlan = false,
                                     .marks_blank_checksums = true};
  transmit_ = std::make_unique<dataplane::TransmitSide>(limits);
  receive_ = std::make_unique<dataplane::ReceiveSide>(limits, *request.pools[0]);
  return absl::OkStatus();
}

void RingWire::Shutdown() {
  transmit_.reset();
  receive_.reset();
  std::array<Frame, 32> frames;
  while (in_->Pop(frames) > 0) {
    for (Frame& frame : frames) frame.Free();
  }
}

absl::Status RingWire::SetStationAddress(const MacAddress& address) {
  station_ = address;
  return absl::OkStatus();
}

void RingWire::Flush() {
  while (!transmit_->ready().empty()) {
    std::array<Frame, kBurst> frames;
    const std::span<rte_mbuf*> ready = transmit_->ready();
    const std::size_t count = std::min(ready.size(), kBurst);
    std::array<std::uint32_t, kBurst> sizes;
    for (std::size_t i = 0; i < count; ++i) {
      sizes[i] = ready[i]->pkt_len;
      frames[i] = Frame(ready[i]);
    }
    const std::size_t sent = out_->Push(std::span(frames).first(count));
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < sent; ++i) bytes += sizes[i];
    for (std::size_t i = sent; i < count; ++i) static_cast<void>(frames[i].Release());
    transmit_->Sent(sent, bytes);
    if (sent < count) return;
  }
}

std::size_t RingWire::Transmit(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && transmit_ != nullptr);
  std::size_t taken = 0;
  if (!transmit_->ready().empty()) Flush();
  while (taken < frames.size() && transmit_->ready().empty()) {
    while (taken < frames.size() && transmit_->HasRoom()) {
      transmit_->Prepare(std::move(frames[taken++]));
    }
    Flush();
  }
  return taken;
}

std::size_t RingWire::Receive(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && receive_ != nullptr);
  if (!transmit_->ready().empty()) Flush();
  const std::size_t popped = in_->Pop(frames);
  std::size_t received = 0;
  for (std::size_t i = 0; i < popped; ++i) {
    Frame frame = std::move(frames[i]);
    if (receive_->Accept(frame)) frames[received++] = std::move(frame);
  }
  return received;
}

dataplane::PortStatus RingWire::GetStatus() {
  return {.link_up = transmit_ != nullptr, .speed_mbps = 0, .link_changes = 0};
}

dataplane::PortStatistics RingWire::Statistics() const {
  dataplane::PortStatistics statistics;
  if (transmit_ != nullptr) transmit_->AddTo(statistics);
  if (receive_ != nullptr) receive_->AddTo(statistics);
  return statistics;
}

dataplane::QueueBytes RingWire::BytesOf(std::uint16_t queue) const {
  if (queue != 0 || transmit_ == nullptr) return {};
  return {.received = receive_->bytes(), .transmitted = transmit_->bytes()};
}

}  // namespace slipway::bench
