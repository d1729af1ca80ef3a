// SPDX-License-Identifier: Apache-2.0
//
// Two Hosts back to back, for tests of whole conversations: a virtual clock, a link with delay,
// loss, reordering and duplication from a seed, and everything that was ever sent in a log. Every
// segment crosses as bytes (EmitHeader, FillChecksum, Parse), so the wire formats are tested too.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocols/base/check.h"
#include "protocols/base/entropy.h"
#include "protocols/tcp/host.h"

namespace slipway::tcp {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time At(Duration since_start) { return Time(since_start); }

// A source of `size` bytes that are a function of their offset; notices a broken contract.
class PatternSource final : public ByteSource {
 public:
  explicit PatternSource(std::uint64_t size, bool finished = true)
      : size_(size), finished_(finished) {}

  static std::uint8_t At(std::uint64_t offset) {
    return static_cast<std::uint8_t>(offset * 7 + (offset >> 8) * 13 + (offset >> 16));
  }
  void Grow(std::uint64_t bytes, bool finished) { size_ += bytes, finished_ = finished; }
  std::uint64_t released() const { return released_; }

  std::uint64_t length() const override { return size_; }
  bool finished() const override { return finished_; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    SLIPWAY_CHECK(offset >= released_ && offset + out.size() <= size_);
    for (std::uint8_t& byte : out) byte = At(offset++);
  }
  void Release(std::uint64_t offset) override {
    SLIPWAY_CHECK(offset >= released_ && offset <= size_);
    released_ = offset;
  }

 private:
  std::uint64_t size_;
  bool finished_;
  std::uint64_t released_ = 0;
};

inline const Ipv4Address kClientAddress(10, 77, 0, 9);
inline const Ipv4Address kServerAddress(10, 77, 0, 1);
inline const FourTuple kClientTuple{kClientAddress, Port(1024), kServerAddress, Port(443)};
inline const FourTuple kServerTuple{kServerAddress, Port(443), kClientAddress, Port(1024)};

// One end: a Host and what its application saw.
struct End {
  End(Settings chosen, std::uint64_t seed)
      : settings(chosen), entropy(seed), host(settings, entropy) {}

  Settings settings;
  SeededEntropy entropy;
  Host host;
  ConnectionId id;
  std::vector<std::uint8_t> received;
  bool opened = false, finished = false, closed = false, reset = false, all_acknowledged = false;
  std::vector<Expiry> expired;
  std::vector<Drop> drops;
  std::uint32_t payload_max = 0;
  std::function<void(End&)> on_open;
  std::function<void(End&)> on_finish;
};

struct Link {
  Duration delay = milliseconds(5);
  double loss = 0;
  double reorder = 0;  // delayed by one to four more delays
  double duplicate = 0;
  std::size_t frame_max = 1500;  // larger IP packets are lost
};

struct Crossing {
  Time at;
  bool from_client;
  Segment segment;  // without text
  std::size_t text_size;
  bool lost;
};

class Wire {
 public:
  explicit Wire(std::uint64_t seed = 1, Settings client_settings = {},
                Settings server_settings = {})
      : client(client_settings, seed * 2 + 1),
        server(server_settings, seed * 2 + 2),
        random_(seed) {
    server.host.Listen(Port(443));
  }

  void Open() {
    client.id = *client.host.Connect(kClientTuple, now);
    Flush();
  }
  // Emits and delivers until nothing happens before `until`.
  void RunUntil(Time until) {
    for (Flush();; Flush()) {
      const Time next = std::min({flying_.empty() ? kNever : flying_.begin()->first,
                                  client.host.Deadline(), server.host.Deadline()});
      if (next > until) break;
      now = std::max(now, next);
      while (!flying_.empty() && flying_.begin()->first <= now) {
        const Flight flight = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        Deliver(flight.to_server ? server : client, flight);
      }
      ExpireAll(client);
      ExpireAll(server);
    }
    now = std::max(now, until);
  }
  void RunFor(Duration duration) { RunUntil(now + duration); }
  void Flush() {
    FlushEnd(client, true);
    FlushEnd(server, false);
  }
  // Lets `bytes` (a whole TCP segment) arrive now.
  struct Flight {
    bool to_server;
    std::vector<std::uint8_t> bytes;
    Ecn ecn = Ecn::kNotCapable;
  };

