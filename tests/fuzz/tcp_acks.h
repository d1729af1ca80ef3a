// SPDX-License-Identifier: Apache-2.0
//
// Reads a fuzzer's bytes as a hostile receiver's acknowledgments of one download that never runs
// dry: any cumulative acknowledgment, also of what was never received or never sent, windows that
// grow, shrink and close, SACK blocks of anything (D-SACK too), echoes of congestion marks,
// timestamps, repeated or late, alone or in bursts (bare_ack.h), and pauses that let every timer
// come. The handshake is honest, so that all input is spent on the sender.
//
// Held after every step: new text stays within the congestion window (and two segments, RFC 3042
// and tail loss probes) and the peer's window (and a probe's byte); text outstanding means a timer
// armed; a byte offset is read again only until it was released (ScriptSource).
#pragma once

#include "tests/fuzz/tcp_script.h"

namespace slipway::tcp {

class AckScript {
 public:
  explicit AckScript(Bytes bytes) : reader_(bytes), host_(settings_, entropy_) {
    host_.Listen(Port(443));
    const std::uint8_t offers = reader_.remaining() > 0 ? reader_.U8() : 0;
    timestamps_ = (offers & 1) != 0;
    const bool ecn = (offers & 8) != 0;
    Segment syn = Bare({.syn = true, .ece = ecn, .cwr = ecn});
    syn.window = 65535;
    syn.options.mss = 1460;
    syn.options.sack_permitted = (offers & 2) != 0;
    if ((offers & 4) != 0) syn.options.window_scale = static_cast<std::uint8_t>(offers >> 4);
    if (timestamps_) syn.options.timestamps = Timestamps{++clock_, 0};
    host_.Receive(syn, tuple_, now_);
    Drain();
    Segment ack = Bare({.ack = true});
    ack.seq = SeqNum(1);
    ack.ack = first_;
    ack.window = 65535;
    if (timestamps_) ack.options.timestamps = Timestamps{++clock_, echo_};
    const Delivery opened = host_.Receive(ack, tuple_, now_);
    id_ = opened.connection;
    source_.size = 1 << 30;
    host_.Attach(id_, &source_);
    Drain();
  }

  bool Step() {
    if (reader_.remaining() < 9 || !host_.Alive(id_)) return false;
    const std::uint8_t operation = reader_.U8();
    if (operation < 0x40) {
      now_ += std::chrono::microseconds(std::uint32_t{reader_.U16()} * (operation & 15u) * 8);
    } else {
      Acknowledge(operation);
    }
    Drain();
    return true;
  }

  // Left alone, it gives up, and everything is given back.
  void Finish() {
    for (int i = 0; i < 100 && host_.Deadline() != kNever; ++i) {
      now_ = std::max(now_, host_.Deadline());
      Drain();
    }
    SLIPWAY_CHECK(host_.connections() == 0 && host_.Deadline() == kNever);
  }

 private:
  Segment Bare(const Flags& flags) const {
    return {.source = tuple_.remote_port, .destination = tuple_.local_port, .flags = flags};
  }

  void Acknowledge(std::uint8_t operation) {
    const Info info = host_.Info(id_);
    const std::uint8_t more = reader_.U8();
    Segment segment = Bare({.ack = true, .ece = (more & 1) != 0});
    segment.seq = SeqNum(1);
    // Of what is outstanding, in 256 parts; beyond either end at times.
    const auto una = first_ + static_cast<std::uint32_t>(info.acknowledged);
    const std::uint64_t span = (operation & 0x20) != 0 ? info.outstanding + 3000 : 4 * info.mss;
    segment.ack = una + static_cast<std::uint32_t>(span * reader_.U8() / 256);
    if ((operation & 0x1f) == 0x1f) segment.ack = una - reader_.U8();
    segment.window = reader_.U16();
    if (timestamps_) segment.options.timestamps = Timestamps{++clock_, echo_ - (operation & 3u)};
    const std::uint32_t below = (more & 2) != 0 ? 20'000 : 0;  // a D-SACK, perhaps
    for (int blocks = operation & 3; blocks > 0 && reader_.remaining() >= 4; --blocks) {
      const SeqNum start =
          una - below + static_cast<std::uint32_t>(std::uint32_t{reader_.U16()} * 2);
      segment.options.sack.Add({start, start + reader_.U16()});
    }
    Burst(segment, more >> 4, (more & 4) != 0 ? info.mss : 0);
  }

  // `segment`, and more like it in the same burst, each `step` bytes further.
  void Burst(Segment segment, std::uint32_t more, std::uint32_t step) {
    std::array<BareAck, 16> later;
    for (std::uint32_t i = 0; i < more; ++i) {
      later[i] = {.ack = segment.ack + (i + 1) * step, .window = segment.window};
    }
    const bool bare = segment.options == Options{} && !segment.flags.ece;
    if (!bare) more = 0;
    for (std::uint32_t i = 0;; ++i) {
      i += static_cast<std::uint32_t>(
          host_.ReceiveAcks(segment, std::span(later).subspan(i, more - i), tuple_, now_).joined);
      if (i >= more || !host_.Alive(id_)) return;
      segment.ack = later[i].ack;
      segment.window = later[i].window;
    }
  }

  void Drain() {
    while (host_.Expire(now_)) {
    }
    while (host_.EmitStray(now_)) {
    }
    for (int burst = 0; const auto id = host_.NextReady();) {
      while (const auto out = host_.Emit(*id, now_)) {
        SLIPWAY_CHECK(++burst < 200'000);
        Left(*out);
      }
    }
    if (!host_.Alive(id_)) return;
    const Info info = host_.Info(id_);
    SLIPWAY_CHECK(info.outstanding == 0 || info.next_timer != kNever);
  }

  void Left(const Outgoing& out) {
    if (out.segment.flags.syn) first_ = out.segment.seq + 1;
    if (out.segment.options.timestamps) echo_ = out.segment.options.timestamps->value;
    SLIPWAY_CHECK(out.length == 0 || out.offset >= source_.released);
    SLIPWAY_CHECK(out.segment.ecn == Ecn::kNotCapable || (!out.retransmission && out.length != 0));
    const std::uint64_t end = out.offset + out.length;
    if (out.length <= 1 || end <= sent_) return;
    sent_ = end;
    const Info info = host_.Info(id_);
    SLIPWAY_CHECK(info.in_flight <= info.congestion_window + 2u * info.mss);
    SLIPWAY_CHECK(info.outstanding <= std::uint64_t{info.peer_window} + 1);
  }

  static Settings Small() {
    Settings settings;
    settings.connections_max = 2;
    settings.syn_backlog_max = 1;
    settings.time_wait_max = 2;
    settings.out_of_order_blocks_max = 8;
    return settings;
  }

  Reader reader_;
  Settings settings_ = Small();
  SeededEntropy entropy_{1};
  Host host_;
  ScriptSource source_;
  FourTuple tuple_{Ipv4Address(10, 0, 0, 1), Port(443), Ipv4Address(10, 0, 0, 2), Port(1024)};
  ConnectionId id_;
  SeqNum first_;  // of the host's text
  bool timestamps_ = false;
  std::uint32_t clock_ = 0;
  std::uint32_t echo_ = 0;
  std::uint64_t sent_ = 0;
  Time now_{std::chrono::seconds(1)};
};

}  // namespace slipway::tcp
