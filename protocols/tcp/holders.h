// SPDX-License-Identifier: Apache-2.0
//
// Holders: how many connections each peer address holds, and who holds the most. For the moment
// when all are taken: then whoever holds the most gives way to a machine that holds fewer.
//
// Every step costs the same however many there are. Addresses stand in a keyed table and, by their
// count, in lists; connections stand in a ring of their address, in the order in which they came.
// Allocated once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "protocols/tcp/table.h"

namespace slipway::tcp {

class Holders {
 public:
  // For connections with an index below `connections`; `key` is for the addresses.
  Holders(std::uint32_t connections, SipKey key);

  void Add(Ipv4Address address, std::uint32_t connection);
  // It must have been added.
  void Remove(std::uint32_t connection);

  std::uint32_t CountOf(Ipv4Address address) const;
  // What the address that holds the most holds.
  std::uint32_t most() const { return most_; }

  // Calls `look(connection)` for at most `limit` connections of the address that holds the most (of
  // several, the one that has for the longest), each once, those not looked at for the longest
  // first.
  template <class Look>
  void LookAtMost(std::uint32_t limit, Look look) {
    if (most_ == 0) return;
    Holder& holder = holders_[by_count_[most_].first];
    for (std::uint32_t i = std::min(limit, holder.count); i-- > 0;) {
      look(holder.first);
      holder.first = ring_[holder.first].next;
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Holder {
    Ipv4Address address;
    std::uint32_t count = 0;
    std::uint32_t first = kNone;     // of its connections
    std::uint32_t next = kNone;      // with the same count; or the next free one
    std::uint32_t previous = kNone;  // with the same count
  };
  struct InRing {
    std::uint32_t holder = kNone;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
  };
  struct List {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };

  static FourTuple KeyOf(Ipv4Address address) {
    return {.local_address = {}, .local_port = {}, .remote_address = address, .remote_port = {}};
  }
  std::uint32_t Find(Ipv4Address address) const;
  std::uint32_t FindOrMake(Ipv4Address address);
  void SetCount(std::uint32_t holder, std::uint32_t count);

  TupleTable table_;
  std::vector<Holder> holders_;
  std::vector<InRing> ring_;    // by connection
  std::vector<List> by_count_;  // of holders; that of 0 stays empty
  std::uint32_t free_ = kNone;
  std::uint32_t most_ = 0;
};

}  // namespace slipway::tcp
