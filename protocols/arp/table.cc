// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/table.h"

#include <bit>

#include "protocols/base/check.h"

namespace slipway::arp {

Table::Table(std::size_t capacity, const SipKey& key)
    : key_(key), buckets_(std::bit_ceil(capacity + 1), kEnd), entries_(capacity + kLists) {
  SLIPWAY_CHECK(capacity > 0 && capacity < kEnd - kLists);
  for (std::uint32_t list = 0; list < kLists; ++list) {
    entries_[list].before = entries_[list].after = list;
  }
  for (std::uint32_t i = kLists; i < entries_.size(); ++i) {
    Link(i, static_cast<std::uint32_t>(List::kFree), List::kFree);
  }
}

std::size_t Table::BucketOf(Ipv4Address address) const {
  std::array<std::uint8_t, 4> bytes{};
  Writer(bytes).U32(address.value());
  return SipHash(key_, bytes) & (buckets_.size() - 1);
}

std::uint32_t Table::IndexOf(const Neighbour& neighbour) const {
  return static_cast<std::uint32_t>(&neighbour - entries_.data());
}

const Neighbour* Table::Find(Ipv4Address address) const {
  for (std::uint32_t i = buckets_[BucketOf(address)]; i != kEnd; i = entries_[i].next_in_bucket) {
    if (entries_[i].address == address) return &entries_[i];
  }
  return nullptr;
}

Neighbour* Table::Find(Ipv4Address address) {
  const Neighbour* found = static_cast<const Table*>(this)->Find(address);
  return found == nullptr ? nullptr : &entries_[IndexOf(*found)];
}

Neighbour* Table::Insert(Ipv4Address address, List list) {
  SLIPWAY_CHECK(list != List::kFree && Find(address) == nullptr);
  if (Front(List::kFree) == nullptr) {
    Neighbour* gives_way = Front(List::kClaimed);
    if (gives_way == nullptr && list != List::kClaimed) gives_way = Front(List::kUnreachable);
    if (gives_way == nullptr && list != List::kClaimed) gives_way = Front(List::kConfirmed);
    if (gives_way == nullptr) return nullptr;
    Erase(*gives_way);
  }
  Neighbour& neighbour = *Front(List::kFree);
  MoveToBack(neighbour, list);
  neighbour.address = address;
  std::uint32_t& bucket = buckets_[BucketOf(address)];
  neighbour.next_in_bucket = bucket;
  bucket = IndexOf(neighbour);
  return &neighbour;
}

void Table::Erase(Neighbour& neighbour) {
  SLIPWAY_CHECK(neighbour.list != List::kFree);
  const std::uint32_t index = IndexOf(neighbour);
  std::uint32_t* link = &buckets_[BucketOf(neighbour.address)];
  while (*link != index) link = &entries_[*link].next_in_bucket;
  *link = neighbour.next_in_bucket;
  MoveToBack(neighbour, List::kFree);
  neighbour.mac = {};
  neighbour.usable = neighbour.by_unicast = false;
  neighbour.queries = 0;
}

const Neighbour* Table::Front(List list) const {
  const std::uint32_t front = entries_[static_cast<std::size_t>(list)].after;
  return front < kLists ? nullptr : &entries_[front];
}

Neighbour* Table::Front(List list) {
  const std::uint32_t front = entries_[static_cast<std::size_t>(list)].after;
  return front < kLists ? nullptr : &entries_[front];
}

void Table::MoveToBack(Neighbour& neighbour, List list) {
  const std::uint32_t index = IndexOf(neighbour);
  Unlink(index);
  Link(index, static_cast<std::uint32_t>(list), list);
}

void Table::MoveToFront(Neighbour& neighbour, List list) {
  const std::uint32_t index = IndexOf(neighbour);
  Unlink(index);
  Link(index, entries_[static_cast<std::size_t>(list)].after, list);
}

void Table::Unlink(std::uint32_t index) {
  const Neighbour& entry = entries_[index];
  entries_[entry.before].after = entry.after;
  entries_[entry.after].before = entry.before;
  --sizes_[static_cast<std::size_t>(entry.list)];
}

// Before `next`, which is in `list` or its head.
void Table::Link(std::uint32_t index, std::uint32_t next, List list) {
  const std::uint32_t previous = entries_[next].before;
  Neighbour& entry = entries_[index];
  entry.before = previous;
  entry.after = next;
  entry.list = list;
  entries_[previous].after = index;
  entries_[next].before = index;
  ++sizes_[static_cast<std::size_t>(list)];
}

}  // namespace slipway::arp
