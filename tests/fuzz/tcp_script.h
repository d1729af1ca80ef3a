// SPDX-License-Identifier: Apache-2.0
//
// Reads a fuzzer's bytes as a script for one tcp::Host: each step is an opcode and its operands.
// Segments are made near what the host expects (its last seq and ack are known), so that the
// fuzzer reaches deep states; invariants are checked after each step.
#pragma once

#include <algorithm>

#include "protocols/base/check.h"
#include "protocols/tcp/host.h"

namespace slipway::tcp {

// Bytes that depend on their offset alone, and a contract that is checked.
class ScriptSource final : public ByteSource {
 public:
  std::uint64_t length() const override { return size; }
  bool finished() const override { return done; }
  void Read(std::uint64_t, MutableBytes) override {}
  void Release(std::uint64_t offset) override {
    SLIPWAY_CHECK(offset >= released && offset <= size);
    released = offset;
  }

  std::uint64_t size = 0;
  std::uint64_t released = 0;
  bool done = false;
};

class Script {
 public:
  explicit Script(Bytes bytes) : reader_(bytes), host_(settings_, entropy_) {
    host_.Listen(Port(443));
  }

  bool Step() {
    if (reader_.remaining() < 12) return false;
    const std::uint8_t operation = reader_.U8();
    if (operation < 0xc0) {
      Arrive(operation);
    } else if (operation < 0xd0) {
      now_ += std::chrono::milliseconds(reader_.U16());
    } else if (operation < 0xe0) {
      const std::uint16_t more = reader_.U16();
      if (!source_.done) source_.size += more;
      source_.done |= (operation & 1) != 0;
      host_.Wake(id_);
    } else if (operation < 0xe8) {
      host_.SetReceiveRoom(id_, reader_.U16());
    } else if (operation < 0xec) {
      host_.Close(id_);
    } else if (operation < 0xee) {
      host_.Abort(id_);
    } else if (operation < 0xf0) {
      host_.PathMtu(tuple_, reader_.U16(), seq_);
    } else if (operation < 0xf2) {
      if (const auto id = host_.Connect(tuple_, now_)) Adopt(*id);
    }
    Drain();
    return true;
  }

  // After everything is aborted and every timer has run, nothing is left.
  void Finish() {
    host_.Abort(id_);
    host_.ForEach([&](ConnectionId id) { others_.push_back(id); });
    for (const ConnectionId id : others_) host_.Abort(id);
    now_ += std::chrono::hours(1);
    Drain();
    SLIPWAY_CHECK(host_.connections() == 0 && host_.time_waits() == 0);
    SLIPWAY_CHECK(host_.out_of_order_blocks_free() == settings_.out_of_order_blocks_max);
    SLIPWAY_CHECK(host_.Deadline() == kNever);
  }

 private:
  void Adopt(ConnectionId id) {
    if (id == id_) return;
    id_ = id;
    source_ = {};
    host_.Attach(id_, &source_);
  }

  void Arrive(std::uint8_t operation) {
    const std::uint8_t bits = reader_.U8();
    Segment segment{.source = tuple_.remote_port, .destination = tuple_.local_port};
    segment.flags = {.fin = (bits & 1) != 0,
                     .syn = (bits & 2) != 0,
                     .rst = (bits & 12) == 12,
                     .ack = (bits & 16) != 0,
                     .urg = (bits & 32) != 0};
    if (segment.flags.syn) segment.flags.fin = segment.flags.rst = false;
    // Near the expected numbers, or (rarely) anywhere.
    const std::uint32_t far = (operation & 0x30) == 0x30 ? 0x10001u : 1u;
    segment.seq = SeqNum(ack_.value() + far * static_cast<std::uint32_t>(SignedByte()));
    segment.ack = SeqNum(seq_.value() + far * static_cast<std::uint32_t>(SignedByte()));
    segment.window = reader_.U16();
    if ((bits & 64) != 0) segment.options.timestamps = Timestamps{clock_ += reader_.U8(), 0};
    if (segment.flags.syn) {
      segment.options.mss = reader_.U16();
      segment.options.window_scale = static_cast<std::uint8_t>(operation & 15);
      segment.options.sack_permitted = (bits & 128) != 0;
    } else if ((bits & 128) != 0) {
      const SeqNum start = segment.ack + reader_.U16();
      segment.options.sack.Add({start, start + reader_.U16()});
    }
    if ((operation & 0x40) != 0) segment.text = Bytes(text_).first(reader_.U8() * 8u);
    const Delivery delivery = host_.Receive(segment, tuple_, now_);
    SLIPWAY_CHECK(delivery.text.size() <= segment.text.size());
    if (!delivery.connection.valid()) return;
    while (!host_.TakeText(delivery.connection).empty()) {
    }
    if (!delivery.closed) Adopt(delivery.connection);
  }

  void Drain() {
    while (host_.Expire(now_)) {
    }
    while (const auto out = host_.EmitStray(now_)) Leave(*out);
    while (const auto id = host_.NextReady()) {
      for (int burst = 0; const auto out = host_.Emit(*id, now_, 8000); ++burst) {
        SLIPWAY_CHECK(burst < 64);
        Leave(*out);
        SLIPWAY_CHECK(out->offset + out->length <= source_.size || out->length == 0);
        SLIPWAY_CHECK(out->length == 0 || out->offset >= source_.released);
        const Info info = host_.Info(*id);
        SLIPWAY_CHECK(info.outstanding == 0 || info.next_timer != kNever);
      }
    }
  }

  void Leave(const Outgoing& out) {
    std::array<std::uint8_t, kTcpHeaderMax> header{};
    EmitHeader(out.segment, header);
    seq_ = out.segment.seq + out.length + (out.segment.flags.syn || out.segment.flags.fin ? 1 : 0);
    if (out.segment.flags.ack) ack_ = out.segment.ack;
  }

  int SignedByte() { return static_cast<std::int8_t>(reader_.U8()); }

  static Settings Small() {
    Settings settings;
    settings.receive_window = 8000;
    settings.connections_max = 4;
    settings.syn_backlog_max = 2;
    settings.time_wait_max = 2;
    settings.stray_max = 16;
    settings.out_of_order_blocks_max = 8;
    settings.out_of_order_blocks_per_connection = 5;
    settings.keepalive_idle = std::chrono::seconds(20);
    return settings;
  }

  Reader reader_;
  Settings settings_ = Small();
  SeededEntropy entropy_{1};
  Host host_;
  ScriptSource source_;
  FourTuple tuple_{Ipv4Address(10, 0, 0, 1), Port(443), Ipv4Address(10, 0, 0, 2), Port(1024)};
  ConnectionId id_;
  std::vector<ConnectionId> others_;
  SeqNum seq_;  // one past what the host sent last
  SeqNum ack_;  // what it expects from its peer
  std::uint32_t clock_ = 0;
  Time now_{std::chrono::seconds(1)};
  std::array<std::uint8_t, 2048> text_{};
};

}  // namespace slipway::tcp
