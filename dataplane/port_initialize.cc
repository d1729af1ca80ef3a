// SPDX-License-Identifier: Apache-2.0
//
// The way up: Probe, Configure, SetUpQueues, Start.
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include "absl/strings/str_format.h"
#include "dataplane/packet_pool.h"
#include "dataplane/port.h"

namespace slipway::dataplane {
namespace {

// net_vhost binds its socket when it is configured.
const char* ConfigureRemedy(const PortName& name) {
  if (name.server_socket.empty()) return "ask for fewer queues or a smaller MTU";
  return "the socket's folder must exist and be writable, and nobody else listen on it";
}

// Drivers say 0 where they know of no limit.
std::uint16_t OrNoLimit(std::uint16_t limit) { return limit == 0 ? UINT16_MAX : limit; }

constexpr std::uint16_t kEthernetOverhead = 14 + 4;  // header and one tag
constexpr std::uint16_t kMtuMin = 68;                // RFC 791
constexpr std::uint32_t kOwnPackets = 8192;          // two rings of 2,048, and what workers hold

// RSS key of Woo and Park (2012): sixteen bits repeated make Toeplitz's hash symmetric.
constexpr std::array<std::uint8_t, 2> kSymmetricKey = {0x6d, 0x5a};
constexpr std::uint64_t kRssTypes = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP;

struct OffloadBit {
  bool Offloads::*flag;
  std::uint64_t bits;  // all must be there
};
constexpr OffloadBit kReceiveOffloads[] = {
    {&Offloads::ip_checksum_receive, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM},
    {&Offloads::transport_checksum_receive,
     RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM},
    {&Offloads::vlan_strip, RTE_ETH_RX_OFFLOAD_VLAN_STRIP},
};
constexpr OffloadBit kTransmitOffloads[] = {
    {&Offloads::ip_checksum_transmit, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM},
    {&Offloads::transport_checksum_transmit,
     RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM},
    {&Offloads::tcp_segmentation, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM},
    {&Offloads::vlan_insert, RTE_ETH_TX_OFFLOAD_VLAN_INSERT},
};

// What is wanted and there; the bits to enable, and the flags to report.
std::uint64_t Choose(std::span<const OffloadBit> table, std::uint64_t capable,
                     const Offloads& wanted, Offloads& got) {
  std::uint64_t enabled = 0;
  for (const OffloadBit& bit : table) {
    got.*bit.flag = wanted.*bit.flag && (capable & bit.bits) == bit.bits;
    if (got.*bit.flag) enabled |= bit.bits;
  }
  return enabled;
}

// DPDK says errors as negative numbers, the kernel's calls of ours as positive ones.
const char* Remedy(int error, const char* otherwise) {
  return std::abs(error) == EPERM ? "it takes CAP_NET_ADMIN" : otherwise;
}

}  // namespace

absl::Status DpdkPort::Initialize(const InitializeRequest& request) {
  if (attached_) {
    return absl::FailedPreconditionError(absl::StrFormat("port %s: is up already", text_));
  }
  if (request.queues == 0 || request.pools.size() < request.queues ||
      std::ranges::count(request.pools, nullptr) != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: %d queues need as many packet pools, not %d", text_,
                        request.queues, request.pools.size()));
  }
  absl::StatusOr<PortName> parsed =
      ParsePortName(text_, {.queues = request.queues, .mtu = request.mtu});
  if (!parsed.ok()) return parsed.status();
  parsed_ = *std::move(parsed);
  const auto up = [&]() -> absl::Status {
    if (absl::Status status = Probe(); !status.ok()) return status;
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port_, &info); error != 0) {
      return Failed("ask the driver what it can do", error, "the device went away");
    }
    device_ = info.device;
    if (absl::Status status = Configure(request, info); !status.ok()) return status;
    if (absl::Status status = SetUpQueues(request, info); !status.ok()) return status;
    return Start();
  };
  absl::Status status = up();
  if (!status.ok()) Shutdown();
  return status;
}

