// SPDX-License-Identifier: Apache-2.0
#include "tests/support/worker_script.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "protocols/wire/checksum.h"
#include "tests/support/seeded_openssl.h"

namespace slipway::dataplane {
namespace {

constexpr Ends kMachine{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                        .to = kApplianceMac,
                        .source = Ipv4Address(10, 77, 0, 9),
                        .destination = kApplianceAddress};
constexpr std::string_view kGet = "GET /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";
constexpr std::size_t kTcpHeaderMin = 20;
constexpr std::size_t kAckAt = 8;
constexpr std::size_t kFlagsAt = 13;
constexpr std::uint8_t kAckFlag = 0x10;

std::uint32_t Get(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bytes.subspan(at, size)) value = value << 8 | byte;
  return value;
}
void Put(MutableBytes bytes, std::size_t at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> 8 * (size - 1 - i));
  }
}

// Where a protocol has its checksum; 0: nowhere.
std::size_t ChecksumAt(IpProtocol protocol) {
  if (protocol == ipv4::kTcp) return 16;
  if (protocol == ipv4::kUdp) return 6;
  return protocol == ipv4::kIcmp ? 2 : 0;
}

// The IPv4 packet in a frame, without padding; empty where there is none that could be repaired.
MutableBytes PacketIn(MutableBytes frame) {
  const auto parsed = ethernet::ParseFrame(frame);
  if (!parsed || parsed->header.type != ethernet::kIpv4) return {};
  const MutableBytes packet = frame.subspan(parsed->header.size());
  if (packet.size() < ipv4::kHeaderSize) return {};
  const std::size_t size = Get(packet, 2, 2);
  return size < ipv4::kHeaderSize || size > packet.size() ? MutableBytes{} : packet.first(size);
}

void RepairTransport(MutableBytes packet, MutableBytes body) {
  const IpProtocol protocol(packet[9]);
  const std::size_t at = ChecksumAt(protocol);
  if (at == 0 || body.size() < at + 2) return;
  if (protocol == ipv4::kUdp)
    body = body.first(std::clamp<std::size_t>(Get(body, 4, 2), 8, body.size()));
  const PseudoHeader pseudo{.source = Ipv4Address(Get(packet, 12, 4)),
                            .destination = Ipv4Address(Get(packet, 16, 4)),
                            .protocol = protocol,
                            .length = static_cast<std::uint16_t>(body.size())};
  Checksum sum = protocol == ipv4::kIcmp ? Checksum() : StartChecksum(pseudo);
  Put(body, at, 0, 2);
  sum.Add(body);
  Put(body, at, sum.Finish(), 2);
}

tcp::Settings SettingsOf(std::uint16_t offers) {
  tcp::Settings settings;
  settings.connections_max = 2;
  settings.syn_backlog_max = 1;
  settings.time_wait_max = 4;
  settings.stray_max = 8;
  settings.out_of_order_blocks_max = 64;
  settings.sack = (offers & 1) != 0;
  settings.timestamps = (offers & 2) != 0;
  settings.ecn_asked = (offers & 4) != 0;
  settings.window_scale = static_cast<std::uint8_t>(offers >> 3 & 7);
  return settings;
}

}  // namespace

std::unique_ptr<EalGuard> WorkerScript::Shared::StartEal() {
  auto started = EalGuard::Start({.memory_mib = 256, .log_level = "error"});
  SLIPWAY_CHECK(started.ok());
  return *std::move(started);
}

WorkerScript::Machine::Machine(int tls_version, std::uint16_t offers)
    : client(kGet, Shared::Get().image->size(), tls_version),
      station(kMachine, SettingsOf(offers), offers) {}

WorkerScript::WorkerScript(Bytes bytes) : reader_(bytes), appliance_(Shared::Get().memory, {}) {
  SeedOpenssl(1);
  appliance_.snapshots().Publish(NewSnapshot({Shared::Get().image, {}, /*tls=*/true}));
}

