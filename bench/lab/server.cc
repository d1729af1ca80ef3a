// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/server.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <rte_lcore.h>

#include <latch>
#include <optional>
#include <variant>

#include "absl/strings/str_format.h"
#include "bench/lab/real_time.h"
#include "dataplane/huge_pages.h"
#include "protocols/base/check.h"
#include "tls/certificates.h"

namespace slipway::bench {
namespace {

std::vector<tls::Certificate> NewCertificates() {
  const tls::Authority authority = tls::MakeAuthority({});
  std::vector<tls::Certificate> certificates;
  for (const tls::KeyType type : {tls::KeyType::kEcdsaP256, tls::KeyType::kRsa2048}) {
    certificates.push_back(std::get<tls::Certificate>(tls::IssueServerCertificate(
        authority, {.key_type = type, .dns_names = {"boot.test"}, .ip_addresses = {"10.50.0.1"}})));
  }
  return certificates;
}

std::string DigestOf(Bytes bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  SLIPWAY_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) absl::StrAppendFormat(&text, "%02x", digest[i]);
  return text;
}

}  // namespace

// Made once in a process: keys take longer than all else a row needs to begin.
const std::vector<tls::Certificate>& BenchCertificates() {
  static const std::vector<tls::Certificate> certificates = NewCertificates();
  return certificates;
}

