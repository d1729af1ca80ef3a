// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_socket_port.h"

#include <linux/if_packet.h>
#include <rte_errno.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "dataplane/packet_pool.h"
#include "dataplane/port_name.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"
#include "protocols/wire/ethernet.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kAddressesBytes = 12;  // destination and source, which a tag follows
constexpr std::size_t kTagBytes = sizeof(ethernet::WireTag);
constexpr std::uint16_t kMtuMin = 68;  // RFC 791
constexpr std::uint16_t kMtuMax = kFrameBytesMax - ethernet::kHeaderSizeMax;

// A queue of the kernel's that is full says the same (ENOBUFS) as a filter that will never let a
// frame through: it is offered again so often, which is some milliseconds, and then dropped.
constexpr unsigned kRefusalsMax = 1000;

// What the operator can do about it.
const char* RemedyFor(int error) {
  struct Known {
    int error;
    const char* remedy;
  };
  static constexpr Known kKnown[] = {
      {ENODEV, "no such interface; `ip link` shows those of this network namespace"},
      {EPERM, "it takes CAP_NET_RAW, and CAP_NET_ADMIN to change the interface's MTU"},
      {EACCES, "it takes CAP_NET_RAW, and CAP_NET_ADMIN to change the interface's MTU"},
      {EAFNOSUPPORT, "a service's unit must allow it: RestrictAddressFamilies=AF_PACKET"},
      {ENETDOWN, "bring the interface up: ip link set INTERFACE up"},
      {EINVAL, "the interface allows no such value; `ip -d link` shows its limits"},
      {ENOMEM, "the kernel has no memory for its receive ring of some 35 MiB"},
      {ENOPROTOOPT, "the kernel must be Linux 4.20 or newer"},
  };
  const auto* const known = std::ranges::find(kKnown, error, &Known::error);
  return known == std::end(kKnown) ? "check the interface and the rights on it" : known->remedy;
}

}  // namespace

absl::Status PacketSocketPort::Failed(const char* step, int error) const {
  return absl::FailedPreconditionError(absl::StrFormat("port %s: cannot %s: %s; %s", text_, step,
                                                       rte_strerror(error), RemedyFor(error)));
}

absl::Status PacketSocketPort::NotUp() const {
  return absl::FailedPreconditionError(absl::StrFormat("port %s: is not up", text_));
}

absl::Status PacketSocketPort::Initialize(const InitializeRequest& request) {
  if (queue_ != nullptr) {
    return absl::FailedPreconditionError(absl::StrFormat("port %s: is up already", text_));
  }
  if (request.queues == 0 || request.pools.size() < request.queues ||
      std::ranges::count(request.pools, nullptr) != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: %d queues need as many packet pools, not %d", text_,
                        request.queues, request.pools.size()));
  }
  if (request.mtu < kMtuMin || request.mtu > kMtuMax) {
    return absl::InvalidArgumentError(absl::StrFormat("port %s: MTU %d is not within %d to %d",
                                                      text_, request.mtu, kMtuMin, kMtuMax));
  }
  const absl::StatusOr<PortName> name = ParsePortName(text_);
  if (!name.ok()) return name.status();
  absl::Status status = Open(name->interface, request);
  if (!status.ok()) Shutdown();
  return status;
}

absl::Status PacketSocketPort::Open(const std::string& interface,
                                    const InitializeRequest& request) {
  if (const int error = socket_.Open(interface); error != 0) {
    return Failed("open a packet socket", error);
  }
  const std::optional<MacAddress> own = socket_.StationAddress();
  if (!own) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "port %s: %s is not an Ethernet interface; name one that is", text_, interface));
  }
  if (!socket_.IsUp()) return Failed("use the interface", ENETDOWN);
  if (const int error = socket_.SetMtu(request.mtu); error != 0) {
    return Failed("set the MTU", error);
  }
  if (const int error = ring_.Map(socket_.descriptor(), request.receive_descriptors); error != 0) {
    return Failed("share its receive ring with the kernel", error);
  }
  if (const int error = socket_.Bind(); error != 0) return Failed("listen", error);
  own_ = station_ = *own;
  missed_ = 0;
  SetUpQueue(request);
  status_ = {};
  static_cast<void>(GetStatus());
  status_.link_changes = 0;
  return ReceiveFilters({});
}

