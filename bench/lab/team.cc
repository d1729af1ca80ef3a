// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/team.h"

#include <rte_lcore.h>

#include <chrono>
#include <latch>
#include <optional>

#include "bench/lab/real_time.h"
#include "bench/storm/frames.h"
#include "dataplane/clock.h"
#include "dataplane/huge_pages.h"
#include "protocols/base/check.h"
#include "protocols/wire/ethernet.h"

namespace slipway::bench {

using dataplane::Frame;

class Team::Port final : public dataplane::Undi {
 public:
  void Add(RingWire* wire) { wires_.push_back(wire); }

  absl::Status Initialize(const dataplane::InitializeRequest& request) override {
    for (std::size_t i = 0; i < wires_.size(); ++i) {
      dataplane::InitializeRequest one = request;
      one.pools = {request.pools[i]};
      if (absl::Status status = wires_[i]->Initialize(one); !status.ok()) return status;
    }
    capabilities_ = wires_[0]->Capabilities();
    capabilities_.queues = static_cast<std::uint16_t>(wires_.size());
    return absl::OkStatus();
  }
  void Shutdown() override {
    for (RingWire* wire : wires_) wire->Shutdown();
  }
  MacAddress StationAddress() const override { return wires_[0]->StationAddress(); }
  absl::Status SetStationAddress(const MacAddress& address) override {
    return wires_[0]->SetStationAddress(address);
  }
  absl::Status ReceiveFilters(const dataplane::ReceiveFilterSettings&) override { return {}; }
  std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) override {
    return wires_[queue]->Transmit(0, frames);
  }
  std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) override {
    return wires_[queue]->Receive(0, frames);
  }
  dataplane::PortStatus GetStatus() override { return wires_[0]->GetStatus(); }
  dataplane::PortStatistics Statistics() const override { return wires_[0]->Statistics(); }
  dataplane::QueueBytes BytesOf(std::uint16_t queue) const override {
    return wires_[queue]->BytesOf(0);
  }
  const struct dataplane::Capabilities& Capabilities() const override { return capabilities_; }

 private:
  std::vector<RingWire*> wires_;
  struct dataplane::Capabilities capabilities_;
};

class Team::FarEnd final : public dataplane::Undi {
 public:
  FarEnd(std::unique_ptr<RingWire> wire, dataplane::PacketPool& pool, MacAddress server)
      : wire_(std::move(wire)), pool_(pool), server_(server) {}

  absl::Status Initialize(const dataplane::InitializeRequest& request) override {
    return wire_->Initialize(request);
  }
  void Shutdown() override {
    answers_.clear();
    wire_->Shutdown();
  }
  MacAddress StationAddress() const override { return wire_->StationAddress(); }
  absl::Status SetStationAddress(const MacAddress& address) override {
    return wire_->SetStationAddress(address);
  }
  absl::Status ReceiveFilters(const dataplane::ReceiveFilterSettings&) override { return {}; }
  std::size_t Transmit(std::uint16_t queue, std::span<Frame> frames) override {
    std::size_t taken = 0;
    for (; taken < frames.size() && AnswerArp(frames[taken]); ++taken) frames[taken].Free();
    return taken + wire_->Transmit(queue, frames.subspan(taken));
  }
  std::size_t Receive(std::uint16_t queue, std::span<Frame> frames) override {
    std::size_t received = 0;
    while (received < frames.size() && !answers_.empty()) {
      frames[received++] = std::move(answers_.back());
      answers_.pop_back();
    }
    return received + wire_->Receive(queue, frames.subspan(received));
  }
  dataplane::PortStatus GetStatus() override { return wire_->GetStatus(); }
  dataplane::PortStatistics Statistics() const override { return wire_->Statistics(); }
  dataplane::QueueBytes BytesOf(std::uint16_t queue) const override {
    return wire_->BytesOf(queue);
  }
  const struct dataplane::Capabilities& Capabilities() const override {
    return wire_->Capabilities();
  }

