// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/reassembly.h"

#include <algorithm>

#include "protocols/base/check.h"
#include "protocols/wire/ecn.h"

namespace slipway::ip {
namespace {

constexpr std::size_t kUnit = 8;

// What can be said of a fragment alone.
bool IsWellFormed(const ipv4::Packet& fragment) {
  const std::size_t size = fragment.payload.size();
  if (size == 0 || (fragment.more_fragments && size % kUnit != 0)) return false;
  return fragment.header_size() + fragment.fragment_offset + size <= ipv4::kPacketSizeMax;
}

}  // namespace

Reassembly::Reassembly(const ReassemblySettings& settings)
    : settings_(settings), slots_(settings.datagrams_max) {
  SLIPWAY_CHECK(settings.datagrams_max > 0 && settings.fragments_max > 1);
  for (Slot& slot : slots_) {
    slot.ranges.reserve(settings.fragments_max);
    slot.payload.resize(ipv4::kPacketSizeMax);
  }
}

bool Reassembly::SameDatagram(const ipv4::Packet& a, const ipv4::Packet& b) {
  return a.identification == b.identification && a.source == b.source &&
         a.destination == b.destination && a.protocol == b.protocol;
}

Reassembly::Slot* Reassembly::FindOrTake(const ipv4::Packet& fragment, Time now) {
  Slot* free = nullptr;
  std::size_t of_this_source = 0;
  for (Slot& slot : slots_) {
    if (!slot.taken) {
      free = &slot;
    } else if (SameDatagram(slot.header, fragment)) {
      return &slot;
    } else if (slot.header.source == fragment.source) {
      ++of_this_source;
    }
  }
  if (free == nullptr || of_this_source >= settings_.datagrams_per_source_max) return nullptr;
  free->taken = true;
  free->condemned = free->marked = free->not_markable = false;
  free->header = fragment;
  free->header.options = free->header.payload = {};
  free->received = 0;
  free->total.reset();
  free->deadline = now + settings_.timeout;
  deadline_ = std::min(deadline_, free->deadline);
  free->ranges.clear();
  return free;
}

Reassembly::Outcome Reassembly::Receive(const ipv4::Packet& fragment, Time now) {
  if (!fragment.is_fragment()) return {.packet = fragment};
  Slot* slot = FindOrTake(fragment, now);
  if (slot == nullptr) return {.drop = Drop::kIpFragmentTableFull};
  if (slot->condemned) return {.drop = slot->reason};
  const Drop drop = Place(*slot, fragment);
  if (drop == Drop::kIpFragmentDuplicate) return {.drop = drop};
  if (drop != Drop::kNone) {
    slot->condemned = true;
    slot->reason = drop;
    return {.drop = drop};
  }
  if (slot->total != slot->received) return {};
  if (slot->marked && slot->not_markable) {
    slot->taken = false;
    return {.drop = Drop::kIpFragmentMarked};
  }
  return {.packet = Complete(*slot)};
}

// The last fragment says how long the datagram is: once, and nothing may lie beyond.
Drop Reassembly::CheckEnd(const Slot& slot, const ipv4::Packet& fragment) {
  const std::size_t end = fragment.fragment_offset + fragment.payload.size();
  if (slot.total && (fragment.more_fragments ? end > *slot.total : end != *slot.total)) {
    return Drop::kIpFragmentMalformed;
  }
  if (!fragment.more_fragments && !slot.ranges.empty() && slot.ranges.back().end > end) {
    return Drop::kIpFragmentMalformed;
  }
  return Drop::kNone;
}

Drop Reassembly::Place(Slot& slot, const ipv4::Packet& fragment) const {
  if (!IsWellFormed(fragment)) return Drop::kIpFragmentMalformed;
  const Range range{fragment.fragment_offset,
                    static_cast<std::uint32_t>(fragment.fragment_offset + fragment.payload.size())};
  const auto next = std::ranges::lower_bound(slot.ranges, range.begin, {}, &Range::begin);
  if (next != slot.ranges.end()) {
    if (next->begin == range.begin && next->end == range.end &&
        (fragment.more_fragments || slot.total == range.end)) {
      return Drop::kIpFragmentDuplicate;
    }
    if (next->begin < range.end) return Drop::kIpFragmentOverlap;
  }
  if (next != slot.ranges.begin() && std::prev(next)->end > range.begin) {
    return Drop::kIpFragmentOverlap;
  }
  if (const Drop drop = CheckEnd(slot, fragment); drop != Drop::kNone) return drop;
  if (slot.ranges.size() == settings_.fragments_max) return Drop::kIpFragmentTooMany;
  slot.ranges.insert(next, range);
  slot.received += range.end - range.begin;
  slot.marked |= EcnOf(fragment.service) == Ecn::kExperienced;
  slot.not_markable |= EcnOf(fragment.service) == Ecn::kNotCapable;
  if (!fragment.more_fragments) slot.total = range.end;
  Copy(fragment.payload, MutableBytes(slot.payload).subspan(range.begin));
  if (fragment.fragment_offset == 0) {
    slot.header = fragment;
    slot.header.options = Bytes(slot.options).first(Copy(fragment.options, slot.options));
  }
  return Drop::kNone;
}

ipv4::Packet Reassembly::Complete(Slot& slot) {
  ipv4::Packet packet = slot.header;
  packet.more_fragments = false;
  packet.fragment_offset = 0;
  if (slot.marked) packet.service = static_cast<std::uint8_t>(packet.service | 3);  // CE
  // The longest payload with the longest header could not have been one packet.
  const std::size_t room = ipv4::kPacketSizeMax - packet.header_size();
  packet.payload = Bytes(slot.payload).first(std::min<std::size_t>(*slot.total, room));
  slot.taken = false;
  return packet;
}

// Asked in every round, and there is hardly ever anything: the slots are looked at when one is due.
std::size_t Reassembly::Expire(Time now) {
  if (now < deadline_) return 0;
  deadline_ = kNever;
  std::size_t expired = 0;
  for (Slot& slot : slots_) {
    if (!slot.taken) continue;
    if (now < slot.deadline) {
      deadline_ = std::min(deadline_, slot.deadline);
      continue;
    }
    slot.taken = false;
    ++expired;
  }
  return expired;
}

std::size_t Reassembly::pending() const {
  return static_cast<std::size_t>(std::ranges::count(slots_, true, &Slot::taken));
}

}  // namespace slipway::ip