absl::Status DpdkPort::Probe() {
  if (rte_eth_dev_get_port_by_name(parsed_.device.c_str(), &port_) == 0) {
    if (!parsed_.is_pci()) {
      return absl::AlreadyExistsError(absl::StrFormat(
          "port %s: %s exists already; give each port its own number", text_, parsed_.device));
    }
  } else {
    RemoveStaleSocket(parsed_.server_socket);
    if (const int error = rte_dev_probe(parsed_.devargs.c_str()); error != 0) {
      return Failed("create the device", error,
                    parsed_.is_pci() ? "it must be named in the configuration when the process "
                                       "starts, and be bound to vfio-pci"
                                     : "check the driver's name and its arguments, that files "
                                       "and interfaces named exist, and who may use them");
    }
    if (const int error = rte_eth_dev_get_port_by_name(parsed_.device.c_str(), &port_);
        error != 0) {
      return Failed("find the device after its creation", error, "it is not a network device");
    }
  }
  attached_ = true;
  return absl::OkStatus();
}

absl::Status DpdkPort::Configure(const InitializeRequest& request, const rte_eth_dev_info& info) {
  if (request.mtu < kMtuMin || request.mtu > info.max_mtu) {
    return absl::InvalidArgumentError(absl::StrFormat("port %s: MTU %d is not within %d to %d",
                                                      text_, request.mtu, kMtuMin, info.max_mtu));
  }
  rte_eth_conf conf{};
  conf.rxmode.mtu = parsed_.quirks.understates_mtu
                        ? std::min<std::uint16_t>(request.mtu, RTE_ETHER_MTU)
                        : request.mtu;
  Offloads hardware;
  conf.rxmode.offloads = Choose(kReceiveOffloads, info.rx_offload_capa, request.offloads, hardware);
  std::uint64_t transmit_capable = info.tx_offload_capa;
  const bool multi_segment = (transmit_capable & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  if (parsed_.quirks.segments_by_cloning || !multi_segment) {
    transmit_capable &= ~RTE_ETH_TX_OFFLOAD_TCP_TSO;
  }
  conf.txmode.offloads = Choose(kTransmitOffloads, transmit_capable, request.offloads, hardware);
  prepares_ = conf.txmode.offloads != 0;
  if (multi_segment) conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  if (request.pools[0]->packet_bytes() < std::size_t{request.mtu} + kEthernetOverhead) {
    if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "port %s: packets of %d bytes do not hold a frame of MTU %d, and the driver cannot "
          "spread one over several; packets of %d bytes would do",
          text_, request.pools[0]->packet_bytes(), request.mtu, request.mtu + kEthernetOverhead));
    }
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
  }
  const auto queues = std::min({request.queues, info.max_rx_queues, info.max_tx_queues});
  if (queues == 0) return Failed("use a queue", ENOTSUP, "the driver says that it has none");
  const std::uint64_t rss = info.flow_type_rss_offloads & kRssTypes;
  std::vector<std::uint8_t> key(info.hash_key_size);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = kSymmetricKey[i % 2];
  if (queues > 1 && rss != 0 && !key.empty() && request.offloads.rss) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf = {
        .rss_key = key.data(), .rss_key_len = info.hash_key_size, .rss_hf = rss};
    hardware.rss = true;
  }
  if ((*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0) conf.intr_conf.lsc = 1;
  if (const int error = rte_eth_dev_configure(port_, queues, queues, &conf); error != 0) {
    return Failed("configure the device", error, ConfigureRemedy(parsed_));
  }
  configured_ = true;
  const int error = SetMtu(request.mtu);
  // Drivers of memory and files have no MTU of their own and need none.
  if (error != 0 && error != -ENOTSUP) {
    return Failed("set the MTU", error, Remedy(error, "check what the other side allows"));
  }
  // Of a frame to be cut nb_mtu_seg_max bounds each segment alone (rte_eth_desc_lim), which our
  // buffers are as long as: it is 8 in drivers that take 255 for the whole frame.
  const std::uint16_t whole = multi_segment ? OrNoLimit(info.tx_desc_lim.nb_seg_max) : 1;
  const std::uint16_t segments = std::min(whole, OrNoLimit(info.tx_desc_lim.nb_mtu_seg_max));
  capabilities_ = {.queues = queues,
                   .mtu = request.mtu,
                   .segments_max = segments,
                   .tcp_segmentation_segments_max = whole,
                   .tcp_segmentation_bytes_max = kFrameBytesMax,
                   .hardware = hardware,
                   .software = SoftwareOffloads(hardware, request.offloads)};
  limits_ = {.hardware = hardware,
             .mtu = request.mtu,
             .segments_max = segments,
             .tcp_segmentation_segments_max = whole,
             .tcp_segmentation_bytes_max = kFrameBytesMax,
             .strip_vlan = request.offloads.vlan_strip,
             .marks_blank_checksums = !parsed_.quirks.hides_blank_checksums};
  return absl::OkStatus();
}

