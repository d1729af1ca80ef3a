// SPDX-License-Identifier: Apache-2.0
//
// A port that is up: its addresses, its frames, its link; and the way down, from wherever the way
// up (port_initialize.cc) ended.
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

constexpr std::uint16_t kBurst = 32;
constexpr std::size_t kDrainMax = 65'536;  // a net_null never runs dry

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
