// SPDX-License-Identifier: Apache-2.0
//
// A Host whose peer is the test: segments by template and difference, replies as values. The
// peer's initial sequence number is kPeerIss; `iss` is what the host chose.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/protocols/tcp/wire.h"

namespace slipway::tcp {

inline constexpr SeqNum kPeerIss{5000};
inline constexpr Flags kAck{.ack = true};
inline constexpr Flags kSyn{.syn = true};
inline constexpr Flags kFinAck{.fin = true, .ack = true};
inline constexpr Flags kRst{.rst = true};

inline std::string ToString(const Segment& s) {
  std::string flags;
  for (const auto& [set, name] : {std::pair(s.flags.syn, "S"), std::pair(s.flags.fin, "F"),
                                  std::pair(s.flags.rst, "R"), std::pair(s.flags.ack, "A")}) {
    if (set) flags += name;
  }
  return flags + " seq " + std::to_string(s.seq.value()) + " ack " + std::to_string(s.ack.value()) +
         " text " + std::to_string(s.text.size()) + " window " + std::to_string(s.window);
}

inline std::vector<std::uint64_t> OffsetsOf(const std::vector<Outgoing>& all) {
  std::vector<std::uint64_t> offsets;
  for (const Outgoing& out : all) offsets.push_back(out.offset);
  return offsets;
}

class Peer {
 public:
  explicit Peer(const Settings& chosen = {}, std::uint64_t seed = 7)
      : settings(chosen), entropy(seed), host(settings, entropy) {
    host.Listen(Port(443));
  }

  // From the peer to the host. seq counts from the peer's SYN, ack from the host's.
  struct Template {
    std::int64_t seq = 1;
    std::int64_t ack = 1;
    Flags flags = kAck;
    std::uint16_t window = 60000;
    Options options = {};
    std::size_t text = 0;
    Ecn ecn = Ecn::kNotCapable;
  };
  Segment Make(const Template& t) {
    if (pattern_.size() < t.text + 65536) pattern_.resize(t.text + 65536);
    for (std::size_t i = 0; i < t.text; ++i) {
      pattern_[i] = PatternSource::At(static_cast<std::uint64_t>(t.seq - 1) + i);
    }
    return {.source = Port(1024),
            .destination = Port(443),
            .seq = kPeerIss + static_cast<std::uint32_t>(t.seq),
            .ack = t.flags.ack ? iss + static_cast<std::uint32_t>(t.ack) : SeqNum(),
            .flags = t.flags,
            .ecn = t.ecn,
            .window = t.window,
            .options = t.options,
            .text = Bytes(pattern_).first(t.text)};
  }
  Delivery Send(const Template& t) {
    const Delivery d = host.Receive(Make(t), kServerTuple, now);
    if (d.connection.valid()) id = d.connection;
    text += d.text.size();
    for (Bytes run = host.TakeText(id); !run.empty(); run = host.TakeText(id)) text += run.size();
    return d;
  }
  // Everything the host has to say now. `seq` of each is absolute; Offset() makes it relative.
  std::vector<Outgoing> Replies() {
    std::vector<Outgoing> all;
    while (const auto out = host.EmitStray(now)) all.push_back(*out);
    while (const auto next = host.NextReady()) {
      while (const auto out = host.Emit(*next, now, payload_max)) all.push_back(*out);
    }
    return all;
  }
  std::optional<Outgoing> Reply() {
    const auto all = Replies();
    EXPECT_LE(all.size(), 1u);
    return all.empty() ? std::nullopt : std::optional(all.front());
  }
  void Wait(Duration duration) {
    for (const Time until = now + duration;;) {
      const Time next = std::min(until, std::max(now, host.Deadline()));
      now = next;
      while (const auto e = host.Expire(now)) expired.push_back(e->what);
      if (now == until) break;
      if (!pause_on_timer) continue;
      break;
    }
  }
  // Waits until the host has something to say; returns it. Gives up after `limit`.
  std::vector<Outgoing> WaitForReplies(Duration limit = seconds(200)) {
    const Time until = now + limit;
    for (;;) {
      const Time next = host.Deadline();
      if (next > until) return {};
      now = std::max(now, next);
      while (const auto e = host.Expire(now)) expired.push_back(e->what);
      if (auto all = Replies(); !all.empty()) return all;
    }
  }
  std::int64_t Offset(SeqNum seq) const { return seq - iss; }

  // The handshake; the host is then in ESTABLISHED with the peer's `options`.
  void Open(const Options& options = {.mss = 1460}, std::uint16_t window = 60000) {
    Send({.seq = 0, .flags = kSyn, .window = window, .options = options});
    const auto syn_ack = Reply();
    ASSERT_TRUE(syn_ack && syn_ack->segment.flags.syn && syn_ack->segment.flags.ack);
    iss = syn_ack->segment.seq;
    now += round_trip;
    Options later;
    if (syn_ack->segment.options.timestamps) {
      later.timestamps = Timestamps{.value = options.timestamps->value + 1,
                                    .echo = syn_ack->segment.options.timestamps->value};
    }
    const Delivery d = Send({.window = window, .options = later});
    ASSERT_TRUE(d.opened);
    EXPECT_THAT(Replies(), testing::IsEmpty());
  }
  State state() const { return host.Info(id).state; }
  tcp::Info Info() const { return host.Info(id); }
  // SACK blocks of whole segments of text: [first, last).
  Options Sack(std::initializer_list<std::pair<int, int>> segments) const {
    Options options;
    for (const auto& [first, last] : segments) {
      options.sack.Add({iss + static_cast<std::uint32_t>(1 + first * 1460),
                        iss + static_cast<std::uint32_t>(1 + last * 1460)});
    }
    return options;
  }

  Settings settings;
  SeededEntropy entropy;
  Host host;
  ConnectionId id;
  SeqNum iss;
  Time now = At(seconds(1));
  std::uint64_t text = 0;
  std::vector<Expiry> expired;
  std::uint32_t payload_max = 0;
  Duration round_trip{};  // of the handshake
  bool pause_on_timer = false;

 private:
  std::vector<std::uint8_t> pattern_;
};

}  // namespace slipway::tcp
