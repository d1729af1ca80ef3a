// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/lease_table.h"

#include <algorithm>
#include <bit>

namespace slipway::dhcp {
namespace {

// RFC 2132 9.14: hardware type, then the address.
bool IsHardwareAddress(Bytes client_identifier, const MacAddress& mac) {
  return client_identifier.size() == 7 && client_identifier[0] == 1 &&
         Equal(client_identifier.subspan(1), mac.octets);
}

}  // namespace

Identity Identity::Of(std::uint16_t network, bool match_client_identifier, const MacAddress& mac,
                      Bytes client_identifier) {
  const bool by_mac = !match_client_identifier || client_identifier.empty() ||
                      IsHardwareAddress(client_identifier, mac);
  return {network, mac, by_mac ? Bytes() : client_identifier};
}

LeaseTable::LeaseTable(std::size_t capacity, std::size_t networks_max, const SipKey& key)
    : key_(key),
      entries_(capacity),
      by_address_(std::bit_ceil(capacity + 1), kNone),
      by_identity_(std::bit_ceil(capacity + 1), kNone),
      lists_(networks_max + 1),
      heap_(capacity, kNone),
      order_(capacity, kNone) {
  free_.reserve(capacity);
  for (std::size_t i = capacity; i-- > 0;) free_.push_back(static_cast<Slot>(i));
}

std::uint64_t LeaseTable::HashIdentity(const Identity& identity) const {
  std::array<std::uint8_t, 3 + kClientIdentifierMax> bytes;
  Writer writer(bytes);
  writer.U16(identity.network);
  writer.U8(identity.client_identifier.empty() ? 1 : 0);
  writer.Put(identity.client_identifier.empty() ? Bytes(identity.mac.octets)
                                                : identity.client_identifier);
  return SipHash(key_, writer.written());
}

Identity LeaseTable::IdentityOf(const Entry& entry) const {
  return {entry.network, entry.lease.mac,
          entry.by_mac ? Bytes() : entry.lease.client_identifier.bytes()};
}

LeaseTable::Slot& LeaseTable::AddressBucket(Ipv4Address address) {
  // Fibonacci hashing: addresses come in rows, and are ours to choose.
  const std::uint64_t hash = address.value() * 0x9e3779b97f4a7c15U >> 32;
  return by_address_[hash & (by_address_.size() - 1)];
}

LeaseTable::Slot LeaseTable::FindAddress(Ipv4Address address) const {
  const std::uint64_t hash = address.value() * 0x9e3779b97f4a7c15U >> 32;
  Slot slot = by_address_[hash & (by_address_.size() - 1)];
  while (slot != kNone && entries_[slot].lease.address != address) {
    slot = entries_[slot].next_by_address;
  }
  return slot;
}

bool LeaseTable::Matches(Slot slot, const Identity& identity) const {
  const Entry& entry = entries_[slot];
  if (!entry.identified || entry.network != identity.network ||
      entry.by_mac != identity.client_identifier.empty()) {
    return false;
  }
  return entry.by_mac ? entry.lease.mac == identity.mac
                      : Equal(entry.lease.client_identifier.bytes(), identity.client_identifier);
}

LeaseTable::Slot LeaseTable::FindIdentity(const Identity& identity) const {
  Slot slot = by_identity_[HashIdentity(identity) & (by_identity_.size() - 1)];
  while (slot != kNone && !Matches(slot, identity)) slot = entries_[slot].next_by_identity;
  return slot;
}

LeaseTable::Slot LeaseTable::Add(Ipv4Address address, std::uint16_t network) {
  if (free_.empty()) return kNone;
  const Slot slot = free_.back();
  free_.pop_back();
  ++used_;
  Entry& entry = entries_[slot];
  entry = Entry{};
  entry.lease.address = address;
  entry.network = network;
  Slot& bucket = AddressBucket(address);
  entry.next_by_address = bucket;
  bucket = slot;
  ListPrepend(slot);
  return slot;
}

void LeaseTable::Remove(Slot slot) {
  Entry& entry = entries_[slot];
  Anonymize(slot);
  if (entry.held)
    HeapRemove(slot);
  else
    ListRemove(slot);
  Slot* link = &AddressBucket(entry.lease.address);
  while (*link != slot) link = &entries_[*link].next_by_address;
  *link = entry.next_by_address;
  free_.push_back(slot);
  --used_;
}

void LeaseTable::Identify(Slot slot, const Identity& identity) {
  Anonymize(slot);
  Entry& entry = entries_[slot];
  entry.lease.mac = identity.mac;
  entry.lease.client_identifier = ClientIdentifier::From(identity.client_identifier);
  entry.by_mac = identity.client_identifier.empty();
  entry.was_bound = false;
  IndexIdentity(slot);
}

void LeaseTable::Anonymize(Slot slot) {
  if (entries_[slot].identified) UnindexIdentity(slot);
}

void LeaseTable::IndexIdentity(Slot slot) {
  Entry& entry = entries_[slot];
  Slot& bucket = by_identity_[HashIdentity(IdentityOf(entry)) & (by_identity_.size() - 1)];
  entry.next_by_identity = bucket;
  bucket = slot;
  entry.identified = true;
}

void LeaseTable::UnindexIdentity(Slot slot) {
  Entry& entry = entries_[slot];
  Slot* link = &by_identity_[HashIdentity(IdentityOf(entry)) & (by_identity_.size() - 1)];
  while (*link != slot) link = &entries_[*link].next_by_identity;
  *link = entry.next_by_identity;
  entry.identified = false;
}

void LeaseTable::Hold(Slot slot, std::int64_t expires_unix_seconds) {
  Entry& entry = entries_[slot];
  if (entry.held)
    HeapRemove(slot);
  else
    ListRemove(slot);
  entry.held = true;
  entry.by_wall_clock = false;
  entry.lease.expires_unix_seconds = expires_unix_seconds;
  HeapPush(slot);
}

void LeaseTable::PutOff(std::chrono::seconds by) {
  // Found by their addresses: a slot that is free may still look as if it were held.
  for (const Slot head : by_address_) {
    for (Slot slot = head; slot != kNone; slot = entries_[slot].next_by_address) {
      if (!entries_[slot].held || !entries_[slot].by_wall_clock) continue;
      Hold(slot, entries_[slot].lease.expires_unix_seconds + by.count());
      entries_[slot].by_wall_clock = true;
    }
  }
}

void LeaseTable::Release(Slot slot) {
  Entry& entry = entries_[slot];
  if (!entry.held) return;
  HeapRemove(slot);
  entry.held = false;
  entry.probing = false;
  if (entry.was_bound)
    ListAppend(slot);
  else
    ListPrepend(slot);
}

void LeaseTable::Reap(std::int64_t now_unix_seconds, std::size_t limit) {
  while (limit-- > 0 && heap_size_ > 0 &&
         entries_[heap_[0]].lease.expires_unix_seconds <= now_unix_seconds) {
    Release(heap_[0]);
  }
}

void LeaseTable::ListAppend(Slot slot) {
  Entry& entry = entries_[slot];
  List& list = lists_[std::min<std::size_t>(entry.network, lists_.size() - 1)];
  entry.older = list.newest;
  entry.newer = kNone;
  (list.newest == kNone ? list.oldest : entries_[list.newest].newer) = slot;
  list.newest = slot;
}

void LeaseTable::ListPrepend(Slot slot) {
  Entry& entry = entries_[slot];
  List& list = lists_[std::min<std::size_t>(entry.network, lists_.size() - 1)];
  entry.newer = list.oldest;
  entry.older = kNone;
  (list.oldest == kNone ? list.newest : entries_[list.oldest].older) = slot;
  list.oldest = slot;
}

void LeaseTable::ListRemove(Slot slot) {
  Entry& entry = entries_[slot];
  List& list = lists_[std::min<std::size_t>(entry.network, lists_.size() - 1)];
  (entry.older == kNone ? list.oldest : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? list.newest : entries_[entry.newer].older) = entry.older;
}

bool LeaseTable::ExpiresBefore(Slot a, Slot b) const {
  const Lease& left = entries_[a].lease;
  const Lease& right = entries_[b].lease;
  if (left.expires_unix_seconds != right.expires_unix_seconds) {
    return left.expires_unix_seconds < right.expires_unix_seconds;
  }
  return left.revision < right.revision;
}

void LeaseTable::HeapPlace(std::size_t index, Slot slot) {
  heap_[index] = slot;
  entries_[slot].heap_index = static_cast<std::uint32_t>(index);
}

void LeaseTable::HeapPush(Slot slot) {
  HeapPlace(heap_size_, slot);
  SiftUp(heap_size_++);
}

void LeaseTable::HeapRemove(Slot slot) {
  const std::size_t index = entries_[slot].heap_index;
  const Slot last = heap_[--heap_size_];
  if (last == slot) return;
  HeapPlace(index, last);
  SiftUp(index);
  SiftDown(entries_[last].heap_index);
}

void LeaseTable::SiftUp(std::size_t index) {
  const Slot slot = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!ExpiresBefore(slot, heap_[parent])) break;
    HeapPlace(index, heap_[parent]);
    index = parent;
  }
  HeapPlace(index, slot);
}

