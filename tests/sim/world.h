// SPDX-License-Identifier: Apache-2.0
//
// World: two endpoints, a wire between them, and a clock that only this loop moves. The wire has a
// delay, jitter, loss, reordering, duplication, damage, a bandwidth with a queue that may mark
// (RFC 3168 5), and a largest packet that may change under way; all chance comes from one seed, so
// a seed is a whole run.
//
// A damaged frame has one bit flipped behind its Ethernet header: the header is guarded by the
// frame check sequence, which real ports check and this wire does not carry. A packet that is too
// long for a later hop is answered by a router's ICMP (RFC 1191), as it would be.
//
// SLIPWAY_TRACE=1 prints every frame as it leaves (-->) and as it arrives (==>).
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

#include "protocols/base/entropy.h"
#include "protocols/base/siphash.h"
#include "protocols/wire/pretty.h"
#include "tests/support/station.h"

namespace slipway::sim {

struct Wire {
  Duration delay = std::chrono::milliseconds(5);
  Duration jitter{0};
  double loss = 0;
  double reorder = 0;  // a frame waits for up to four delays more
  double duplicate = 0;
  double damage = 0;
  std::uint64_t bytes_per_second = 0;  // 0: without limit
  std::size_t queue_bytes = std::size_t{64} * 1024;
  std::size_t marks_above = 0;    // so much in the queue: what says ECT is marked; 0: never
  double marks = 0;               // ... and by chance
  double ack_loss = 0;            // more loss, from the client alone
  std::uint64_t policed_to = 0;   // bytes a second from the server, beyond which frames vanish,
  std::size_t policed_burst = 0;  // but for a burst of so many bytes; 0: no policer
  std::size_t packet_max = 1500;
  Time shrinks_at = kNever;  // from then on:
  std::size_t packet_max_later = 1500;
};

class World {
 public:
  enum Side : std::size_t { kServer = 0, kClient = 1 };

  World(const Wire& wire, std::uint64_t seed, Endpoint& server, Endpoint& client)
      : wire_(wire), random_(seed), ends_{&server, &client} {}

  // Called for each frame as it leaves `from`, and as it arrives from there.
  std::function<void(Side from, Bytes frame)> on_departure;
  std::function<void(Side from, Bytes frame)> on_arrival;
  std::function<void()> after_step;