int DpdkPort::SetMtu(std::uint16_t mtu) {
  // The driver's own way says EINVAL where the kernel says that a right is missing.
  if (parsed_.quirks.understates_mtu) return SetKernelMtu(parsed_.interface, mtu);
  return rte_eth_dev_set_mtu(port_, mtu);
}

absl::Status DpdkPort::SetUpQueues(const InitializeRequest& request, const rte_eth_dev_info& info) {
  std::uint16_t receive = request.receive_descriptors;
  std::uint16_t transmit = request.transmit_descriptors;
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(port_, &receive, &transmit); error != 0) {
    return Failed("agree on the size of its rings", error, "ask for a power of two");
  }
  const int node = rte_eth_dev_socket_id(port_);
  const auto socket = node < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(node);
  for (std::uint16_t queue = 0; queue < capabilities_.queues; ++queue) {
    PacketPool& pool = *request.pools[queue];
    const absl::StatusOr<PacketPool*> memory = ReceivePool(pool, queue);
    if (!memory.ok()) return memory.status();
    if (const int error = rte_eth_rx_queue_setup(port_, queue, receive, socket,
                                                 &info.default_rxconf, (*memory)->receive_memory());
        error != 0) {
      return Failed("set up a receive queue", error, "give the worker a larger packet pool");
    }
    if (const int error =
            rte_eth_tx_queue_setup(port_, queue, transmit, socket, &info.default_txconf);
        error != 0) {
      return Failed("set up a transmit queue", error, "ask for fewer descriptors");
    }
    queues_.push_back(std::make_unique<Queue>(limits_, pool));
  }
  return absl::OkStatus();
}

absl::StatusOr<PacketPool*> DpdkPort::ReceivePool(PacketPool& workers, std::uint16_t queue) {
  if (!parsed_.quirks.forgets_buffers) return &workers;
  auto own = PacketPool::Create({.name = absl::StrFormat("port%d_%d", port_, queue),
                                 .packets = kOwnPackets,
                                 .packet_bytes = static_cast<std::uint16_t>(workers.packet_bytes()),
                                 .large = 1,
                                 .handles = 1,
                                 .abandons = true});
  if (!own.ok()) return own.status();
  own_pools_.push_back(*std::move(own));
  return own_pools_.back().get();
}

absl::Status DpdkPort::Start() {
  static_cast<void>(
      rte_eth_dev_callback_register(port_, RTE_ETH_EVENT_INTR_LSC, OnLinkChange, this));
  if (const int error = rte_eth_dev_start(port_); error != 0) {
    return Failed("start the device", error,
                  Remedy(error, "the packet pool may be too small for its receive ring"));
  }
  started_ = true;
  ReadStationAddress();
  static_cast<void>(GetStatus());
  link_changes_ = 0;
  return ReceiveFilters({});
}

}  // namespace slipway::dataplane
