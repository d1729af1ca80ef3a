// SPDX-License-Identifier: Apache-2.0
//
// LeaseTable: the leases of all networks, in a fixed number of slots.
//
// A slot is *held* (somebody may use the address until it expires; it stands in a heap by expiry)
// or *idle* (nobody may; it stands in its network's list, least recently used first, and still
// remembers its last client, who gets it again if nobody took it meanwhile). Found by address and
// by identity, the latest of an identity first. All work per packet is O(1), the heap's O(log n).
// An identity is the client identifier, or the MAC address where there is none; the identifier
// "type 1 and the MAC address" (RFC 2132 9.14), which iPXE sends, is the same as none.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "protocols/base/siphash.h"
#include "protocols/dhcp/lease.h"

namespace slipway::dhcp {

// Who a lease belongs to, within a network.
struct Identity {
  std::uint16_t network = 0;
  MacAddress mac;
  Bytes client_identifier;  // empty: the MAC address counts

  static Identity Of(std::uint16_t network, bool match_client_identifier, const MacAddress& mac,
                     Bytes client_identifier);
};

class LeaseTable {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = 0xffffffff;
  static constexpr std::uint16_t kNoNetwork = 0xffff;

  struct Entry {
    Lease lease;
    std::uint16_t network = kNoNetwork;
    bool by_mac = true;  // identity
    bool held = false;
    bool was_bound = false;  // by this identity, at some time
    bool probing = false;
    bool identified = false;     // stands in the identity index
    bool by_wall_clock = false;  // its expiry is another process's word; Hold() ends that
    // Before the last change, for Abandon().
    LeaseState state_before = LeaseState::kOffered;
    std::int64_t expires_before = 0;
    bool by_wall_clock_before = false;

   private:
    friend class LeaseTable;
    Slot next_by_address = kNone;
    Slot next_by_identity = kNone;
    Slot newer = kNone;  // idle list
    Slot older = kNone;
    std::uint32_t heap_index = 0;
  };

  LeaseTable(std::size_t capacity, std::size_t networks_max, const SipKey& key);

  std::size_t size() const { return used_; }
  bool full() const { return used_ == entries_.size(); }
  Entry& operator[](Slot slot) { return entries_[slot]; }
  const Entry& operator[](Slot slot) const { return entries_[slot]; }

  Slot FindAddress(Ipv4Address address) const;
  Slot FindIdentity(const Identity& identity) const;
  bool Matches(Slot slot, const Identity& identity) const;

  // A new idle slot without identity, at the front of its network's list; kNone when full.
  Slot Add(Ipv4Address address, std::uint16_t network);
  // Forgets the slot. Others keep their numbers.
  void Remove(Slot slot);
  // Writes the identity's names into the lease.
  void Identify(Slot slot, const Identity& identity);
  // Nobody's: as after a decline.
  void Anonymize(Slot slot);
  // Held until the expiry given.
  void Hold(Slot slot, std::int64_t expires_unix_seconds);
  // Those whose expiry is by the wall clock end so much later.
  void PutOff(std::chrono::seconds by);
  // Idle from now on; what was never bound is given to others first.
  void Release(Slot slot);
  // The idle slot that was used longest ago; kNone when there is none.
  Slot LeastRecentlyUsed(std::uint16_t network) const { return lists_[network].oldest; }
  // Releases at most `limit` held slots that expired.
  void Reap(std::int64_t now_unix_seconds, std::size_t limit);
  // The networks changed: asks NetworkFor(address) -> pair(network, match_client_identifier) anew.
  template <class NetworkFor>
  void Rehome(NetworkFor network_for) {
    for (const Slot slot : Detach()) {
      const auto [network, match] = network_for(entries_[slot].lease.address);
      Attach(slot, network, match);
    }
  }

 private:
  struct List {
    Slot oldest = kNone;
    Slot newest = kNone;
  };

  std::uint64_t HashIdentity(const Identity& identity) const;
  Identity IdentityOf(const Entry& entry) const;
  Slot& AddressBucket(Ipv4Address address);
  void IndexIdentity(Slot slot);
  void UnindexIdentity(Slot slot);
  void ListAppend(Slot slot);
  void ListPrepend(Slot slot);
  void ListRemove(Slot slot);
  // By expiry; within one second, what was changed first.
  bool ExpiresBefore(Slot a, Slot b) const;
  void HeapPush(Slot slot);
  void HeapRemove(Slot slot);
  void HeapPlace(std::size_t index, Slot slot);
  void SiftUp(std::size_t index);
  void SiftDown(std::size_t index);
  // Takes all from lists and the identity index; their slots by expiry.
  std::span<const Slot> Detach();
  void Attach(Slot slot, std::uint16_t network, bool match_client_identifier);

  SipKey key_;
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  std::vector<Slot> by_address_;   // buckets
  std::vector<Slot> by_identity_;  // buckets
  std::vector<List> lists_;        // by network, and one for addresses of none
  std::vector<Slot> heap_;         // held slots, earliest expiry first
  std::vector<Slot> order_;        // room for Detach()
  std::size_t heap_size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace slipway::dhcp
