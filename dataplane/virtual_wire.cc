// SPDX-License-Identifier: Apache-2.0
#include "dataplane/virtual_wire.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "dataplane/packet_pool.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {

absl::Status VirtualWire::Initialize(const InitializeRequest& request) {
  if (pool_ != nullptr) return absl::FailedPreconditionError("virtual wire: initialized already");
  if (request.queues == 0 || request.pools.empty() || request.pools[0] == nullptr) {
    return absl::InvalidArgumentError("virtual wire: a queue needs a packet pool");
  }
  if (request.mtu < 68 || request.mtu > options_.mtu_max) {
    return absl::InvalidArgumentError(absl::StrFormat("virtual wire: MTU %d is not within 68 to %d",
                                                      request.mtu, options_.mtu_max));
  }
  capabilities_ = {.queues = 1,
                   .mtu = request.mtu,
                   .segments_max = options_.segments_max,
                   .tcp_segmentation_segments_max = options_.tcp_segmentation_segments_max,
                   .tcp_segmentation_bytes_max = kFrameBytesMax,
                   .hardware = IntersectOffloads(options_.hardware, request.offloads),
                   .software = {}};
  capabilities_.software = SoftwareOffloads(capabilities_.hardware, request.offloads);
  const PortLimits limits{.hardware = capabilities_.hardware,
                          .mtu = request.mtu,
                          .segments_max = options_.segments_max,
                          .tcp_segmentation_segments_max = options_.tcp_segmentation_segments_max,
                          .tcp_segmentation_bytes_max = options_.tcp_segmentation_bytes_max,
                          .strip_vlan = request.offloads.vlan_strip,
                          .marks_blank_checksums = options_.marks_blank_checksums};
  pool_ = request.pools[0];
  transmit_ = std::make_unique<TransmitSide>(limits);
  receive_ = std::make_unique<ReceiveSide>(limits, *pool_);
  status_ = {.link_up = true, .speed_mbps = 0, .link_changes = 0};
  return absl::OkStatus();
}

void VirtualWire::Shutdown() {
  arriving_.clear();
  sent_.clear();
  transmit_.reset();
  receive_.reset();
  pool_ = nullptr;
  status_.link_up = false;
}

absl::Status VirtualWire::SetStationAddress(const MacAddress& address) {
  if (!address.is_station()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("virtual wire: %s is not a station's address", address.ToString()));
  }
  options_.station = address;
  return absl::OkStatus();
}

absl::Status VirtualWire::ReceiveFilters(const ReceiveFilterSettings& settings) {
  filters_ = settings;
  return absl::OkStatus();
}

bool VirtualWire::Wanted(Bytes frame) const {
  if (filters_.promiscuous || frame.size() < 6) return true;
  const MacAddress to = MacAddress::From(frame.first(6));
  if (to.is_broadcast()) return filters_.broadcast;
  if (to.is_group()) {
    return filters_.promiscuous_multicast || std::ranges::count(filters_.multicast, to) != 0;
  }
  return filters_.unicast && to == options_.station;
}

bool VirtualWire::DeliverPieces(std::span<const Bytes> pieces) {
  if (pool_ == nullptr || pieces.empty()) return false;
  Frame frame = pool_->Allocate();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i == 0) {
      if (frame.empty() || !frame.AppendCopy(pieces[0])) return false;
      continue;
    }
    // A piece of its own, even where the one before has room: that is what is wanted here.
    Frame piece = pool_->Allocate();
    if (piece.empty() || !piece.AppendCopy(pieces[i])) return false;
    SLIPWAY_CHECK(rte_pktmbuf_chain(frame.buffers(), piece.Release()) == 0);
  }
  return DeliverFrame(std::move(frame));
}

bool VirtualWire::DeliverFrame(Frame frame) {
  if (pool_ == nullptr || !status_.link_up || arriving_.size() >= options_.ring_frames) {
    ++missed_;
    return false;
  }
  if (Wanted(frame.bytes())) arriving_.push_back(std::move(frame));
  return true;
}

Frame VirtualWire::Take() {
  if (sent_.empty()) return {};
  Frame frame = std::move(sent_.front());
  sent_.pop_front();
  return frame;
}

void VirtualWire::SetLink(bool up) {
  status_.link_changes += up != status_.link_up ? 1 : 0;
  status_.link_up = up;
}

void VirtualWire::Flush() {
  if (!status_.link_up) {
    transmit_->dropped_link_down.Add(transmit_->DropReady());
    return;
  }
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (rte_mbuf* const head : transmit_->ready()) {
    if (sent_.size() >= options_.ring_frames) break;
    bytes += head->pkt_len;
    ++count;
    sent_.emplace_back(head);
  }
  transmit_->Sent(count, bytes);
}

std::size_t VirtualWire::Transmit(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && transmit_ != nullptr);
  std::size_t taken = 0;
  Flush();
  while (taken < frames.size() && transmit_->ready().empty()) {
    transmit_->Prepare(std::move(frames[taken++]));
    Flush();
  }
  return taken;
}

std::size_t VirtualWire::Receive(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && receive_ != nullptr);
  Flush();
  std::size_t received = 0;
  while (received < frames.size() && !arriving_.empty()) {
    Frame frame = std::move(arriving_.front());
    arriving_.pop_front();
    if (receive_->Accept(frame)) frames[received++] = std::move(frame);
  }
  return received;
}

PortStatistics VirtualWire::Statistics() const {
  PortStatistics statistics;
  if (transmit_ != nullptr) transmit_->AddTo(statistics);
  if (receive_ != nullptr) receive_->AddTo(statistics);
  statistics.receive_missed = missed_;
  return statistics;
}

QueueBytes VirtualWire::BytesOf(std::uint16_t queue) const {
  if (queue != 0 || transmit_ == nullptr) return {};
  return {.received = receive_->bytes(), .transmitted = transmit_->bytes()};
}

}  // namespace slipway::dataplane
