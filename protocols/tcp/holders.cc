// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/holders.h"

namespace slipway::tcp {

Holders::Holders(std::uint32_t connections, SipKey key)
    : table_(connections, key),
      holders_(connections),
      ring_(connections),
      by_count_(std::size_t{connections} + 1) {
  for (std::uint32_t i = connections; i-- > 0;) {
    holders_[i].next = free_;
    free_ = i;
  }
}

std::uint32_t Holders::Find(Ipv4Address address) const {
  const auto same = [&](std::uint32_t i) { return holders_[i].address == address; };
  return table_.Find(KeyOf(address), same).value_or(kNone);
}

std::uint32_t Holders::CountOf(Ipv4Address address) const {
  const std::uint32_t holder = Find(address);
  return holder == kNone ? 0 : holders_[holder].count;
}

std::uint32_t Holders::FindOrMake(Ipv4Address address) {
  if (const std::uint32_t present = Find(address); present != kNone) return present;
  const std::uint32_t made = free_;
  SLIPWAY_CHECK(made != kNone);  // each holds a connection at least
  free_ = holders_[made].next;
  holders_[made] = {.address = address};
  table_.Insert(KeyOf(address), made);
  return made;
}

// From the list of its old count to the end of the new one's.
void Holders::SetCount(std::uint32_t holder, std::uint32_t count) {
  Holder& h = holders_[holder];
  if (h.count != 0) {
    List& old = by_count_[h.count];
    (h.previous == kNone ? old.first : holders_[h.previous].next) = h.next;
    (h.next == kNone ? old.last : holders_[h.next].previous) = h.previous;
  }
  h.count = count;
  if (count == 0) return;
  List& list = by_count_[count];
  h.next = kNone;
  h.previous = list.last;
  (list.last == kNone ? list.first : holders_[list.last].next) = holder;
  list.last = holder;
}

void Holders::Add(Ipv4Address address, std::uint32_t connection) {
  const std::uint32_t holder = FindOrMake(address);
  Holder& h = holders_[holder];
  InRing& added = ring_[connection];
  added.holder = holder;
  if (h.first == kNone) {
    h.first = added.next = added.previous = connection;
  } else {
    added.next = h.first;
    added.previous = ring_[h.first].previous;
    ring_[added.previous].next = ring_[h.first].previous = connection;
  }
  SetCount(holder, h.count + 1);
  most_ = std::max(most_, h.count);
}

void Holders::Remove(std::uint32_t connection) {
  InRing& removed = ring_[connection];
  const std::uint32_t holder = removed.holder;
  SLIPWAY_CHECK(holder != kNone);
  Holder& h = holders_[holder];
  ring_[removed.previous].next = removed.next;
  ring_[removed.next].previous = removed.previous;
  if (h.first == connection) h.first = removed.next;
  removed = {};
  SetCount(holder, h.count - 1);
  if (by_count_[most_].first == kNone) --most_;
  if (h.count != 0) return;
  table_.Erase(KeyOf(h.address), holder);
  h.next = free_;
  free_ = holder;
}

}  // namespace slipway::tcp