bool WorkerScript::Step() {
  if (reader_.remaining() < 3) return false;
  const std::uint8_t what = reader_.U8();
  const std::uint16_t number = reader_.U16();
  if (what >= kPause) {
    now_ += std::chrono::milliseconds(number % 2048);
    appliance_.MakeLeasesDurable();
    if (machine_ && machine_->station.Deadline() <= now_) machine_->station.Expire(now_);
  } else if (what >= kSend) {
    Send(what, number);
  } else if (what >= kCall) {
    Call(what, number);
  } else {
    Arrive(what, reader_.Take(std::min<std::size_t>(number % 2048, reader_.remaining())));
  }
  appliance_.Run(now_);
  Hear();
  SLIPWAY_CHECK(appliance_.TimersAreArmed());
  return true;
}

void WorkerScript::Arrive(std::uint8_t what, Bytes given) {
  if (given.empty()) return;
  Buffer frame(given.begin(), given.end());
  if ((what & kAddressesAsTheyCame) == 0) {
    Buffer addresses(kMachine.to.octets.begin(), kMachine.to.octets.end());
    addresses.insert(addresses.end(), kMachine.from.octets.begin(), kMachine.from.octets.end());
    Copy(addresses, frame);
  }
  Repair(frame, what);
  Deliver(frame);
}

void WorkerScript::Repair(MutableBytes frame, std::uint8_t what) const {
  const MutableBytes packet = PacketIn(frame);
  if (packet.empty()) return;
  const std::size_t header = std::size_t{packet[0] & 15U} * 4;
  if (header < ipv4::kHeaderSize || header > packet.size()) return;
  const MutableBytes body = packet.subspan(header);
  if (IpProtocol(packet[9]) == ipv4::kTcp && body.size() >= kTcpHeaderMin &&
      (body[kFlagsAt] & kAckFlag) != 0 && (what & kAckAsItCame) == 0) {
    const auto sent = sent_.find(static_cast<std::uint16_t>(Get(body, 0, 2)));
    if (sent != sent_.end()) Put(body, kAckAt, Get(body, kAckAt, 4) + sent->second, 4);
  }
  if ((what & kChecksumsAsTheyCame) != 0) return;
  Put(packet, 10, 0, 2);
  Put(packet, 10, ChecksumOf(packet.first(header)), 2);
  const bool whole = (Get(packet, 6, 2) & 0x3fff) == 0;  // of a fragment's transport we see a part
  if (whole) RepairTransport(packet, body);
}

void WorkerScript::Call(std::uint8_t what, std::uint16_t offers) {
  if (calls_ == kCallsMax) return;
  constexpr std::array kVersions{0, TLS1_2_VERSION, TLS1_3_VERSION, 0};
  const int version = kVersions[what % 4];
  machine_ = std::make_unique<Machine>(version, offers);
  machine_->station.Connect(Port(static_cast<std::uint16_t>(1024 + calls_++)),
                            version == 0 ? Port(80) : Port(443), machine_->client, now_);
}

void WorkerScript::Send(std::uint8_t what, std::uint16_t number) {
  if (!machine_) return;
  for (int left = number % 16; left >= 0; --left) {
    auto frame = machine_->station.Emit(now_);
    if (!frame) return;
    if (left == 0 && what >= kSendAndSpoil) {
      (*frame)[number / 16 % frame->size()] ^= static_cast<std::uint8_t>(1U << what % 4 * 2);
      Repair(*frame, kAckAsItCame);
    } else if (left == 0 && what >= kSendAndLose) {
      return;
    }
    Deliver(*frame);
  }
}

void WorkerScript::Deliver(Bytes frame) {
  static_cast<void>(appliance_.wire().Deliver(frame));
  appliance_.Run(now_);
  Hear();
}

void WorkerScript::Hear() {
  for (const Buffer& frame : appliance_.Sent()) {
    const Seen seen = See(frame);
    if (seen.tcp && !seen.tcp->flags.rst) {
      const tcp::SeqNum end = seen.tcp->seq + seen.tcp->length();
      const auto [known, fresh] = sent_.emplace(seen.tcp->destination.value(), end.value());
      if (fresh || seen.tcp->flags.syn || tcp::SeqNum(known->second).Before(end)) {
        known->second = end.value();
      }
    }
    if (machine_) machine_->station.Receive(frame, now_);
  }
}

}  // namespace slipway::dataplane
