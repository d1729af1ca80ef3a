// SPDX-License-Identifier: Apache-2.0
//
// Where the two halves meet: the operator's configuration as the dataplane's options, and the
// engine's seams as the control plane takes them. Part of slipwayd's composition root with main.cc,
// and like it the only place that knows both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "control/config/config.h"
#include "control/config/devices.h"
#include "control/seams.h"
#include "dataplane/engine.h"
#include "dataplane/options.h"

namespace slipway::dataplane {

inline Options OptionsOf(const control::Config& config) {
  constexpr std::uint64_t kMebibyte = 1 << 20;
  Options options;
  options.cores = config.cores;
  options.hugepages = config.hugepages;
  options.memory_mib = config.memory / kMebibyte;
  options.image_bytes = config.image_memory;
  options.idle_sleep = config.idle_sleep;
  options.probe_time = config.probe_time;
  options.limits = {.connections = config.limits.connections,
                    .leases = config.limits.leases,
                    .handshakes_at_once = config.limits.handshakes,
                    .handshake_share = config.limits.handshake_share,
                    .frames = config.limits.frames};
  options.admission = {.enabled = config.admission.enabled,
                       .machines_at_once = config.admission.machines_at_once};
  // A [[port]] is an interface: those of one device are VLANs of one port.
  for (const std::string& device : control::DevicesOf(config)) {
    options.ports.push_back({.device = device, .mtu = 0, .trace_every = config.trace});
  }
  for (const control::PortConfig& port : config.ports) {
    const std::size_t at = control::DeviceAt(config, port.device);
    options.ports[at].mtu = std::max(options.ports[at].mtu, port.mtu);
    options.interfaces.push_back({.port = static_cast<std::uint16_t>(at),
                                  .mtu = port.mtu,
                                  .vlan = port.vlan,
                                  .addresses = port.addresses});
  }
  return options;
}

inline control::Seams SeamsOf(Engine& engine) {
  return {.snapshots = &engine.snapshots(),
          .events = &engine.events(),
          .leases = &engine.leases(),
          .statistics = &engine.statistics(),
          .images = &engine.images(),
          .captures = &engine.captures()};
}

}  // namespace slipway::dataplane
