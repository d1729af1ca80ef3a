// SPDX-License-Identifier: Apache-2.0
//
// The farm's round, and frames on their way in.
#include "bench/storm/farm.h"

#include <rte_cycles.h>

#include <algorithm>

#include "bench/storm/dns_client.h"
#include "bench/storm/frames.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/udp.h"

namespace slipway::storm {
namespace {

constexpr std::array<std::uint8_t, 2> kStations{0x02, 0x53};

MacAddress StationOf(std::uint32_t index) {
  MacAddress mac;
  Writer writer(mac.octets);
  writer.Put(kStations);
  writer.U32(index);
  return mac;
}

Uuid UuidOf(std::uint64_t seed, std::uint32_t index) {
  Uuid uuid;
  Writer writer(uuid.octets);
  writer.U64(0x53544f524d004000 ^ seed << 16);
  writer.U64(0x8000000000000000 | index);
  return uuid;
}

}  // namespace

Farm::Farm(const FarmOptions& options, const Wire& wire)
    : options_(options), wire_(wire), random_(options.seed) {}

Farm::~Farm() = default;

absl::StatusOr<std::unique_ptr<Farm>> Farm::Create(const FarmOptions& options, const Wire& wire) {
  std::unique_ptr<Farm> farm(new Farm(options, wire));
  if (absl::Status status = farm->SetUp(); !status.ok()) return status;
  return farm;
}

absl::Status Farm::SetUp() {
  crypto_ = RecordCrypto::Create();
  if (crypto_ == nullptr) {
    return absl::UnavailableError("this processor lacks AES-NI or PCLMULQDQ");
  }
  library_.ExpectDigest(options_.digest);
  if (options_.personalities.empty()) options_.personalities = {{Firmware::kLinux, 1}};
  for (const Workload& workload : options_.workloads) {
    const bool asks_dhcp = workload.mode == Mode::kBoot || workload.mode == Mode::kDhcp;
    if (!asks_dhcp && !options_.url) {
      return absl::InvalidArgumentError("machines with fixed addresses need a URL");
    }
    if (!asks_dhcp && !options_.url->address && options_.server.is_unspecified() &&
        options_.name_server.is_unspecified()) {
      return absl::InvalidArgumentError("a URL with a name needs --server or --dns");
    }
  }
  MakeMachines();
  for (std::size_t i = 0; i < kFirmwares; ++i) {
    Hosts& hosts = hosts_[i];
    hosts.personality = &PersonalityOf(static_cast<Firmware>(i));
    hosts.own = *hosts.personality;
    if (options_.window) hosts.own.window = *options_.window;
    const auto count = static_cast<std::uint32_t>(
        std::ranges::count(machines_, hosts.personality->firmware,
                           [](const Machine& machine) { return machine.personality->firmware; }));
    if (count == 0) continue;
    hosts.settings = TcpSettings(hosts.own, options_.mtu, 2 * count + 16);
    hosts.host = std::make_unique<tcp::Host>(hosts.settings, random_);
    hosts.client = TlsClient::Create(*hosts.personality, options_.authority_file);
    if (hosts.client == nullptr) {
      return absl::InvalidArgumentError("cannot read the CA file " + options_.authority_file);
    }
  }
  return absl::OkStatus();
}

void Farm::MakeMachines() {
  std::uint32_t weights = 0;
  for (const auto& [firmware, weight] : options_.personalities) weights += weight;
  std::size_t count = 0;
  for (const Workload& workload : options_.workloads) count += workload.machines;
  machines_ = std::vector<Machine>(count);
  wheel_ = std::make_unique<TimerWheel>(static_cast<std::uint32_t>(count));
  flood_credit_.resize(options_.workloads.size());
  receiving_.reserve(count);
  std::uint32_t index = 0;
  for (std::size_t w = 0; w < options_.workloads.size(); ++w) {
    const Workload& workload = options_.workloads[w];
    for (std::uint32_t i = 0; i < workload.machines; ++i, ++index) {
      Machine& machine = machines_[index];
      machine.index = index;
      machine.workload = static_cast<std::uint16_t>(w);
      machine.mode = workload.mode;
      machine.identity = {.mac = StationOf(index), .uuid = UuidOf(options_.seed, index)};
      // Spread evenly: with 100:50:50 every other machine is of the first kind.
      std::uint64_t turn = std::uint64_t{i} * 2654435761U % weights;
      for (const auto& [firmware, weight] : options_.personalities) {
        if (turn < weight) {
          machine.personality = &PersonalityOf(firmware);
          break;
        }
        turn -= weight;
      }
      machine.verified = options_.verify_every != 0 && i % options_.verify_every == 0;
      const auto offset = random_.Below(15000);
      machine.local_port = static_cast<std::uint16_t>(49152 + offset);
      if (options_.firmware_receiver) {
        machine.receiver = std::make_unique<FirmwareReceiver>(options_.poll_turn);
      }
      if (workload.mode == Mode::kBoot) ++boots_;
    }
  }
}

// Asks for the server's address as a stranger (RFC 5227) until somebody has it.
bool Farm::AwaitServer(Time now) {
  const Ipv4Address named =
      options_.url ? options_.url->address.value_or(Ipv4Address()) : Ipv4Address();
  const Ipv4Address server = named.is_unspecified() ? options_.server : named;
  bool answered = !options_.await_server || server.is_unspecified();
  const std::size_t count = wire_.port->Receive(wire_.queue, burst_);
  for (std::size_t i = 0; i < count; ++i) {
    const dataplane::Frame arrived = std::move(burst_[i]);
    const auto frame = ethernet::ParseFrame(arrived.bytes());
    if (!frame || frame->header.type != ethernet::kArp) continue;
    const auto packet = arp::Parse(frame->payload);
    answered |= packet && packet->sender_ip == server;
  }
  if (answered) {
    Begin(now);
  } else if (now >= next_call_) {
    next_call_ = now + std::chrono::milliseconds(50);
    SendBytes(MutableBytes(room_).first(WriteArpFrame(MacAddress::Broadcast(),
                                                      {.operation = arp::Operation::kRequest,
                                                       .sender_mac = machines_[0].identity.mac,
                                                       .sender_ip = {},
                                                       .target_mac = {},
                                                       .target_ip = server},
                                                      room_)));
    Flush();
  }
  return answered;
}

void Farm::Begin(Time now) {
  begun_ = true;
  started_at_ = now;
  last_flood_ = now;
  if (options_.warm_up == Duration{}) Mark();
  for (std::size_t w = 0, index = 0; w < options_.workloads.size(); ++w) {
    const auto count = static_cast<Duration::rep>(options_.workloads[w].machines);
    for (Duration::rep i = 0; i < count; ++i, ++index) {
      wheel_->Arm(static_cast<std::uint32_t>(index), now + options_.power_on * i / count);
    }
  }
}

void Farm::Mark() {
  marked_at_ = now_;
  marked_ = tally_;
  for (Machine& machine : machines_) machine.body_bytes_at_mark = machine.body_bytes;
}

bool Farm::RunOnce(Time now) {
  const std::uint64_t start = rte_rdtsc();
  now_ = now;
  if (!begun_ && !AwaitServer(now)) return false;
  bool busy = Receive() > 0;
  DrainReceivers();
  while (const auto owner = wheel_->Pop(now)) {
    busy = true;
    OnTimer(machines_[*owner]);
  }
  for (Hosts& hosts : hosts_) {
    if (hosts.host == nullptr) continue;
    while (const auto expired = hosts.host->Expire(now)) OnExpired(*expired, hosts);
  }
  busy |= !handshakes_due_.empty();
  StepHandshakes();
  Emit();
  Flood();
  busy |= waiting_ > 0;
  Flush();
  const bool time_is_up = options_.limit > Duration{} && now - started_at_ >= options_.limit;
  const bool enough = options_.bytes > 0 && tally_.body_bytes >= options_.bytes;
  const bool boots_done = boots_ > 0 && boots_over_ == boots_;
  finished_ = time_is_up || enough || boots_done;
  if (marked_at_ == kNever && now - started_at_ >= options_.warm_up) Mark();
  const std::uint64_t cycles = rte_rdtsc() - start;
  tally_.all_cycles += cycles;
  if (busy) tally_.busy_cycles += cycles;
  return busy;
}

void Farm::Stop(Time now) {
  now_ = now;
  for (Machine& machine : machines_) {
    if (machine.mode == Mode::kBoot && !machine.is_over()) Fail(machine, Failure::kOutOfTime);
    Reset(machine);
    if (machine.receiver != nullptr) {
      while (!machine.receiver->empty()) static_cast<void>(machine.receiver->Take(kNever));
    }
  }
  Emit();
  Flush();
  while (waiting_ > 0) {
    outbox_[first_].Free();
    first_ = (first_ + 1) % kOutbox;
    --waiting_;
  }
  finished_ = true;
}

bool Farm::Chance(double probability) {
  return probability > 0 && static_cast<double>(random_.Next64() >> 11) * 0x1p-53 < probability;
}

Machine* Farm::MachineOf(const MacAddress& mac) {
  Reader reader(mac.octets);
  if (!Equal(reader.Take(kStations.size()), kStations)) return nullptr;
  const std::uint32_t index = reader.U32();
  return index < machines_.size() ? &machines_[index] : nullptr;
}

// False where another machine has it that has a connection: segments that leave are told apart by
// it alone.
bool Farm::TakeAddress(Machine& machine) {
  std::uint32_t& owner = by_address_[machine.address.value()];
  if (owner != machine.index && machines_[owner].address == machine.address &&
      machines_[owner].connection.valid()) {
    return false;
  }
  owner = machine.index;
  return true;
}

std::size_t Farm::Receive() {
  const std::size_t count = wire_.port->Receive(wire_.queue, burst_);
  tally_.frames_received += count;
  for (std::size_t i = 0; i < count; ++i) {
    if (Chance(options_.loss)) {
      ++tally_.lost_arriving;
      burst_[i].Free();
    } else {
      ReceiveFrame(std::move(burst_[i]));
    }
  }
  return count;
}

void Farm::ReceiveFrame(dataplane::Frame arrived) {
  const auto frame = ethernet::ParseFrame(arrived.bytes());
  if (!frame) {
    ++tally_.malformed;
    return;
  }
  const bool to_all = frame->header.destination.is_broadcast();
  Machine* machine = to_all ? nullptr : MachineOf(frame->header.destination);
  if (machine == nullptr && !to_all) {
    ++tally_.not_for_us;
    return;
  }
  if (frame->header.type == ethernet::kArp) return ReceiveArp(frame->payload);
  if (machine != nullptr && machine->mode == Mode::kSynFlood) {
    ++tally_.flood_answers;  // nobody is there to read them
    return;
  }
  const auto packet = ipv4::Parse(frame->payload, arrived.ip_checksum());
  if (frame->header.type != ethernet::kIpv4 || !packet) {
    ++(packet ? tally_.not_for_us : tally_.malformed);
    return;
  }
  if (packet->protocol == ipv4::kUdp) {
    ReceiveUdp(machine, *packet, arrived.transport_checksum());
  } else if (packet->protocol != ipv4::kTcp || machine == nullptr) {
    ++tally_.not_for_us;
  } else if (machine->receiver != nullptr) {
    const bool was_empty = machine->receiver->empty();
    if (machine->receiver->Put(std::move(arrived), now_) && was_empty) {
      receiving_.push_back(machine->index);
    }
  } else {
    DeliverTcp(*machine, *packet, arrived.transport_checksum());
  }
}

// Firmware that polls slowly: each machine gets as many frames as it has come to by now.
void Farm::DrainReceivers() {
  std::size_t kept = 0;
  for (const std::uint32_t index : receiving_) {
    Machine& machine = machines_[index];
    while (dataplane::Frame frame = machine.receiver->Take(now_)) {
      const auto link = ethernet::ParseFrame(frame.bytes());
      const auto packet = ipv4::Parse(link->payload, ChecksumState::kKnownGood);
      if (packet) DeliverTcp(machine, *packet, frame.transport_checksum());
    }
    if (!machine.receiver->empty()) receiving_[kept++] = index;
  }
  receiving_.resize(kept);
}

void Farm::ReceiveArp(Bytes payload) {
  const auto packet = arp::Parse(payload);
  if (!packet) {
    ++tally_.malformed;
    return;
  }
  if (packet->operation == arp::Operation::kReply) {
    Machine* machine = MachineOf(packet->target_mac);
    if (machine == nullptr || machine->phase != Phase::kNeighbour ||
        packet->sender_ip != machine->neighbour) {
      return;
    }
    machine->station = packet->sender_mac;
    machine->station_known = true;
    Advance(*machine);
    return;
  }
  const auto owner = by_address_.find(packet->target_ip.value());
  if (owner == by_address_.end()) return;
  const Machine& machine = machines_[owner->second];
  SendBytes(MutableBytes(room_).first(WriteArpFrame(packet->sender_mac,
                                                    {.operation = arp::Operation::kReply,
                                                     .sender_mac = machine.identity.mac,
                                                     .sender_ip = machine.address,
                                                     .target_mac = packet->sender_mac,
                                                     .target_ip = packet->sender_ip},
                                                    room_)));
}

void Farm::ReceiveUdp(Machine* machine, const ipv4::Packet& packet, ChecksumState checksum) {
  const auto datagram = udp::Parse(packet.payload, {packet.source, packet.destination}, checksum);
  if (!datagram) {
    ++tally_.malformed;
  } else if (datagram->destination == kDhcpClientPort) {
    const auto answer = ReadDhcpAnswer(datagram->payload);
    Machine* asked = answer ? MachineOf(answer->mac) : nullptr;
    if (asked == nullptr) {
      ++tally_.not_for_us;
    } else {
      OnDhcp(*asked, *answer);
    }
  } else if (datagram->source == kDnsPort && machine != nullptr) {
    OnName(*machine, datagram->payload);
  } else {
    ++tally_.not_for_us;
  }
}

std::size_t Farm::bytes_per_machine() const {
  return sizeof(Machine) + RecordReader::Size() + 2 * sizeof(tcp::Connection);
}

std::uint64_t Farm::retransmissions() const {
  std::uint64_t count = 0;
  for (const Hosts& hosts : hosts_) {
    if (hosts.host != nullptr) count += hosts.host->counters().retransmissions;
  }
  return count;
}

}  // namespace slipway::storm