void PinTo(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

dataplane::Options BenchOptions(std::vector<unsigned> cores, std::uint16_t mtu) {
  dataplane::Options options;
  options.cores = std::move(cores);
  options.ports = {{.device = "bench", .mtu = mtu}};
  options.interfaces = {{.mtu = mtu, .vlan = {}, .addresses = {Ipv4Prefix{kServerAddress, 16}}}};
  options.limits.handshake_share = 50;
  options.admission.enabled = false;  // readers of most rows never end, and would keep their turns
  options.limits.leases = 65'536;
  options.probe_time = Duration{0};
  return options;
}

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(dataplane::Undi& port,
                                                                const BenchServerOptions& options) {
  std::unique_ptr<BenchServer> server(new BenchServer(port, options));
  if (absl::Status status = server->Prepare(); !status.ok()) return status;
  return server;
}

BenchServer::BenchServer(dataplane::Undi& port, const BenchServerOptions& options)
    : port_(port), options_(BenchOptions({options.core}, options.mtu)), chosen_(options) {
  if (options.seed == 0) {
    entropy_ = std::make_unique<dataplane::SystemEntropy>();
  } else {
    entropy_ = std::make_unique<SeededEntropy>(options.seed);
  }
  // A caller that counts instructions wants the same ones every time.
  if (!options.own_thread) options_.limits.handshake_share = 0;
  options_.limits.connections = options.connections;
  options_.limits.handshakes_at_once = options.connections;
  options_.admission.enabled = options.admission;
  options_.limits.frames = options.frames;
  tcp_.mss = static_cast<std::uint16_t>(options.mtu - 40);
  tcp_.connections_max = options.connections;
  tcp_.syn_backlog_max = std::min(options.connections, tcp_.syn_backlog_max);
}

absl::Status BenchServer::Prepare() {
  auto images = dataplane::EalImageMemory::Create(chosen_.image_bytes);
  if (!images.ok()) return images.status();
  images_ = *std::move(images);
  auto pool = dataplane::PacketPool::Create(
      {.name = chosen_.name,
       .packets = options_.limits.frames,
       .packet_bytes =
           std::max<std::uint16_t>(2048, static_cast<std::uint16_t>(options_.ports[0].mtu + 128)),
       .handles = options_.limits.frames,
       .images = images_.get()});
  if (!pool.ok()) return pool.status();
  pool_ = *std::move(pool);
  dataplane::Offloads offloads = dataplane::Offloads::All();
  offloads.tcp_segmentation = chosen_.tcp_segmentation;
  if (absl::Status status = port_.Initialize({.mtu = options_.ports[0].mtu,
                                              .offloads = offloads,
                                              .pools = {pool_.get()},
                                              .receive_descriptors = 1024,
                                              .transmit_descriptors = 512});
      !status.ok()) {
    return status;
  }
  auto handover = dataplane::Handover::Create(1);
  if (!handover.ok()) return handover.status();
  handover_ = *std::move(handover);
  image_ = NewBenchImage(*images_, chosen_.image_bytes);
  snapshots_.Publish(NewBenchSnapshot(image_, BenchCertificates()));
  const dataplane::WorkerSetup setup{
      .index = 0,
      .options = options_,
      .tcp = tcp_,
      .pool = *pool_,
      .ends = {{.port = &port_, .queue = 0, .index = 0, .through = nullptr, .for_others = {}}},
      .leases = {},
      .pages = &dataplane::HugePages::Get()};
  worker_ = std::make_unique<dataplane::Worker>(
      setup, dataplane::WorkerSeams{snapshots_, events_, leases_, board_, *entropy_, *handover_,
                                    captures_, time_});
  if (!chosen_.own_thread) return absl::OkStatus();
  // A caller that spins on the core where the thread was born would never let it leave.
  std::latch on_its_core(1);
  thread_ = std::thread([this, &on_its_core] {
    PinTo(options_.cores[0]);
    on_its_core.count_down();
    Run();
  });
  on_its_core.wait();
  return absl::OkStatus();
}

MutableBytes NewBenchImage(dataplane::EalImageMemory& images, std::size_t bytes) {
  const MutableBytes image = images.Allocate(bytes);
  SLIPWAY_CHECK(image.size() == bytes);
  // A random megabyte over and over: no page is shared or zero, and it is there in a second.
  constexpr std::size_t kPattern = std::size_t{1} << 20;
  const MutableBytes pattern = image.first(std::min(kPattern, image.size()));
  SeededEntropy(1).Fill(pattern);
  for (std::size_t at = pattern.size(); at < image.size(); at += pattern.size()) {
    static_cast<void>(Copy(Bytes(pattern), image.subspan(at)));
  }
  return image;
}

std::unique_ptr<dataplane::Snapshot> NewBenchSnapshot(
    Bytes image, const std::vector<tls::Certificate>& certificates) {
  auto snapshot = std::make_unique<dataplane::Snapshot>();
  snapshot->images = http::TableCatalog({{.path = "/image",
                                          .content = image,
                                          .etag_digest = DigestOf(image),
                                          .media_type = "application/octet-stream",
                                          .last_modified = 0,
                                          .loaded = true}});
  snapshot->tls = std::get<std::shared_ptr<const tls::Context>>(tls::Context::Create(
      {.certificates = certificates, .ticket_keys = std::make_shared<tls::TicketKeys>()}));
  dhcp::NetworkSettings network;
  network.name = "bench";
  network.prefix = Ipv4Prefix{kServerAddress, 16};
  network.attachment = dhcp::Attachment{0, VlanId{}};
  network.server_address = kServerAddress;
  network.pools = {{Ipv4Address(10, 50, 16, 0), Ipv4Address(10, 50, 255, 254)}};
  network.dns_servers = {kServerAddress};
  network.boot = {{.kind = dhcp::ClientKind::kHttp,
                   .architecture = {},
                   .uri = "https://boot.test/image",
                   .next_server = {}},
                  {.kind = dhcp::ClientKind::kIpxe,
                   .architecture = {},
                   .uri = "https://boot.test/image",
                   .next_server = {}}};
  snapshot->dhcp = std::make_unique<const dhcp::Policy>(
      dhcp::PolicySettings{.networks = {network}, .machines = {}, .boot = {}});
  SLIPWAY_CHECK(snapshot->dns.Add("boot.test", kServerAddress));
  return snapshot;
}

void BenchServer::Run() {
  SLIPWAY_CHECK(rte_thread_register() == 0);
  pthread_setname_np(pthread_self(), "bench-server");
  std::optional<RealTime> priority;
  if (chosen_.real_time) priority.emplace();
  while (!stop_.load(std::memory_order_relaxed)) {
    static_cast<void>(worker_->RunOnce(Now()));
    if (!busy()) continue;
    errand_();
    has_errand_.store(false, std::memory_order_release);
  }
  worker_->Stop(Now());
  rte_thread_unregister();
}

void BenchServer::RunOnCore(std::function<void()> work) {
  SLIPWAY_CHECK(!busy());
  errand_ = std::move(work);
  has_errand_.store(true, std::memory_order_release);
}

void BenchServer::RunFor(Duration time) {
  Time now = Now();
  for (const Time end = now + time; now < end; now = Now()) {
    static_cast<void>(worker_->RunOnce(now));
  }
}

void BenchServer::Lend(const std::function<void()>& work) {
  const Time before = clock_.Now();
  work();
  lent_ += clock_.Now() - before;
}

void BenchServer::KeepUp() {
  std::array<dataplane::LeaseChannel::Entry, 256> entries;
  std::array<dataplane::Event, 256> events;
  while (const std::size_t count = chosen_.acknowledge_leases ? leases_.Take(entries) : 0) {
    leases_.Acknowledge(entries[count - 1].sequence);
  }
  while (events_.Poll(events) > 0) {
  }
}

void BenchServer::Stop() {
  stop_.store(true);
  if (thread_.joinable()) {
    thread_.join();
  } else if (worker_ != nullptr) {
    worker_->Stop(last_round_);
  }
  worker_.reset();
}

BenchServer::~BenchServer() {
  Stop();
  port_.Shutdown();
  if (!image_.empty()) images_->Free(image_);
}

}  // namespace slipway::bench