 private:
  // True for a request, which goes no further. One behind other frames is sent to the server, whose
  // worker 0 answers on its own queue; the machine asks again.
  bool AnswerArp(const Frame& frame) {
    const auto link = ethernet::ParseFrame(frame.bytes());
    if (!link || link->header.type != ethernet::kArp) return false;
    const auto packet = arp::Parse(link->payload);
    if (!packet || packet->operation != arp::Operation::kRequest) return true;
    Frame answer = pool_.Allocate();
    std::array<std::uint8_t, 64> room;
    const std::size_t size = storm::WriteArpFrame(packet->sender_mac,
                                                  {.operation = arp::Operation::kReply,
                                                   .sender_mac = server_,
                                                   .sender_ip = packet->target_ip,
                                                   .target_mac = packet->sender_mac,
                                                   .target_ip = packet->sender_ip},
                                                  room);
    if (!answer.empty() && answer.AppendCopy(Bytes(room).first(size))) {
      answers_.push_back(std::move(answer));
    }
    return true;
  }

  std::unique_ptr<RingWire> wire_;
  dataplane::PacketPool& pool_;
  MacAddress server_;
  std::vector<Frame> answers_;
};

absl::StatusOr<std::unique_ptr<Team>> Team::Start(const TeamOptions& options) {
  std::unique_ptr<Team> team(new Team(options));
  if (absl::Status status = team->Prepare(); !status.ok()) return status;
  return team;
}

Team::Team(const TeamOptions& options)
    : chosen_(options),
      options_(BenchOptions(options.cores, /*mtu=*/1500)),
      snapshots_(static_cast<unsigned>(options.cores.size())),
      events_(static_cast<unsigned>(options.cores.size()), 4096),
      board_(static_cast<unsigned>(options.cores.size())),
      captures_(static_cast<unsigned>(options.cores.size()), 1) {
  tcp_.mss = 1460;
  tcp_.connections_max = options_.limits.connections;
}

absl::Status Team::Prepare() {
  const auto workers = static_cast<unsigned>(chosen_.cores.size());
  auto images = dataplane::EalImageMemory::Create(chosen_.image_bytes, workers);
  if (!images.ok()) return images.status();
  images_ = *std::move(images);
  auto handover = dataplane::Handover::Create(workers);
  if (!handover.ok()) return handover.status();
  handover_ = *std::move(handover);
  image_ = NewBenchImage(*images_, chosen_.image_bytes);
  snapshots_.Publish(NewBenchSnapshot(image_, BenchCertificates()));
  port_ = std::make_unique<Port>();
  dataplane::InitializeRequest request;
  for (unsigned i = 0; i < workers; ++i) {
    if (absl::Status status = MakeMember(i); !status.ok()) return status;
    port_->Add(members_[i]->near.get());
    request.pools.push_back(members_[i]->pool.get());
  }
  request.queues = static_cast<std::uint16_t>(workers);
  request.offloads.tcp_segmentation = false;
  if (absl::Status status = port_->Initialize(request); !status.ok()) return status;
  for (unsigned i = 0; i < workers; ++i) {
    Member& member = *members_[i];
    if (absl::Status status = member.far->Initialize({.pools = {member.machines_pool.get()}});
        !status.ok()) {
      return status;
    }
    storm::FarmOptions machines = chosen_.machines;
    machines.first_address = Ipv4Address(machines.first_address.value() + 256 * i);
    auto farm = storm::Farm::Create(
        machines, {.port = member.far.get(), .queue = 0, .pool = member.machines_pool.get()});
    if (!farm.ok()) return farm.status();
    member.farm = *std::move(farm);
  }
  // As the engine makes them: each by its own thread, and all before the first runs.
  const auto made = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(workers));
  for (const auto& member : members_) {
    member->thread = std::thread([this, made, &member = *member] {
      SLIPWAY_CHECK(rte_thread_register() == 0);
      PinTo(member.core);
      MakeWorker(member);
      made->arrive_and_wait();
      Spin(member);
      rte_thread_unregister();
    });
  }
  made->wait();
  return absl::OkStatus();
}