  Time now() const { return now_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t marked() const { return marked_; }
  // The same for two runs that sent the same frames at the same times.
  std::uint64_t trace() const { return trace_; }

  template <class Done>
  bool RunUntil(Time limit, Done&& done) {
    while (!done()) {
      Flush(kServer);
      Flush(kClient);
      if (after_step) after_step();
      const Time next = std::min({flying_.empty() ? kNever : flying_.begin()->first,
                                  ends_[kServer]->Deadline(), ends_[kClient]->Deadline()});
      if (next > limit) return false;
      now_ = std::max(now_, next);
      for (Endpoint* end : ends_) {
        if (end->Deadline() <= now_) end->Expire(now_);
      }
      while (!flying_.empty() && flying_.begin()->first <= now_) {
        const Flight flight = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        if (prints_) Print("==>", flight.from, flight.frame);
        if (on_arrival && !flight.damaged) on_arrival(flight.from, flight.frame);
        ends_[1 - flight.from]->Receive(flight.frame, now_);
      }
    }
    return true;
  }

 private:
  struct Flight {
    Side from;
    bool damaged;
    Buffer frame;
  };

  bool Chance(double p) {
    return p > 0 && static_cast<double>(random_.Next64() >> 11) * 0x1p-53 < p;
  }

  void Flush(Side side) {
    while (auto frame = ends_[side]->Emit(now_)) {
      ++frames_;
      Trace(*frame);
      if (prints_) Print("-->", side, *frame);
      if (on_departure) on_departure(side, *frame);
      Carry(side, std::move(*frame));
    }
  }

  void Trace(Bytes frame) {
    // FNV-1a, eight bytes at a time.
    for (; frame.size() >= 8; frame = frame.subspan(8)) {
      std::uint64_t word = 0;
      std::memcpy(&word, frame.data(), sizeof word);
      trace_ = (trace_ ^ word) * 0x100000001b3;
      trace_ ^= trace_ >> 29;
    }
    for (const std::uint8_t byte : frame) trace_ = (trace_ ^ byte) * 0x100000001b3;
    trace_ = (trace_ ^ static_cast<std::uint64_t>(now_.time_since_epoch().count())) * 0x100000001b3;
  }

  void Print(const char* what, Side from, Bytes frame) const {
    std::printf("%14.6f %s %s %s\n", std::chrono::duration<double>(now_.time_since_epoch()).count(),
                from == kServer ? "server" : "client", what, Pretty(frame).c_str());
  }

  void Carry(Side side, Buffer frame) {
    const std::size_t packet_max =
        now_ < wire_.shrinks_at ? wire_.packet_max : wire_.packet_max_later;
    const Seen seen = See(frame);
    if (seen.ip && seen.ip->size() > packet_max) {
      Complain(side, seen, packet_max);
      return;
    }
    if (Chance(wire_.loss) || (side == kClient && Chance(wire_.ack_loss))) return;
    if (side == kServer && !Conforms(frame.size())) return;
    Time at = now_;
    if (wire_.bytes_per_second > 0) {
      const auto serial =
          std::chrono::nanoseconds(frame.size() * 1'000'000'000 / wire_.bytes_per_second);
      const auto full =
          std::chrono::nanoseconds(wire_.queue_bytes * 1'000'000'000 / wire_.bytes_per_second);
      if (free_at_[side] > now_ + full) return;
      const auto marking =
          std::chrono::nanoseconds(wire_.marks_above * 1'000'000'000 / wire_.bytes_per_second);
      if (wire_.marks_above != 0 && free_at_[side] > now_ + marking) Mark(seen, frame);
      free_at_[side] = at = std::max(free_at_[side], now_) + serial;
    }
    at += wire_.delay;
    if (wire_.jitter > Duration{0}) {
      at += Duration(random_.Below(static_cast<std::uint64_t>(wire_.jitter.count())));
    }
    if (Chance(wire_.reorder)) at += wire_.delay * (1 + random_.Below(4));
    if (Chance(wire_.duplicate)) {
      flying_.emplace(at + wire_.delay, Flight{side, false, frame});
    }
    if (Chance(wire_.marks)) Mark(seen, frame);
    const bool damaged = seen.ip && Chance(wire_.damage);
    if (damaged) {  // not in the padding, where nobody would notice
      const std::uint64_t bit = seen.link.size() * 8 + random_.Below(seen.ip->size() * 8);
      frame[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    }
    flying_.emplace(at, Flight{side, damaged, std::move(frame)});
  }

  // What says ECT says CE instead (RFC 3168 5).
  void Mark(const Seen& seen, Buffer& frame) {
    if (!seen.ip || EcnOf(seen.ip->service) == Ecn::kNotCapable) return;
    ipv4::Packet packet = *seen.ip;
    packet.service = static_cast<std::uint8_t>(packet.service | 3);
    ipv4::EmitHeader(packet, packet.payload.size(), MutableBytes(frame).subspan(seen.link.size()));
    ++marked_;
  }

  // A token bucket, as a policer is.
  bool Conforms(std::size_t size) {
    if (wire_.policed_to == 0) return true;
    const Duration waited = std::min<Duration>(now_ - filled_at_, std::chrono::seconds(1));
    const auto elapsed = static_cast<std::uint64_t>(waited.count());
    const std::uint64_t filled = tokens_ + elapsed * wire_.policed_to / 1'000'000'000;
    if (filled < size) return false;
    tokens_ = std::min<std::uint64_t>(filled, wire_.policed_burst) - size;
    filled_at_ = now_;
    return true;
  }

  void Complain(Side side, const Seen& seen, std::size_t packet_max) {
    Buffer quote(seen.ip->size());
    ipv4::Emit(*seen.ip, quote);
    quote.resize(28);
    const Ends back{.from = seen.link.destination,
                    .to = seen.link.source,
                    .source = seen.ip->destination,
                    .destination = seen.ip->source,
                    .vlan = seen.link.vlan};
    const auto mtu = static_cast<std::uint32_t>(packet_max);
    flying_.emplace(now_ + wire_.delay,
                    Flight{side == kServer ? kClient : kServer, false,
                           IcmpFrame(back, {.type = icmp::kDestinationUnreachable,
                                            .code = icmp::kFragmentationNeeded,
                                            .argument = mtu,
                                            .body = quote})});
  }

  Wire wire_;
  SeededEntropy random_;
  std::array<Endpoint*, 2> ends_;
  std::array<Time, 2> free_at_{};
  std::uint64_t tokens_ = 0;
  Time filled_at_{};
  std::multimap<Time, Flight> flying_;
  Time now_{std::chrono::seconds(1)};
  const bool prints_ = std::getenv("SLIPWAY_TRACE") != nullptr;
  std::uint64_t frames_ = 0;
  std::uint64_t marked_ = 0;
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

}  // namespace slipway::sim
