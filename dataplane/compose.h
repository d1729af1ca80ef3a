// SPDX-License-Identifier: Apache-2.0
//
// Where the two halves meet: the operator's configuration as the dataplane's options, and the
// engine's seams as the control plane takes them. Part of slipwayd's composition root with main.cc,
// and like it the only place that knows both.
#pragma once

#include "control/config/config.h"
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
  for (const control::PortConfig& port : config.ports) {
    options.ports.push_back({.device = port.device,
                             .mtu = port.mtu,
                             .vlan = port.vlan,
                             .addresses = port.addresses,
                             .trace_every = config.trace});
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