absl::Status Team::MakeMember(unsigned index) {
  auto member = std::make_unique<Member>();
  member->index = index;
  member->core = chosen_.cores[index];
  const std::string number = std::to_string(index);
  auto pool = dataplane::PacketPool::Create({.name = chosen_.name + "w" + number,
                                             .packets = options_.limits.frames,
                                             .handles = options_.limits.frames,
                                             .shard = index,
                                             .images = images_.get()});
  if (!pool.ok()) return pool.status();
  member->pool = *std::move(pool);
  auto machines = dataplane::PacketPool::Create(
      {.name = chosen_.name + "m" + number, .packets = 4096, .large = 16, .handles = 16});
  if (!machines.ok()) return machines.status();
  member->machines_pool = *std::move(machines);
  auto pair = RingWire::Create(chosen_.name + "r" + number, {.frames = 511});
  if (!pair.ok()) return pair.status();
  member->near = std::move(pair->first);
  const MacAddress station =
      index == 0 ? member->near->StationAddress() : members_[0]->near->StationAddress();
  member->far = std::make_unique<FarEnd>(std::move(pair->second), *member->machines_pool, station);
  members_.push_back(std::move(member));
  return absl::OkStatus();
}

void Team::MakeWorker(Member& member) {
  const dataplane::WorkerSetup setup{.index = member.index,
                                     .options = options_,
                                     .tcp = tcp_,
                                     .pool = *member.pool,
                                     .ends = {{.port = port_.get(),
                                               .queue = static_cast<std::uint16_t>(member.index),
                                               .index = 0,
                                               .through = nullptr,
                                               .for_others = {},
                                               .spread = true}},
                                     .leases = {},
                                     .pages = &dataplane::HugePages::Get()};
  member.worker = std::make_unique<dataplane::Worker>(
      setup, dataplane::WorkerSeams{snapshots_, events_, leases_, board_, entropy_, *handover_,
                                    captures_, time_});
}

// The snapshot's old versions are freed by nobody while it runs, so a sleeping worker holds up
// none. A member's time stands still while it rests: TCP would measure round trips across it.
void Team::Spin(Member& member) {
  const dataplane::Clock clock;
  Duration rested{};
  while (!stop_.load(std::memory_order_relaxed)) {
    if (!running_.load(std::memory_order_acquire)) {
      const Time before = clock.Now();
      member.counted = member.worker->statistics();
      member.resting.store(true, std::memory_order_release);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      rested += clock.Now() - before;
      continue;
    }
    member.resting.store(false, std::memory_order_relaxed);
    std::optional<RealTime> priority;
    if (chosen_.turns == nullptr) priority.emplace();
    while (running_.load(std::memory_order_relaxed)) TakeTurn(member, clock.Now() - rested);
  }
  member.farm->Stop(clock.Now() - rested);
  member.worker->Stop(clock.Now() - rested);
  member.far->Shutdown();
  member.near->Shutdown();
}

void Team::TakeTurn(Member& member, Time now) {
  std::unique_lock<std::mutex> turn;
  if (chosen_.turns != nullptr) turn = std::unique_lock(*chosen_.turns);
  if (chosen_.round) {
    chosen_.round(member.index, *member.worker, now);
  } else {
    static_cast<void>(member.worker->RunOnce(now));
  }
  static_cast<void>(member.farm->RunOnce(now));
}

void Team::Rest() {
  running_.store(false, std::memory_order_release);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  for (const auto& member : members_) {
    while (!member->resting.load(std::memory_order_acquire)) std::this_thread::yield();
  }
}

void Team::KeepUp() {
  std::array<dataplane::Event, 256> events;
  while (events_.Poll(events) > 0) {
  }
}

Team::~Team() {
  stop_.store(true);
  running_.store(false);
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
  for (const auto& member : members_) {
    member->farm.reset();
    member->worker.reset();
  }
  port_.reset();
  for (const auto& member : members_) {
    member->far.reset();
    member->near.reset();
  }
  members_.clear();
  if (!image_.empty()) images_->Free(image_);
}

}  // namespace slipway::bench
