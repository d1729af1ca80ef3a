// SPDX-License-Identifier: Apache-2.0
//
// Appliance: a whole one for tests: workers over a VirtualWire, with every seam real (snapshots,
// events, leases, statistics, handover) and no thread: whoever owns it says when a round is and
// what time. EAL must have been started (eal_environment.cc). Frames in, frames out.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/eal_image_memory.h"
#include "dataplane/packet_pool.h"
#include "dataplane/virtual_wire.h"
#include "dataplane/worker.h"
#include "protocols/base/entropy.h"
#include "tests/support/endpoint.h"

namespace slipway::dataplane {

inline constexpr std::int64_t kUnixNanosecondsAtZero = 1'795'341'600'000'000'000;  // 2026-11-22
inline constexpr MacAddress kApplianceMac{{0x02, 0, 0, 0, 0, 1}};
inline constexpr Ipv4Address kApplianceAddress(10, 77, 0, 1);
inline constexpr MacAddress kSecondMac{{0x02, 0, 0, 0, 0, 2}};
inline constexpr Ipv4Address kSecondAddress(10, 78, 0, 1);

// Packet memory for up to two workers, and image memory; made once, used by many appliances.
class Memory {
 public:
  Memory();
  PacketPool& pool(unsigned worker) { return *pools_[worker]; }
  ImageMemory& images() { return *images_; }
  std::size_t in_use() const { return pools_[0]->in_use() + pools_[1]->in_use(); }

 private:
  std::unique_ptr<EalImageMemory> images_;
  std::array<std::unique_ptr<PacketPool>, 2> pools_;
};

// Bytes of `size` that differ from image to image, in image memory until the pointer dies.
std::shared_ptr<const MutableBytes> NewImage(Memory& memory, std::size_t size, std::uint32_t seed);

// A context with one ECDSA certificate and no tickets, made once in a process.
std::shared_ptr<const tls::Context> TestContext();

// Serves /image.efi, the name boot.test, and DHCP for 10.77.0.0/24 on the wire of `vlan`; for
// 10.78.0.0/24 too where a second interface is given.
struct Serving {
  std::shared_ptr<const MutableBytes> image;
  VlanId vlan = {};
  bool tls = false;
  std::optional<VlanId> second_vlan = {};
};
std::unique_ptr<Snapshot> NewSnapshot(const Serving& serving);

struct ApplianceOptions {
  unsigned workers = 1;
  std::uint64_t seed = 1;
  std::uint16_t mtu = 1500;
  VlanId vlan = {};
  VirtualWireOptions wire = {};
  unsigned leases = 16;  // on their way to the journal
  // Of a second interface, at kSecondAddress: with an MTU on a port of its own, else on the first.
  std::uint16_t second_mtu = 0;
  VlanId second_vlan = {};
  std::uint32_t connections = 16;
  std::uint32_t handshakes = 1024;  // under way at once
  AdmissionOptions admission = {};
};

class Appliance final : public Endpoint {
 public:
  Appliance(Memory& memory, const ApplianceOptions& options);
  ~Appliance() override;

  // One round of each worker; true when any found work.
  bool RunOnce(Time now);
  // Rounds until nothing is left to do now.
  void Run(Time now);
  // Everything that left since.
  std::vector<Buffer> Sent();
  // Acknowledges all leases, as the journal would; returns how many.
  std::size_t MakeLeasesDurable();
  // The last of them, as the journal has it.
  const dhcp::LeaseChange& journalled() const { return journalled_; }
  std::vector<Event> Events();
  // in == out + drops, over all steps of all workers.
  bool StepsAddUp() const;
  // Of every connection of every worker (TimerIsArmed in station.h).
  bool TimersAreArmed() const;
  std::uint64_t Dropped(Drop drop) const;
  void Stop(Time now);
  // The wall clock is set, as by NTP.
  void StepWallClock(Duration by) { time_.Step(by); }

  void Receive(Bytes frame, Time now) override;
  std::optional<Buffer> Emit(Time now) override;
  Time Deadline() const override;
  void Expire(Time now) override { Run(now); }

  VirtualWire& wire() { return wire_; }
  VirtualWire& second_wire() { return second_wire_; }
  SnapshotPublisher& snapshots() { return snapshots_; }
  Captures& captures() { return captures_; }
  const WorkerStatistics& statistics(unsigned worker = 0) const {
    return workers_[worker]->statistics();
  }

 private:
  Options options_;
  tcp::Settings tcp_;
  VirtualWire wire_;
  VirtualWire second_wire_;
  SeededEntropy entropy_;
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<FrameRing> detour_;  // worker 1 has no queue of its own
  SnapshotPublisher snapshots_;
  EventQueue events_;
  LeaseChannel leases_;
  StatisticsBoard statistics_;
  Captures captures_;
  VirtualTimekeeper time_;
  dhcp::LeaseChange journalled_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace slipway::dataplane
