// SPDX-License-Identifier: Apache-2.0
//
// What stands in the private area of every packet buffer of ours: the pool it belongs to, and the
// shared information DPDK wants while the buffer carries borrowed memory. See packet_pool.h for
// why that is one per buffer. Only frame.cc, packet_pool.cc and the offload code need this.
#pragma once

#include <rte_mbuf.h>

namespace slipway::dataplane {

class PacketPool;

struct PacketPrivate {
  rte_mbuf_ext_shared_info shared;
  PacketPool* pool;
};

inline PacketPrivate* PrivateOf(rte_mbuf* buffer) {
  return static_cast<PacketPrivate*>(rte_mbuf_to_priv(buffer));
}

}  // namespace slipway::dataplane
