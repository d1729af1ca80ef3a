// SPDX-License-Identifier: Apache-2.0
//
// What must hold of every conversation, whatever the wire does to it, as seen by somebody who
// watches the server's side of it: a byte of the stream, once sent, never changes (so that no
// nonce of TLS is used for two plaintexts), nothing is sent beyond the window the client
// offered, but for a probe of one byte into a closed one, and only new text says that congestion
// may be marked in it (RFC 3168 6.1).
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/base/check.h"
#include "tests/sim/world.h"

namespace slipway::sim {

class Oracle {
 public:
  struct Counts {
    std::uint64_t changed = 0;        // bytes that were others when they were sent first
    std::uint64_t skipped = 0;        // text before the first byte, or behind what was never sent
    std::uint64_t beyond_window = 0;  // of the client
    std::uint64_t marked = 0;         // what may be marked and is no new text
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  explicit Oracle(World& world) {
    world.on_departure = [this](World::Side from, Bytes frame) {
      const Seen seen = See(frame);
      if (!seen.tcp) return;
      if (from == World::kServer) {
        Sent(*seen.tcp);
      } else if (seen.tcp->flags.syn) {
        scale_ = seen.tcp->options.window_scale.value_or(0);
      }
    };
    world.on_arrival = [this](World::Side from, Bytes frame) {
      const Seen seen = See(frame);
      if (from == World::kClient && seen.tcp && seen.tcp->flags.ack) Offered(*seen.tcp);
    };
  }

  const Counts& counts() const { return counts_; }
  std::uint64_t violations() const {
    return counts_.changed + counts_.skipped + counts_.beyond_window + counts_.marked;
  }

 private:
  void Sent(const tcp::Segment& segment) {
    if (segment.text.empty() && segment.ecn != Ecn::kNotCapable) ++counts_.marked;
    if (segment.flags.rst) return;
    if (segment.flags.syn) first_ = segment.seq + 1;
    if (!segment.flags.syn && !segment.options.window_scale && !first_) return;
    const auto offset = static_cast<std::int64_t>(segment.seq - *first_);
    if (segment.text.empty()) return;
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + segment.text.size();
    if (offset < 0) {
      ++counts_.skipped;
      return;
    }
    const std::size_t known = std::min(stream_.size(), end);
    if (segment.ecn != Ecn::kNotCapable && begin < known) ++counts_.marked;
    if (begin > stream_.size()) {  // a hole: this has no place in the stream
      ++counts_.skipped;
      return;
    }
    if (begin < known &&
        !Equal(segment.text.first(known - begin), Bytes(stream_).subspan(begin, known - begin))) {
      ++counts_.changed;
    }
    if (end > stream_.size()) {
      const Bytes fresh = segment.text.subspan(stream_.size() - begin);
      stream_.insert(stream_.end(), fresh.begin(), fresh.end());
    }
    if (end > edge_ + 1) ++counts_.beyond_window;
  }

  void Offered(const tcp::Segment& segment) {
    if (!first_) return;
    const std::uint64_t window = std::uint64_t{segment.window} << (segment.flags.syn ? 0 : scale_);
    const auto acknowledged = static_cast<std::int64_t>(segment.ack - *first_);
    if (acknowledged < 0) return;
    edge_ = std::max(edge_, static_cast<std::uint64_t>(acknowledged) + window);
  }

  std::optional<tcp::SeqNum> first_;  // of the server's text
  std::uint8_t scale_ = 0;
  std::uint64_t edge_ = 0;
  Buffer stream_;
  Counts counts_;
};

}  // namespace slipway::sim