  Time now = At(seconds(1));
  Link link;
  std::vector<Crossing> log;
  // Called for each segment about to cross; true loses it.
  std::function<bool(const Crossing&)> drop_if;
  // Called for each that says ECT; true marks it.
  std::function<bool(const Crossing&)> mark_if;
  End client;
  End server;

 private:
  bool Chance(double p) { return static_cast<double>(random_.Next64() >> 11) * 0x1p-53 < p; }

  void Deliver(End& end, const Flight& flight) {
    const auto [from, to] = &end == &server ? std::pair(kClientAddress, kServerAddress)
                                            : std::pair(kServerAddress, kClientAddress);
    auto segment = Parse(flight.bytes, from, to, ChecksumState::kVerify);
    SLIPWAY_CHECK(segment.ok());
    segment->ecn = flight.ecn;
    const Delivery d = end.host.Receive(*segment, FourTuple::Of(*segment, from, to), now);
    if (d.drop != Drop::kNone) end.drops.push_back(d.drop);
    if (!d.connection.valid()) return;
    if (!(end.id == d.connection) && !end.opened) end.id = d.connection;
    if (!(end.id == d.connection)) end.id = d.connection;
    end.received.insert(end.received.end(), d.text.begin(), d.text.end());
    for (Bytes run = end.host.TakeText(end.id); !run.empty(); run = end.host.TakeText(end.id)) {
      end.received.insert(end.received.end(), run.begin(), run.end());
    }
    if (d.opened) {
      end.opened = true;
      if (end.on_open) end.on_open(end);
    }
    if (d.finished) {
      end.finished = true;
      if (end.on_finish) end.on_finish(end);
    }
    end.closed |= d.closed;
    end.reset |= d.reset;
    if (d.closed) end.all_acknowledged = d.all_acknowledged;
  }

  void ExpireAll(End& end) {
    while (const auto expired = end.host.Expire(now)) {
      end.expired.push_back(expired->what);
      end.closed |= Closes(expired->what);
    }
  }

  void FlushEnd(End& end, bool from_client) {
    while (const auto out = end.host.EmitStray(now)) Cross(*out, nullptr, from_client);
    while (const auto id = end.host.NextReady()) {
      while (const auto out = end.host.Emit(*id, now, end.payload_max)) {
        Cross(*out, sources[{from_client, id->index}], from_client);
      }
    }
  }

  // Splits a super-segment as a port would, and puts the segments on the wire.
  void Cross(const Outgoing& out, ByteSource* source, bool from_client) {
    std::uint32_t done = 0;
    do {
      Segment segment = out.segment;
      std::uint32_t size = out.length - done;
      if (out.mss != 0 && size > out.mss) {
        size = out.mss;
        segment.flags.fin = segment.flags.psh = false;
      }
      segment.seq = segment.seq + done;
      std::vector<std::uint8_t> bytes(segment.header_size() + size);
      const MutableBytes header = MutableBytes(bytes).first(EmitHeader(segment, bytes));
      const MutableBytes text = MutableBytes(bytes).subspan(header.size());
      if (size != 0) source->Read(out.offset + done, text);
      FillChecksum(header, {.source = out.tuple.local_address,
                            .destination = out.tuple.remote_address,
                            .text = text});
      Crossing crossing{now, from_client, segment, size, false};
      crossing.lost =
          bytes.size() + 20 > link.frame_max || Chance(link.loss) || (drop_if && drop_if(crossing));
      if (!crossing.lost) {
        const bool capable = segment.ecn != Ecn::kNotCapable;
        const Ecn ecn = capable && mark_if && mark_if(crossing) ? Ecn::kExperienced : segment.ecn;
        Duration delay = link.delay;
        if (Chance(link.reorder)) delay += link.delay * (1 + random_.Below(4));
        if (Chance(link.duplicate))
          flying_.emplace(now + delay + link.delay, Flight{from_client, bytes, ecn});
        flying_.emplace(now + delay, Flight{from_client, std::move(bytes), ecn});
      }
      log.push_back(crossing);
      done += size;
    } while (done < out.length);
  }

  SeededEntropy random_;
  std::multimap<Time, Flight> flying_;

 public:
  // Which source a connection's payload is read from.
  std::map<std::pair<bool, std::uint32_t>, ByteSource*> sources;
  void Attach(End& end, ByteSource* source) {
    sources[{&end == &client, end.id.index}] = source;
    end.host.Attach(end.id, source);
  }
};

}  // namespace slipway::tcp
