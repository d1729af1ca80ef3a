// SPDX-License-Identifier: Apache-2.0
//
// The way up is Probe, Configure, SetUpQueues, Start; the way down is Shutdown, from wherever the
// way up ended.
#include "dataplane/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_format.h"
#include "dataplane/packet_pool.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

// net_vhost binds its socket when it is configured.
const char* ConfigureRemedy(const PortName& name) {
  if (name.server_socket.empty()) return "ask for fewer queues or a smaller MTU";
  return "the socket's folder must exist and be writable, and nobody else listen on it";
}

constexpr std::uint16_t kBurst = 32;
constexpr std::uint16_t kEthernetOverhead = 14 + 4;  // header and one tag
constexpr std::uint16_t kMtuMin = 68;                // RFC 791
constexpr std::uint32_t kOwnPackets = 8192;          // two rings of 2,048, and what workers hold
constexpr std::size_t kDrainMax = 65'536;            // a net_null never runs dry

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

rte_ether_addr ToDpdk(const MacAddress& address) {
  rte_ether_addr result{};
  std::ranges::copy(address.octets, result.addr_bytes);
  return result;
}

}  // namespace

absl::Status DpdkPort::Failed(const char* step, int error, const char* remedy) const {
  return absl::FailedPreconditionError(absl::StrFormat("port %s: cannot %s: %s; %s", text_, step,
                                                       rte_strerror(std::abs(error)), remedy));
}

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
    return Failed("set the MTU", error, "check what the other side of the port allows");
  }
  const std::uint16_t segments =
      !multi_segment                     ? 1
      : info.tx_desc_lim.nb_seg_max == 0 ? UINT16_MAX
      : info.tx_desc_lim.nb_mtu_seg_max == 0
          ? info.tx_desc_lim.nb_seg_max
          : std::min(info.tx_desc_lim.nb_seg_max, info.tx_desc_lim.nb_mtu_seg_max);
  capabilities_ = {.queues = queues,
                   .mtu = request.mtu,
                   .segments_max = segments,
                   .tcp_segmentation_bytes_max = kFrameBytesMax,
                   .hardware = hardware,
                   .software = SoftwareOffloads(hardware, request.offloads)};
  limits_ = {.hardware = hardware,
             .mtu = request.mtu,
             .segments_max = segments,
             .tcp_segmentation_bytes_max = kFrameBytesMax,
             .strip_vlan = request.offloads.vlan_strip,
             .marks_blank_checksums = !parsed_.quirks.hides_blank_checksums};
  return absl::OkStatus();
}

int DpdkPort::SetMtu(std::uint16_t mtu) {
  if (parsed_.quirks.understates_mtu && mtu > RTE_ETHER_MTU) {
    return SetKernelMtu(parsed_.interface, mtu);
  }
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
                  "the packet pool may be too small for its receive ring");
  }
  started_ = true;
  ReadStationAddress();
  static_cast<void>(GetStatus());
  link_changes_ = 0;
  return ReceiveFilters({});
}

void DpdkPort::Shutdown() {
  if (!attached_) return;
  if (started_) {
    if (parsed_.quirks.keeps_frames) Drain();
    static_cast<void>(rte_eth_dev_stop(port_));
  }
  queues_.clear();
  if (configured_) {
    static_cast<void>(
        rte_eth_dev_callback_unregister(port_, RTE_ETH_EVENT_INTR_LSC, OnLinkChange, this));
  }
  static_cast<void>(rte_eth_dev_close(port_));
  if (device_ != nullptr) static_cast<void>(rte_dev_remove(device_));
  device_ = nullptr;
  own_pools_.clear();
  attached_ = configured_ = started_ = false;
  station_in_software_ = false;
  link_up_ = false;
}

void DpdkPort::Drain() {
  for (std::uint16_t queue = 0; queue < capabilities_.queues; ++queue) {
    std::array<rte_mbuf*, kBurst> burst{};
    for (std::size_t drained = 0; drained < kDrainMax;) {
      const std::uint16_t count = rte_eth_rx_burst(port_, queue, burst.data(), kBurst);
      if (count == 0) break;
      drained += count;
      rte_pktmbuf_free_bulk(burst.data(), count);
    }
  }
}

void DpdkPort::ReadStationAddress() {
  rte_ether_addr address{};
  static_cast<void>(rte_eth_macaddr_get(port_, &address));
  station_ = MacAddress::From(address.addr_bytes);
  if (station_.is_station()) return;
  // A port of memory has none: one that is locally administered and always the same.
  station_ = {{0x02, 0x53, 0x4c, 0x50, static_cast<std::uint8_t>(port_ >> 8),
               static_cast<std::uint8_t>(port_)}};
  station_in_software_ = true;
}

absl::Status DpdkPort::SetStationAddress(const MacAddress& address) {
  if (!started_) return absl::FailedPreconditionError("port " + text_ + ": is not up");
  if (!address.is_station()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: %s is not a station's address", text_, address.ToString()));
  }
  rte_ether_addr dpdk = ToDpdk(address);
  const int error = rte_eth_dev_default_mac_addr_set(port_, &dpdk);
  // A driver without a filter of its own: receive all, the stack looks at every destination anyway.
  station_in_software_ = error != 0;
  station_ = address;
  if (station_in_software_) static_cast<void>(rte_eth_promiscuous_enable(port_));
  return absl::OkStatus();
}

