// SPDX-License-Identifier: Apache-2.0
//
// What an operator calls a port, understood: a PCI address ("0000:03:00.0", arguments may follow
// after a comma), a DPDK vdev string ("net_vhost0,iface=/run/slipway.sock"), or an interface of the
// kernel's behind a packet socket ("packet:eth1"). Also what is known about single drivers, as a
// table: deviations from what DPDK's interface lets one expect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slipway::dataplane {

// What stands before the interface of a port that is no device of DPDK's (packet_socket_port.h).
inline constexpr std::string_view kPacketSocketPrefix = "packet:";

struct DriverQuirks {
  std::string_view driver;
  // Its own segmentation clones buffers, which ours must not be: it is not used.
  bool segments_by_cloning = false;
  // Verifies nothing and hides the mark of a checksum the peer's kernel left blank.
  bool hides_blank_checksums = false;
  // Believes that no frame is longer than a plain one, whatever its rings hold.
  bool understates_mtu = false;
  // Its close forgets the buffers it waits with: it gets packet memory of its own to take away.
  bool forgets_buffers = false;
  // What is sent stays in a ring between our own queues: drained at Shutdown.
  bool keeps_frames = false;
};

struct PortName {
  std::string text;     // as the operator wrote it
  std::string device;   // DPDK's name for the port: "0000:03:00.0" or "net_vhost0"
  std::string driver;   // vdev: the device without its number; PCI: empty; "packet"
  std::string devargs;  // what is probed: `text`, with our defaults where it says nothing
  DriverQuirks quirks;
  std::string server_socket;  // net_vhost as a server: the path of its socket
  std::string interface;      // net_af_packet, a packet socket: the kernel's interface
  // What a packet buffer must hold for the driver to take it; 0: no more than a frame.
  std::uint16_t packet_bytes = 0;

  bool is_pci() const { return driver.empty(); }
};

// What the port should have, for drivers that want it in their arguments.
struct PortShape {
  unsigned queues = 1;
  std::uint16_t mtu = 1500;
};
absl::StatusOr<PortName> ParsePortName(const std::string& text, const PortShape& shape = {});

// Removes a server socket that a killed process left behind. Nothing happens to one that is still
// listened on: binding it fails then, as it should.
void RemoveStaleSocket(const std::string& path);

// Tells the kernel the MTU of one of its interfaces, where it is another than now: that takes
// CAP_NET_ADMIN. 0, or the errno of the refusal.
int SetKernelMtu(const std::string& interface, std::uint16_t mtu);

}  // namespace slipway::dataplane
