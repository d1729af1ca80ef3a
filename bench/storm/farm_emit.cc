// SPDX-License-Identifier: Apache-2.0
//
// Frames on their way out. The outbox is bounded, and the port's ring is the clock, as in the
// appliance; a machine's segment that finds no room is lost, counted, and sent again by TCP.
#include <algorithm>

#include "bench/storm/farm.h"
#include "bench/storm/frames.h"
#include "protocols/wire/ethernet.h"

namespace slipway::storm {

void Farm::Emit() {
  for (Hosts& hosts : hosts_) {
    if (hosts.host == nullptr) continue;
    EmitStrays(*hosts.host);
    // Bounded, so that arriving frames do not wait: what is left stays in line.
    for (std::size_t turn = 0; turn < kEmitMax && room() > kOutbox / 2; ++turn) {
      const auto id = hosts.host->NextReady();
      if (!id) break;
      EmitConnection(*hosts.host, *id);
    }
  }
}

void Farm::EmitConnection(tcp::Host& host, tcp::ConnectionId id) {
  while (auto out = host.Emit(id, now_)) {
    const auto owner = by_address_.find(out->tuple.local_address.value());
    if (owner != by_address_.end()) SendSegment(machines_[owner->second], *out);
  }
}

void Farm::EmitStrays(tcp::Host& host) {
  while (auto out = host.EmitStray(now_)) {
    const auto owner = by_address_.find(out->tuple.local_address.value());
    if (owner != by_address_.end()) SendSegment(machines_[owner->second], *out);
  }
}

void Farm::SendSegment(Machine& machine, tcp::Outgoing& out) {
  if (out.segment.flags.syn) ShapeSyn(*machine.personality, out.segment.options);
  const std::size_t header = out.segment.header_size();
  const std::size_t transport = header + out.length;
  dataplane::Frame frame = wire_.pool->Allocate();
  constexpr std::size_t kLink = sizeof(ethernet::WireHeader);
  const std::size_t size = kLink + ipv4::kHeaderSize + transport;
  const MutableBytes room = frame.empty() ? MutableBytes() : frame.Append(size);
  if (room.empty()) {
    ++tally_.no_buffer;
    return;
  }
  const FrameEnds ends{.to = machine.station,
                       .from = machine.identity.mac,
                       .source = out.tuple.local_address,
                       .destination = out.tuple.remote_address,
                       .ttl = machine.personality->ttl};
  const std::size_t prefix = WriteTcpPrefix(ends, transport, room);
  tcp::EmitHeader(out.segment, room.subspan(prefix));
  tcp::FillPseudoHeaderSum(
      room.subspan(prefix, header),
      tcp::PseudoHeaderSum(ends.source, ends.destination, static_cast<std::uint16_t>(transport)));
  if (out.length > 0) machine.output.Read(out.offset, room.subspan(prefix + header, out.length));
  frame.SetHeaders({.link = kLink,
                    .network = ipv4::kHeaderSize,
                    .transport = static_cast<std::uint16_t>(header)});
  frame.RequestTransportChecksum(dataplane::Transport::kTcp);
  Send(std::move(frame));
}

void Farm::SendBytes(Bytes bytes) {
  dataplane::Frame frame = wire_.pool->Allocate();
  const MutableBytes room = frame.empty() ? MutableBytes() : frame.Append(bytes.size());
  if (room.empty()) {
    ++tally_.no_buffer;
    return;
  }
  static_cast<void>(Copy(bytes, room));
  Send(std::move(frame));
}

void Farm::Send(dataplane::Frame frame) {
  if (Chance(options_.loss)) {
    ++tally_.lost_leaving;
    return;
  }
  if (waiting_ == kOutbox) Flush();
  if (waiting_ == kOutbox) {
    ++tally_.outbox_full;
    return;
  }
  outbox_[(first_ + waiting_++) % kOutbox] = std::move(frame);
}

void Farm::Flush() {
  while (waiting_ > 0) {
    const std::size_t size = std::min(waiting_, kOutbox - first_);
    const std::size_t taken =
        wire_.port->Transmit(wire_.queue, std::span(outbox_).subspan(first_, size));
    first_ = (first_ + taken) % kOutbox;
    waiting_ -= taken;
    tally_.frames_sent += taken;
    if (taken < size) break;
  }
}

// As many SYNs as the rate has earned since the last round, or as fit.
void Farm::Flood() {
  const double seconds = std::chrono::duration<double>(now_ - last_flood_).count();
  last_flood_ = now_;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const Machine& machine = machines_[i];
    if (machine.mode != Mode::kSynFlood) {
      i += options_.workloads[machine.workload].machines - 1;  // the whole workload is of one mode
      continue;
    }
    if (machine.phase != Phase::kFlood) continue;
    const double rate = options_.workloads[machine.workload].frames_per_second;
    double& credit = flood_credit_[machine.workload];
    // Of a round, which is long where there are many machines. The ring holds half as many.
    constexpr double kBurstMax = 1024;
    credit = rate == 0 ? kBurstMax : std::min(credit + rate * seconds, rate * 0.01 + 1);
    const SynFlood flood{.to = machine.station,
                         .from = machine.identity.mac,
                         .destination = machine.server,
                         .port = options_.url->port};
    for (double sent = 0; credit >= 1 && sent < kBurstMax; credit -= 1, sent += 1) {
      if (room() <= kOutbox / 4) Flush();
      if (room() <= kOutbox / 4) break;
      SendBytes(MutableBytes(room_).first(WriteSyn(flood, random_.Next64(), room_)));
      ++tally_.flood_sent;
    }
  }
}

}  // namespace slipway::storm
