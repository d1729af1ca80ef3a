// SPDX-License-Identifier: Apache-2.0
//
// Table: neighbours by address, a fixed number of them, all memory taken at construction.
//
// Every entry is in exactly one list, which is also its state, and lists keep an order:
// kClaimed and kConfirmed from least to most recently used, kAsking from due first to due last,
// kUnreachable from forgotten first to last. So whatever is due, or may go, is at a front.
//
// Who gives way to whom: a claim (anybody can make one) takes the place of the oldest claim only;
// a question of our own takes that, or else the least recently used confirmed neighbour. Entries
// being asked for never give way. The hash is keyed, for peers choose the addresses.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/siphash.h"
#include "protocols/base/time.h"

namespace slipway::arp {

enum class List : std::uint8_t { kFree, kClaimed, kConfirmed, kAsking, kUnreachable };

struct Neighbour {
  Ipv4Address address;
  MacAddress mac;  // zero when it has never been known
  List list = List::kFree;
  bool usable = false;       // mac may be sent to
  bool by_unicast = false;   // while asking: it is the known station that is asked
  std::uint8_t queries = 0;  // while asking: sent so far, in the present manner
  Time at{};                 // asking: next query; unreachable: forget then; else last confirmed

 private:
  friend class Table;
  std::uint32_t next_in_bucket = 0;
  std::uint32_t before = 0;
  std::uint32_t after = 0;
};

class Table {
 public:
  Table(std::size_t capacity, const SipKey& key);

  // Null when unknown.
  Neighbour* Find(Ipv4Address address);
  const Neighbour* Find(Ipv4Address address) const;

  // A new entry at the back of `list` for an address that is not in the table; null when nothing
  // may give way.
  Neighbour* Insert(Ipv4Address address, List list);
  void Erase(Neighbour& neighbour);

  Neighbour* Front(List list);
  const Neighbour* Front(List list) const;
  void MoveToBack(Neighbour& neighbour, List list);
  void MoveToFront(Neighbour& neighbour, List list);

  std::size_t capacity() const { return entries_.size() - kLists; }
  std::size_t size(List list) const { return sizes_[static_cast<std::size_t>(list)]; }

 private:
  static constexpr std::size_t kLists = 5;
  static constexpr std::uint32_t kEnd = 0xffffffff;

  std::size_t BucketOf(Ipv4Address address) const;
  std::uint32_t IndexOf(const Neighbour& neighbour) const;
  void Unlink(std::uint32_t index);
  void Link(std::uint32_t index, std::uint32_t next, List list);

  SipKey key_;
  std::vector<std::uint32_t> buckets_;
  // The first kLists entries are the lists' heads, so that linking knows no special cases.
  std::vector<Neighbour> entries_;
  std::array<std::size_t, kLists> sizes_{};
};

}  // namespace slipway::arp
