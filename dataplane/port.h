// SPDX-License-Identifier: Apache-2.0
//
// DpdkPort: Undi over any DPDK ethdev: PCI drivers and the vdevs net_vhost, net_virtio_user,
// net_memif, net_tap, net_af_packet, net_af_xdp, net_ring, net_pcap, net_null.
//
// Initialize probes the device and configures what it says it can do; what it cannot is done by
// TransmitSide and ReceiveSide (offload.h). Shutdown takes the device away again, so that every
// buffer it holds comes back, and a later Initialize begins from nothing.
//
// Peers that come and go (net_vhost: a guest resets its NIC at every stage of a boot, QEMU is
// restarted; net_memif) are changes of the link: the server's socket and the queues stay, frames
// for a link that is down are dropped and counted, nothing else is remembered.
//
// A PCI device must have been allowed when EAL started (EalOptions::pci).
#pragma once

#include <rte_ethdev.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/offload.h"
#include "dataplane/packet_pool.h"
#include "dataplane/port_name.h"
#include "dataplane/undi.h"

namespace slipway::dataplane {

class DpdkPort final : public Undi {
 public:
  // Nothing is touched before Initialize.
  explicit DpdkPort(std::string name) : text_(std::move(name)) {}
  ~DpdkPort() override { Shutdown(); }
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;

  const std::string& name() const { return text_; }

  absl::Status Initialize(const InitializeRequest& request) override;
  void Shutdown() override;
  MacAddress StationAddress() const override { return station_; }
  absl::Status SetStationAddress(const MacAddress& address) override;
  absl::Status ReceiveFilters(const ReceiveFilterSettings& settings) override;
  std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) override;
  std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) override;
  PortStatus GetStatus() override;
  PortStatistics Statistics() const override;
  QueueBytes BytesOf(std::uint16_t queue) const override;
  const struct Capabilities& Capabilities() const override { return capabilities_; }

 private:
  struct Queue {
    Queue(const PortLimits& limits, PacketPool& pool) : transmit(limits), receive(limits, pool) {}
    TransmitSide transmit;
    ReceiveSide receive;
  };

  absl::Status Probe();
  absl::Status Configure(const InitializeRequest& request, const rte_eth_dev_info& info);
  absl::Status SetUpQueues(const InitializeRequest& request, const rte_eth_dev_info& info);
  int SetMtu(std::uint16_t mtu);
  absl::Status Start();
  absl::StatusOr<PacketPool*> ReceivePool(PacketPool& workers, std::uint16_t queue);
  void ReadStationAddress();
  absl::Status Failed(const char* step, int error, const char* remedy) const;
  void Flush(std::uint16_t queue);
  void Drain();
  void CountLink(bool up);
  static int OnLinkChange(std::uint16_t port, rte_eth_event_type event, void* self, void*);

  std::string text_;
  PortName parsed_;
  rte_device* device_ = nullptr;
  std::uint16_t port_ = 0;
  bool attached_ = false;
  bool configured_ = false;
  bool started_ = false;
  bool station_in_software_ = false;
  bool prepares_ = false;  // the hardware takes requests: the driver wants to see frames first
  MacAddress station_;
  struct Capabilities capabilities_;
  PortLimits limits_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<std::unique_ptr<PacketPool>> own_pools_;  // for a driver that forgets buffers
  std::atomic<bool> link_up_{false};
  std::atomic<std::uint64_t> link_changes_{0};
};

}  // namespace slipway::dataplane
