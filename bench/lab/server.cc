// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/server.h"

#include <pthread.h>
#include <rte_lcore.h>

#include <latch>
#include <variant>

#include "dataplane/clock.h"
#include "protocols/base/check.h"
#include "tls/certificates.h"

namespace slipway::bench {
namespace {

std::shared_ptr<const tls::Context> NewContext() {
  const tls::Authority authority = tls::MakeAuthority({});
  tls::ContextOptions options;
  for (const tls::KeyType type : {tls::KeyType::kEcdsaP256, tls::KeyType::kRsa2048}) {
    options.certificates.push_back(std::get<tls::Certificate>(tls::IssueServerCertificate(
        authority, {.key_type = type, .dns_names = {"boot.test"}, .ip_addresses = {"10.50.0.1"}})));
  }
  return std::get<std::shared_ptr<const tls::Context>>(tls::Context::Create(options));
}

void Pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(dataplane::Undi& port,
                                                                const BenchServerOptions& options) {
  std::unique_ptr<BenchServer> server(new BenchServer(port, options));
  if (absl::Status status = server->Prepare(); !status.ok()) return status;
  return server;
}

BenchServer::BenchServer(dataplane::Undi& port, const BenchServerOptions& options)
    : port_(port), chosen_(options) {
  options_.cores = {options.core};
  options_.ports = {{.device = "bench",
                     .mtu = options.mtu,
                     .vlan = {},
                     .addresses = {Ipv4Prefix{kServerAddress, 16}},
                     .gateway = {}}};
  options_.limits.connections = options.connections;
  options_.limits.handshakes_at_once = options.connections;
  options_.limits.frames = options.frames;
  options_.probe_time = Duration{0};
  tcp_.mss = static_cast<std::uint16_t>(options.mtu - 40);
  tcp_.connections_max = options.connections;
  tcp_.syn_backlog_max = options.connections;
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
  PublishImage();
  const dataplane::WorkerSetup setup{
      .index = 0,
      .options = options_,
      .tcp = tcp_,
      .pool = *pool_,
      .ends = {{.port = &port_, .queue = 0, .interface = 0, .through = nullptr, .for_others = {}}},
      .leases = {}};
  worker_ = std::make_unique<dataplane::Worker>(
      setup, dataplane::WorkerSeams{snapshots_, events_, leases_, board_, entropy_, *handover_,
                                    /*unix_nanoseconds_at_zero=*/0});
  // A caller that spins on the core where the thread was born would never let it leave.
  std::latch on_its_core(1);
  thread_ = std::thread([this, &on_its_core] {
    Pin(options_.cores[0]);
    on_its_core.count_down();
    Run();
  });
  on_its_core.wait();
  return absl::OkStatus();
}

void BenchServer::PublishImage() {
  image_ = images_->Allocate(chosen_.image_bytes);
  SLIPWAY_CHECK(image_.size() == chosen_.image_bytes);
  // A random megabyte over and over: no page is shared or zero, and it is there in a second.
  constexpr std::size_t kPattern = std::size_t{1} << 20;
  const MutableBytes pattern = image_.first(std::min(kPattern, image_.size()));
  SeededEntropy(1).Fill(pattern);
  for (std::size_t at = pattern.size(); at < image_.size(); at += pattern.size()) {
    static_cast<void>(Copy(Bytes(pattern), image_.subspan(at)));
  }
  auto snapshot = std::make_unique<dataplane::Snapshot>();
  snapshot->images = http::TableCatalog({{.path = "/image",
                                          .content = Bytes(image_),
                                          .etag_digest = "00",
                                          .media_type = "application/octet-stream",
                                          .last_modified = 0,
                                          .loaded = true}});
  snapshot->tls = NewContext();
  snapshots_.Publish(std::move(snapshot));
}

void BenchServer::Run() {
  SLIPWAY_CHECK(rte_thread_register() == 0);
  pthread_setname_np(pthread_self(), "bench-server");
  const dataplane::Clock clock;
  while (!stop_.load(std::memory_order_relaxed)) {
    static_cast<void>(worker_->RunOnce(clock.Now()));
    if (!busy()) continue;
    errand_();
    has_errand_.store(false, std::memory_order_release);
  }
  worker_->Stop(clock.Now());
  rte_thread_unregister();
}

void BenchServer::RunOnCore(std::function<void()> work) {
  SLIPWAY_CHECK(!busy());
  errand_ = std::move(work);
  has_errand_.store(true, std::memory_order_release);
}

void BenchServer::Stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
  worker_.reset();
}

BenchServer::~BenchServer() {
  Stop();
  port_.Shutdown();
  if (!image_.empty()) images_->Free(image_);
}

}  // namespace slipway::bench
