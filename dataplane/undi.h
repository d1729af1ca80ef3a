// SPDX-License-Identifier: Apache-2.0
//
// Undi: the only door to a wire. Its verbs carry the names the Universal Network Driver Interface
// gives them (UEFI Specification 2.10, appendix E: Initialize, Shutdown, Station Address, Receive
// Filters, Transmit, Receive, Get Status, Statistics), so whoever knows the firmware's side of a
// network boot knows ours.
//
// What differs, and why: Transmit and Receive take bursts and a queue, because a worker owns one
// queue pair of each port and nothing is shared. A frame taken by Transmit belongs to the port, so
// there is no recycled-buffer list in Get Status.
//
// Invariants:
//  * The worker always uses the same interface. What a frame asks for (checksums, segmentation, a
//    VLAN tag) is done by the hardware or, where it cannot, in software, before Transmit returns.
//  * Received frames are contiguous, at most 65,535 bytes, and their VLAN tag is out of the way.
//  * Transmit and Receive of one queue are called by one thread; the other verbs by any one
//    thread at a time. GetStatus, Statistics and Capabilities may be called while queues run.
//
// Left out: interrupt enables (workers poll), NvData, MCast IP To MAC and Fill Header (protocols/
// know addresses and headers), Get Init Info (Capabilities says it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/frame.h"
#include "protocols/base/mac.h"

namespace slipway::dataplane {

class PacketPool;

// One flag for each thing a port may do for its worker. Asked for in InitializeRequest; answered
// twice in Capabilities: by the hardware, and in software.
struct Offloads {
  bool ip_checksum_receive = false;
  bool transport_checksum_receive = false;
  bool vlan_strip = false;
  bool ip_checksum_transmit = false;
  bool transport_checksum_transmit = false;
  bool tcp_segmentation = false;
  bool vlan_insert = false;
  bool rss = false;  // frames are spread over the queues, both directions of a connection alike

  friend bool operator==(const Offloads&, const Offloads&) = default;
  static constexpr Offloads All() { return {true, true, true, true, true, true, true, true}; }
  static constexpr Offloads None() { return {}; }
};

struct InitializeRequest {
  std::uint16_t mtu = 1500;  // bytes of IP packet in a frame
  std::uint16_t queues = 1;
  Offloads offloads = Offloads::All();
  // Where received frames are put: one pool for each queue wanted. Pools outlive the port.
  std::vector<PacketPool*> pools;
  std::uint16_t receive_descriptors = 512;
  std::uint16_t transmit_descriptors = 512;
};

// What both say.
constexpr Offloads IntersectOffloads(const Offloads& a, const Offloads& b) {
  return {a.ip_checksum_receive && b.ip_checksum_receive,
          a.transport_checksum_receive && b.transport_checksum_receive,
          a.vlan_strip && b.vlan_strip,
          a.ip_checksum_transmit && b.ip_checksum_transmit,
          a.transport_checksum_transmit && b.transport_checksum_transmit,
          a.tcp_segmentation && b.tcp_segmentation,
          a.vlan_insert && b.vlan_insert,
          a.rss && b.rss};
}

// What software must do when `hardware` does this: transmit requests are always honoured, a tag is
// taken out when that was wanted. Verifying received checksums is the protocols' own work.
constexpr Offloads SoftwareOffloads(const Offloads& hardware, const Offloads& wanted) {
  return {false,
          false,
          wanted.vlan_strip && !hardware.vlan_strip,
          !hardware.ip_checksum_transmit,
          !hardware.transport_checksum_transmit,
          !hardware.tcp_segmentation,
          !hardware.vlan_insert,
          wanted.rss && !hardware.rss};
}

// What Initialize achieved.
struct Capabilities {
  std::uint16_t queues = 0;  // receive and transmit; at most those wanted
  std::uint16_t mtu = 0;
  std::uint16_t segments_max = 1;  // buffers of one frame that leave without being joined first
  // Buffers of one that asks for segmentation; with more it is cut in software.
  std::uint16_t tcp_segmentation_segments_max = 1;
  std::size_t tcp_segmentation_bytes_max = 0;  // text of one frame that asks for segmentation
  Offloads hardware;
  Offloads software;  // emulated by the port; for `rss`: the workers must distribute by themselves
};

struct ReceiveFilterSettings {
  bool unicast = true;
  bool broadcast = true;
  bool promiscuous = false;
  bool promiscuous_multicast = false;
  std::vector<MacAddress> multicast;
};

struct PortStatus {
  bool link_up = false;
  std::uint32_t speed_mbps = 0;    // 0 when the port does not know
  std::uint64_t link_changes = 0;  // since Initialize; a guest that resets its NIC counts twice
};

// Ethernet headers included, preamble and frame check sequence not.
struct QueueBytes {
  std::uint64_t received = 0;
  std::uint64_t transmitted = 0;
};

struct PortStatistics {
  std::uint64_t frames_received = 0;  // handed to workers
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_transmitted = 0;  // on the wire, after segmentation
  std::uint64_t bytes_transmitted = 0;
  std::uint64_t receive_missed = 0;     // the hardware had no room
  std::uint64_t receive_errors = 0;     // damaged on the wire
  std::uint64_t receive_no_buffer = 0;  // Drop::NoBuffer on receive
  std::uint64_t transmit_errors = 0;
  std::uint64_t dropped_too_long = 0;   // Drop::FrameTooLong, both directions
  std::uint64_t dropped_link_down = 0;  // Drop::LinkDown while transmitting
  std::uint64_t dropped_no_buffer = 0;  // Drop::NoBuffer while a frame was made ready to leave
  // Work done in software for what the hardware lacks.
  std::uint64_t receive_linearised = 0;
  std::uint64_t transmit_linearised = 0;
  std::uint64_t software_checksums = 0;
  std::uint64_t software_segmented = 0;  // frames cut into segments
};

class Undi {
 public:
  virtual ~Undi() = default;

  // Brings the port up. On failure nothing is left half-started and Initialize may be called again.
  virtual absl::Status Initialize(const InitializeRequest& request) = 0;
  // Takes the port down and frees every frame it holds. Does nothing when it is down. Workers hold
  // no frame received from it any more: some ports take their packet memory with them.
  virtual void Shutdown() = 0;

  virtual MacAddress StationAddress() const = 0;
  virtual absl::Status SetStationAddress(const MacAddress& address) = 0;
  // Replaces what was set before. A port that cannot filter receives more than was asked for.
  virtual absl::Status ReceiveFilters(const ReceiveFilterSettings& settings) = 0;

  // Takes frames from the front of `frames`; returns how many. Frames taken are empty afterwards,
  // the others untouched. Fewer than given: the ring is full, come back next round. A frame that
  // cannot ever leave (longer than the MTU) is taken, freed and counted.
  virtual std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) = 0;
  // Fills `frames` (empty ones) from the front; returns how many. Also pushes out what software
  // segmentation still holds of frames taken earlier, so a worker that polls never forgets it.
  virtual std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) = 0;

  virtual PortStatus GetStatus() = 0;
  virtual PortStatistics Statistics() const = 0;
  // Bytes of the frames of one queue so far.
  virtual QueueBytes BytesOf(std::uint16_t queue) const = 0;
  virtual const struct Capabilities& Capabilities() const = 0;
};

}  // namespace slipway::dataplane
