// SPDX-License-Identifier: Apache-2.0
#include "tests/support/appliance.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "protocols/base/check.h"
#include "tests/support/station.h"
#include "tls/certificates.h"

namespace slipway::dataplane {
namespace {

std::unique_ptr<PacketPool> NewPool(EalImageMemory& images, unsigned worker) {
  static unsigned number = 0;
  auto pool = PacketPool::Create({.name = "appliance" + std::to_string(number++),
                                  .packets = 2048,
                                  .large = 8,
                                  .handles = 2048,
                                  .shard = worker,
                                  .images = &images});
  SLIPWAY_CHECK(pool.ok());
  return *std::move(pool);
}

tcp::Settings SettingsFor(const ApplianceOptions& chosen) {
  tcp::Settings settings;
  settings.mss = static_cast<std::uint16_t>(std::max(chosen.mtu, chosen.second_mtu) - 40);
  settings.connections_max = chosen.connections;
  settings.syn_backlog_max = chosen.connections / 2;
  settings.time_wait_max = 16;
  settings.stray_max = 32;
  settings.out_of_order_blocks_max = 64;
  return settings;
}

Options OptionsFor(const ApplianceOptions& chosen) {
  Options options;
  options.cores.resize(chosen.workers);
  options.ports = {{.device = "wire", .mtu = chosen.mtu}};
  options.interfaces = {{.port = 0,
                         .mtu = chosen.mtu,
                         .vlan = chosen.vlan,
                         .addresses = {Ipv4Prefix{kApplianceAddress, 24}}}};
  if (chosen.second_mtu != 0)
    options.ports.push_back({.device = "second", .mtu = chosen.second_mtu});
  if (chosen.second_mtu != 0 || chosen.second_vlan != VlanId{}) {
    options.interfaces.push_back({.port = static_cast<std::uint16_t>(options.ports.size() - 1),
                                  .mtu = chosen.second_mtu != 0 ? chosen.second_mtu : chosen.mtu,
                                  .vlan = chosen.second_vlan,
                                  .addresses = {Ipv4Prefix{kSecondAddress, 24}}});
  }
  options.limits.connections = chosen.connections;
  options.limits.handshakes_at_once = chosen.handshakes;
  options.limits.leases = std::max(64U, 2 * chosen.connections);
  options.admission = chosen.admission;
  options.probe_time = Duration{0};
  return options;
}

}  // namespace

Memory::Memory() {
  auto images = EalImageMemory::Create(std::size_t{8} << 20);
  SLIPWAY_CHECK(images.ok());
  images_ = *std::move(images);
  for (unsigned i = 0; i < pools_.size(); ++i) pools_[i] = NewPool(*images_, i);
}

std::shared_ptr<const MutableBytes> NewImage(Memory& memory, std::size_t size, std::uint32_t seed) {
  const MutableBytes bytes = memory.images().Allocate(size);
  SLIPWAY_CHECK(bytes.size() == size);
  SeededEntropy(seed).Fill(bytes);
  return {new MutableBytes(bytes), [&memory](const MutableBytes* block) {
            memory.images().Free(*block);
            delete block;
          }};
}

std::shared_ptr<const tls::Context> TestContext() {
  static const auto context = [] {
    const tls::Authority authority = tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256});
    tls::ContextOptions options;
    options.certificates.push_back(std::get<tls::Certificate>(tls::IssueServerCertificate(
        authority, {.key_type = tls::KeyType::kEcdsaP256, .dns_names = {"boot.test"}})));
    return std::get<std::shared_ptr<const tls::Context>>(tls::Context::Create(options));
  }();
  return context;
}

std::unique_ptr<Snapshot> NewSnapshot(const Serving& serving) {
  auto snapshot = std::make_unique<Snapshot>();
  dhcp::NetworkSettings network;
  network.name = "lab";
  network.prefix = Ipv4Prefix{kApplianceAddress, 24};
  network.attachment = dhcp::Attachment{0, serving.vlan};
  network.server_address = kApplianceAddress;
  network.pools = {{Ipv4Address(10, 77, 0, 100), Ipv4Address(10, 77, 0, 200)}};
  network.dns_servers = {kApplianceAddress};
  network.boot = {{.kind = dhcp::ClientKind::kHttp,
                   .architecture = {},
                   .uri = "http://boot.test/image.efi",
                   .next_server = {}}};
  dhcp::PolicySettings policy{.networks = {network}, .machines = {}, .boot = {}};
  if (serving.second_vlan) {
    network.name = "second";
    network.prefix = Ipv4Prefix{kSecondAddress, 24};
    network.attachment = dhcp::Attachment{1, *serving.second_vlan};
    network.server_address = kSecondAddress;
    network.pools = {{Ipv4Address(10, 78, 0, 100), Ipv4Address(10, 78, 0, 200)}};
    network.dns_servers = {kSecondAddress};
    policy.networks.push_back(network);
  }
  SLIPWAY_CHECK(dhcp::Policy::Mistakes(policy).empty());
  snapshot->dhcp = std::make_unique<const dhcp::Policy>(policy);
  SLIPWAY_CHECK(snapshot->dns.Add("boot.test", kApplianceAddress));
  snapshot->images = http::TableCatalog({{.path = "/image.efi",
                                          .content = Bytes(*serving.image),
                                          .etag_digest = "00",
                                          .media_type = "application/efi",
                                          .last_modified = 0,
                                          .loaded = true}});
  snapshot->keeps = {serving.image};
  if (serving.tls) snapshot->tls = TestContext();
  return snapshot;
}