void LeaseTable::SiftDown(std::size_t index) {
  const Slot slot = heap_[index];
  for (std::size_t child = 2 * index + 1; child < heap_size_; child = 2 * index + 1) {
    if (child + 1 < heap_size_ && ExpiresBefore(heap_[child + 1], heap_[child])) ++child;
    if (!ExpiresBefore(heap_[child], slot)) break;
    HeapPlace(index, heap_[child]);
    index = child;
  }
  HeapPlace(index, slot);
}

std::span<const LeaseTable::Slot> LeaseTable::Detach() {
  std::ranges::fill(by_identity_, kNone);
  std::ranges::fill(lists_, List{});
  std::size_t count = 0;
  for (const Slot head : by_address_) {
    for (Slot slot = head; slot != kNone; slot = entries_[slot].next_by_address) {
      order_[count++] = slot;
    }
  }
  const std::span<Slot> order = std::span(order_).first(count);
  std::ranges::sort(order, [&](Slot a, Slot b) { return ExpiresBefore(a, b); });
  return order;
}

void LeaseTable::Attach(Slot slot, std::uint16_t network, bool match_client_identifier) {
  Entry& entry = entries_[slot];
  const bool has_identity =
      entry.lease.mac.is_station() && entry.lease.state != LeaseState::kDeclined;
  entry.network = network;
  entry.identified = false;
  entry.by_mac = Identity::Of(network, match_client_identifier, entry.lease.mac,
                              entry.lease.client_identifier.bytes())
                     .client_identifier.empty();
  if (has_identity) IndexIdentity(slot);
  if (!entry.held) {
    if (entry.was_bound)
      ListAppend(slot);
    else
      ListPrepend(slot);
  }
}

}  // namespace slipway::dhcp
