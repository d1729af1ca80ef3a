// SPDX-License-Identifier: Apache-2.0
//
// What is fixed while slipwayd runs: ports, cores, memory and the appliance's own addresses. The
// composition root (main.cc) fills this from the operator's configuration, which has been checked
// as a whole before; so nothing here is checked again but by SLIPWAY_CHECK.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/ipv4.h"
#include "protocols/base/strong.h"
#include "protocols/base/time.h"

namespace slipway::dataplane {

// One port: an Ethernet link.
struct PortOptions {
  std::string device;             // PCI address or DPDK vdev string
  std::uint16_t mtu = 1500;       // bytes: the largest of its interfaces'
  std::uint32_t trace_every = 0;  // print one of so many frames to standard error; 0: none
};

// One VLAN of a port, or its untagged frames, and who we are there.
struct InterfaceOptions {
  std::uint16_t port = 0;    // index into Options::ports
  std::uint16_t mtu = 1500;  // bytes of an IPv4 packet, 576 to 9216
  VlanId vlan;               // 0: untagged; no two of one port have the same
  std::vector<Ipv4Prefix> addresses;
};

struct Limits {
  std::uint32_t connections = 4096;         // per worker
  std::uint32_t leases = 65536;             // addresses leased at once
  std::uint32_t handshakes_at_once = 1024;  // TLS handshakes under way per worker
  // What handshakes may take of a core while others wait to be sent to, in percent (work_budget.h);
  // 0: one step a round, however long it takes, so that a virtual clock sees the same every time.
  std::uint32_t handshake_share = 0;
  std::uint32_t frames = 16384;  // packet buffers per worker
};

// Who waits when more machines boot than are served in good time (admission.h).
struct AdmissionOptions {
  bool enabled = true;
  std::uint32_t machines_at_once = 0;  // per worker; 0: as measured
};

struct Options {
  std::vector<unsigned> cores = {0};  // one worker each
  bool hugepages = true;
  std::size_t memory_mib = 1024;  // EAL memory, without images
  std::size_t image_bytes = std::size_t{1} << 30;
  std::vector<PortOptions> ports;
  std::vector<InterfaceOptions> interfaces;  // at least one of each port
  Limits limits;
  AdmissionOptions admission;
  // How long a DHCP offer waits for somebody to claim the address; zero: addresses are not probed.
  Duration probe_time = std::chrono::milliseconds(500);
  // What a worker sleeps when it finds nothing to do; zero: it polls without end, as an appliance
  // should. Must stay well below the 5 ms after which firmware asks again by ARP.
  Duration idle_sleep{0};
};

}  // namespace slipway::dataplane