Appliance::Appliance(Memory& memory, const ApplianceOptions& chosen)
    : options_(OptionsFor(chosen)),
      tcp_(SettingsFor(chosen)),
      wire_(chosen.wire),
      second_wire_({.station = kSecondMac}),
      entropy_(chosen.seed),
      snapshots_(chosen.workers),
      events_(chosen.workers, 256),
      leases_(chosen.leases),
      statistics_(chosen.workers),
      captures_(chosen.workers, chosen.second_mtu != 0 ? 2 : 1),
      time_(kUnixNanosecondsAtZero) {
  SLIPWAY_CHECK(wire_.Initialize({.mtu = chosen.mtu, .pools = {&memory.pool(0)}}).ok());
  if (chosen.second_mtu != 0) {
    SLIPWAY_CHECK(
        second_wire_.Initialize({.mtu = chosen.second_mtu, .pools = {&memory.pool(0)}}).ok());
  }
  auto handover = Handover::Create(chosen.workers);
  SLIPWAY_CHECK(handover.ok());
  handover_ = *std::move(handover);
  if (chosen.workers > 1) {
    auto ring = FrameRing::Create("detour", 64);
    SLIPWAY_CHECK(chosen.workers == 2 && ring.ok());
    detour_ = *std::move(ring);
  }
  for (unsigned i = 0; i < chosen.workers; ++i) {
    Link::End end{.port = &wire_, .queue = 0, .index = 0, .through = nullptr, .for_others = {}};
    if (i == 1) end.through = detour_.get();
    if (i == 0 && detour_) end.for_others = {detour_.get()};
    std::vector<Link::End> ends{end};
    if (chosen.second_mtu != 0) ends.push_back({.port = &second_wire_, .index = 1});
    const WorkerSetup setup{.index = i,
                            .options = options_,
                            .tcp = tcp_,
                            .pool = memory.pool(i),
                            .ends = std::move(ends),
                            .leases = {}};
    workers_.push_back(
        std::make_unique<Worker>(setup, WorkerSeams{snapshots_, events_, leases_, statistics_,
                                                    entropy_, *handover_, captures_, time_}));
  }
}

Appliance::~Appliance() = default;

bool Appliance::RunOnce(Time now) {
  bool worked = false;
  for (auto& worker : workers_) worked = worker->RunOnce(now) || worked;
  return worked;
}

void Appliance::Run(Time now) {
  constexpr int kRoundsMax = 10000;
  for (int round = 0; RunOnce(now); ++round) SLIPWAY_CHECK(round < kRoundsMax);
}

std::vector<Buffer> Appliance::Sent() {
  std::vector<Buffer> sent;
  for (Frame frame = wire_.Take(); !frame.empty(); frame = wire_.Take()) {
    sent.emplace_back(frame.size());
    frame.CopyTo(sent.back());
  }
  return sent;
}

std::size_t Appliance::MakeLeasesDurable() {
  std::array<LeaseChannel::Entry, 16> entries;
  std::size_t all = 0;
  while (const std::size_t count = leases_.Take(entries)) {
    leases_.Acknowledge(entries[count - 1].sequence);
    journalled_ = entries[count - 1].change;
    all += count;
  }
  return all;
}

std::vector<Event> Appliance::Events() {
  std::vector<Event> events(256);
  events.resize(events_.Poll(events));
  return events;
}

bool Appliance::StepsAddUp() const {
  for (const auto& worker : workers_) {
    const WorkerStatistics& statistics = worker->statistics();
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const StepCounters& step : statistics.steps) {
      if (step.out > step.in) return false;
      in += step.in;
      out += step.out;
    }
    std::uint64_t drops = 0;
    for (std::size_t i = 0; i < kDropCount; ++i) drops += statistics.drops[static_cast<Drop>(i)];
    if (in != out + drops) return false;
  }
  return true;
}

bool Appliance::TimersAreArmed() const {
  bool armed = true;
  for (const auto& worker : workers_) {
    worker->tcp().ForEach(
        [&](tcp::ConnectionId id) { armed = armed && TimerIsArmed(worker->tcp().Info(id)); });
  }
  return armed;
}

std::uint64_t Appliance::Dropped(Drop drop) const {
  std::uint64_t count = 0;
  for (const auto& worker : workers_) count += worker->statistics().drops[drop];
  return count;
}

void Appliance::Stop(Time now) {
  for (auto& worker : workers_) worker->Stop(now);
}

void Appliance::Receive(Bytes frame, Time now) {
  static_cast<void>(wire_.Deliver(frame));
  Run(now);
}

std::optional<Buffer> Appliance::Emit(Time now) {
  Frame frame = wire_.Take();
  if (frame.empty()) {
    Run(now);  // there is room on the wire again
    frame = wire_.Take();
  }
  if (frame.empty()) return std::nullopt;
  Buffer bytes(frame.size());
  frame.CopyTo(bytes);
  return bytes;
}

Time Appliance::Deadline() const {
  Time deadline = kNever;
  for (const auto& worker : workers_) deadline = std::min(deadline, worker->Deadline());
  return deadline;
}

}  // namespace slipway::dataplane