void PacketSocketPort::SetUpQueue(const InitializeRequest& request) {
  Offloads able;
  able.transport_checksum_receive = able.vlan_strip = true;
  able.transport_checksum_transmit = able.tcp_segmentation = true;
  Offloads hardware = IntersectOffloads(able, request.offloads);
  // The kernel cuts only what it also sums.
  hardware.tcp_segmentation = hardware.tcp_segmentation && hardware.transport_checksum_transmit;
  strips_ = hardware.vlan_strip;
  constexpr std::uint16_t kSegmentsMax = PacketSocketBurst::kPiecesMax;
  capabilities_ = {.queues = 1,
                   .mtu = request.mtu,
                   .segments_max = kSegmentsMax,
                   .tcp_segmentation_segments_max = kSegmentsMax,
                   .tcp_segmentation_bytes_max = kFrameBytesMax,
                   .hardware = hardware,
                   .software = SoftwareOffloads(hardware, request.offloads)};
  const PortLimits limits{.hardware = hardware,
                          .mtu = request.mtu,
                          .segments_max = kSegmentsMax,
                          .tcp_segmentation_segments_max = kSegmentsMax,
                          .tcp_segmentation_bytes_max = kFrameBytesMax,
                          .strip_vlan = request.offloads.vlan_strip,
                          .marks_blank_checksums = true,
                          .segmentation_sum_has_length = true};
  queue_ = std::make_unique<Queue>(limits, *request.pools[0]);
}

void PacketSocketPort::Shutdown() {
  ring_.Unmap();
  socket_.Close();
  queue_.reset();
  status_ = {};
}

absl::Status PacketSocketPort::SetStationAddress(const MacAddress& address) {
  if (queue_ == nullptr) return NotUp();
  if (!address.is_station()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: %s is not a station's address", text_, address.ToString()));
  }
  const MacAddress before = std::exchange(station_, address);
  absl::Status status = ReceiveFilters(ReceiveFilterSettings(filters_));
  if (!status.ok()) station_ = before;
  return status;
}

absl::Status PacketSocketPort::ReceiveFilters(const ReceiveFilterSettings& settings) {
  if (queue_ == nullptr) return NotUp();
  std::vector<PacketSocket::Membership> wanted;
  for (const MacAddress& group : settings.multicast) {
    wanted.push_back({.type = PACKET_MR_MULTICAST, .group = group});
  }
  if (settings.promiscuous_multicast) wanted.push_back({.type = PACKET_MR_ALLMULTI, .group = {}});
  // The interface keeps its address, so that the kernel's own affairs on it go on.
  if (settings.promiscuous || station_ != own_) {
    wanted.push_back({.type = PACKET_MR_PROMISC, .group = {}});
  }
  if (const int error = socket_.SetMemberships(wanted); error != 0) {
    return Failed("set the receive filter", error);
  }
  filters_ = settings;
  return absl::OkStatus();
}

std::size_t PacketSocketPort::Transmit(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && queue_ != nullptr);
  TransmitSide& side = queue_->transmit;
  std::size_t taken = 0;
  if (!side.ready().empty()) Flush();
  while (taken < frames.size() && side.ready().empty()) {
    while (taken < frames.size() && side.HasRoom()) side.Prepare(std::move(frames[taken++]));
    Flush();
  }
  return taken;
}

void PacketSocketPort::Flush() {
  TransmitSide& side = queue_->transmit;
  while (!side.ready().empty()) {
    const std::span<rte_mbuf*> ready = side.ready();
    const PacketSocketBurst::Sent sent = queue_->burst.Send(socket_.descriptor(), ready);
    if (sent.frames == 0) {
      if (!GoesOnAfter(sent.error)) return;
      continue;
    }
    std::uint64_t bytes = 0;
    for (rte_mbuf* const frame : ready.first(sent.frames)) {
      bytes += frame->pkt_len;
      rte_pktmbuf_free(frame);
    }
    side.Sent(sent.frames, bytes);
    queue_->refusals = 0;
  }
}