absl::Status DpdkPort::ReceiveFilters(const ReceiveFilterSettings& settings) {
  if (!started_) return absl::FailedPreconditionError("port " + text_ + ": is not up");
  std::vector<rte_ether_addr> groups;
  std::ranges::transform(settings.multicast, std::back_inserter(groups), ToDpdk);
  const bool listed =
      groups.empty() || rte_eth_dev_set_mc_addr_list(
                            port_, groups.data(), static_cast<std::uint32_t>(groups.size())) == 0;
  const bool all_groups = settings.promiscuous_multicast || !listed;
  const bool all_groups_done =
      (all_groups ? rte_eth_allmulticast_enable(port_) : rte_eth_allmulticast_disable(port_)) == 0;
  const bool promiscuous =
      settings.promiscuous || station_in_software_ || (all_groups && !all_groups_done);
  const int error =
      promiscuous ? rte_eth_promiscuous_enable(port_) : rte_eth_promiscuous_disable(port_);
  // Drivers that know no filter receive everything, which is what was wanted or more.
  if (error != 0 && error != -ENOTSUP) {
    return Failed("set the receive filter", error, "check the rights on the interface");
  }
  return absl::OkStatus();
}

std::size_t DpdkPort::Transmit(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue < queues_.size());
  TransmitSide& side = queues_[queue]->transmit;
  std::size_t taken = 0;
  if (!side.ready().empty()) Flush(queue);
  while (taken < frames.size() && side.ready().empty()) {
    while (taken < frames.size() && side.HasRoom()) side.Prepare(std::move(frames[taken++]));
    Flush(queue);
  }
  return taken;
}

void DpdkPort::Flush(std::uint16_t queue) {
  TransmitSide& side = queues_[queue]->transmit;
  while (!side.ready().empty()) {
    const std::span<rte_mbuf*> ready = side.ready();
    auto count = static_cast<std::uint16_t>(std::min<std::size_t>(ready.size(), kBurst));
    if (prepares_) {
      count = rte_eth_tx_prepare(port_, queue, ready.data(), count);
      if (count == 0) {
        side.DropFirst();
        continue;
      }
    }
    std::array<std::uint32_t, kBurst> sizes;
    for (std::uint16_t i = 0; i < count; ++i) sizes[i] = ready[i]->pkt_len;
    const std::uint16_t sent = rte_eth_tx_burst(port_, queue, ready.data(), count);
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < sent; ++i) bytes += sizes[i];
    side.Sent(sent, bytes);
    if (sent != 0) continue;
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port_, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN) {
      side.dropped_link_down.Add(side.DropReady());
    }
    return;
  }
}

std::size_t DpdkPort::Receive(std::uint16_t queue, std::span<Frame> frames) {
  SLIPWAY_CHECK(queue < queues_.size());
  Queue& own = *queues_[queue];
  if (!own.transmit.ready().empty()) Flush(queue);
  std::array<rte_mbuf*, kBurst> burst{};
  const auto wanted = static_cast<std::uint16_t>(std::min<std::size_t>(frames.size(), kBurst));
  const std::uint16_t count = rte_eth_rx_burst(port_, queue, burst.data(), wanted);
  std::size_t received = 0;
  for (std::uint16_t i = 0; i < count; ++i) {
    Frame frame(burst[i]);
    if (own.receive.Accept(frame)) frames[received++] = std::move(frame);
  }
  return received;
}

void DpdkPort::CountLink(bool up) {
  if (link_up_.exchange(up) != up) link_changes_.fetch_add(1);
}

int DpdkPort::OnLinkChange(std::uint16_t port, rte_eth_event_type, void* self, void*) {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(port, &link) == 0) {
    static_cast<DpdkPort*>(self)->CountLink(link.link_status == RTE_ETH_LINK_UP);
  }
  return 0;
}

PortStatus DpdkPort::GetStatus() {
  if (!started_) return {};
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(port_, &link) != 0) return {};
  CountLink(link.link_status == RTE_ETH_LINK_UP);
  return {.link_up = link.link_status == RTE_ETH_LINK_UP,
          .speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed,
          .link_changes = link_changes_.load()};
}

PortStatistics DpdkPort::Statistics() const {
  PortStatistics statistics;
  for (const auto& queue : queues_) {
    queue->transmit.AddTo(statistics);
    queue->receive.AddTo(statistics);
  }
  rte_eth_stats hardware{};
  if (started_ && rte_eth_stats_get(port_, &hardware) == 0) {
    statistics.receive_missed += hardware.imissed;
    statistics.receive_errors += hardware.ierrors;
    statistics.receive_no_buffer += hardware.rx_nombuf;
    statistics.transmit_errors += hardware.oerrors;
  }
  return statistics;
}

QueueBytes DpdkPort::BytesOf(std::uint16_t queue) const {
  if (queue >= queues_.size()) return {};
  return {.received = queues_[queue]->receive.bytes(),
          .transmitted = queues_[queue]->transmit.bytes()};
}

}  // namespace slipway::dataplane