// What becomes of the first frame that waits, which the kernel did not take. False: all wait.
bool PacketSocketPort::GoesOnAfter(int error) {
  TransmitSide& side = queue_->transmit;
  switch (error) {
    case EAGAIN:  // the send buffer is full
    case EINTR:
      return false;
    case ENOBUFS:  // a queue behind it is full, or a filter refused the frame
    case ENOMEM:
      if (++queue_->refusals < kRefusalsMax) return false;
      break;
    case ENETDOWN:  // also once after the interface was down
    case ENXIO:     // it is gone
    case ENODEV:
      if (!socket_.IsUp()) side.dropped_link_down.Add(side.DropReady());
      return false;
    default:
      break;
  }
  side.DropFirst();
  queue_->refusals = 0;
  return true;
}

std::size_t PacketSocketPort::Receive(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue == 0 && queue_ != nullptr);
  if (!queue_->transmit.ready().empty()) Flush();
  std::size_t received = 0;
  while (received < frames.size()) {
    const auto arrived = ring_.Next();
    if (!arrived) break;
    Frame frame = Take(*arrived);
    ring_.Release();
    if (!frame.empty() && queue_->receive.Accept(frame)) frames[received++] = std::move(frame);
  }
  return received;
}

// A copy in packet memory; empty when it was dropped, and counted.
Frame PacketSocketPort::Take(const PacketSocketRing::Arrived& arrived) {
  const bool strip = strips_ && arrived.tag && arrived.tag->type == ethernet::kVlan.value();
  // A tag that is not to be taken out, or a provider's, which would be mistaken for a VLAN of ours,
  // goes back where it was.
  const std::size_t put_back = arrived.tag && !strip ? kTagBytes : 0;
  const std::size_t size = arrived.length + put_back;
  if (arrived.bytes.size() < arrived.length || size > kFrameBytesMax) {
    queue_->too_long.Add(1);
    return {};
  }
  if (arrived.length < sizeof(ethernet::WireHeader)) {
    queue_->damaged.Add(1);
    return {};
  }
  Frame frame = queue_->pool.AllocateContiguous(size);
  if (frame.empty()) {
    queue_->no_buffer.Add(1);
    return frame;
  }
  Writer to(frame.mutable_bytes());
  if (put_back != 0) {
    to.Put(arrived.bytes.first(kAddressesBytes));
    to.U16(arrived.tag->type);
    to.U16(arrived.tag->control);
    to.Put(arrived.bytes.subspan(kAddressesBytes));
  } else {
    to.Put(arrived.bytes);
  }
  rte_mbuf* const head = frame.buffers();
  if (strip) {
    head->vlan_tci = arrived.tag->control;
    head->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  }
  // Blank: the frame never was on a wire, or the kernel joined it of several whose sums it knew.
  if ((arrived.header.flags & VirtioHeader::kNeedsChecksum) != 0) {
    head->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
  } else if ((arrived.header.flags & VirtioHeader::kDataValid) != 0) {
    head->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  }
  return frame;
}

PortStatus PacketSocketPort::GetStatus() {
  if (queue_ == nullptr) return {};
  const bool up = socket_.HasLink();
  if (up != status_.link_up) {
    status_.link_up = up;
    ++status_.link_changes;
    status_.speed_mbps = up ? socket_.SpeedMbps() : 0;
  }
  return status_;
}

PortStatistics PacketSocketPort::Statistics() const {
  PortStatistics statistics;
  if (queue_ == nullptr) return statistics;
  queue_->transmit.AddTo(statistics);
  queue_->receive.AddTo(statistics);
  missed_ += socket_.TakeMissed();
  statistics.receive_missed += missed_;
  statistics.receive_errors += queue_->damaged.value();
  statistics.dropped_too_long += queue_->too_long.value();
  statistics.receive_no_buffer += queue_->no_buffer.value();
  return statistics;
}

QueueBytes PacketSocketPort::BytesOf(std::uint16_t queue) const {
  if (queue != 0 || queue_ == nullptr) return {};
  return {.received = queue_->receive.bytes(), .transmitted = queue_->transmit.bytes()};
}

}  // namespace slipway::dataplane
