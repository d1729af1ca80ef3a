// SPDX-License-Identifier: Apache-2.0
//
// Reassembly of IPv4 fragments (RFC 791 3.2, RFC 1122 3.3.2), bounded in every direction.
//
// A fixed number of datagrams, of one source at most a share of them, each of at most 65,535 bytes
// and a fixed number of fragments; all memory is taken at construction (defaults: 1 MiB). A
// datagram is given up 30 seconds after its first fragment (RFC 1122 3.3.2 says 60 to 120: clients
// that fragment a DHCP request ask again long before).
//
// Overlap of any kind condemns the whole datagram, also the fragments that come later (as RFC 5722
// does for IPv6): nothing honest overlaps, but for an exact repetition, which is ignored. So no two
// readings of the same fragments exist, and teardrop and its kin end here. A fragment that would
// end beyond the longest packet (ping of death), is empty, or breaks the units of 8 bytes, is
// malformed, and condemns its datagram too. The header is that of the first fragment, but for a
// congestion mark: a mark on any is a mark on the whole, which is given up where another fragment
// says that it must not be marked (RFC 3168 5.3).
//
// Left out: ICMP time exceeded for what timed out (RFC 1122 3.3.2 asks for it; nobody boots by it).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/base/drop.h"
#include "protocols/base/time.h"
#include "protocols/wire/ipv4.h"

namespace slipway::ip {

struct ReassemblySettings {
  std::size_t datagrams_max = 16;
  std::size_t datagrams_per_source_max = 4;
  std::size_t fragments_max = 128;  // of one datagram
  Duration timeout = std::chrono::seconds(30);
};

class Reassembly {
 public:
  explicit Reassembly(const ReassemblySettings& settings);

  struct Outcome {
    Drop drop = Drop::kNone;
    // The whole datagram. Its options and payload are good until the next Receive().
    std::optional<ipv4::Packet> packet;
  };

  // Takes a fragment. A packet that is none comes back as it is.
  Outcome Receive(const ipv4::Packet& fragment, Time now);

  // When something may be to be given up; not before.
  Time Deadline() const { return deadline_; }
  // Gives up what has waited too long; returns how many datagrams that were.
  std::size_t Expire(Time now);

  std::size_t pending() const;

 private:
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  struct Slot {
    bool taken = false;
    bool condemned = false;
    bool marked = false;         // a fragment came with CE
    bool not_markable = false;   // a fragment came without ECT
    Drop reason = Drop::kNone;   // why condemned
    ipv4::Packet header;         // of the first fragment to arrive, then of the one at offset 0
    std::uint32_t received = 0;  // bytes
    std::optional<std::uint32_t> total;  // known from the last fragment
    Time deadline = kNever;
    std::array<std::uint8_t, ipv4::kOptionsSizeMax> options{};
    std::vector<Range> ranges;          // sorted, disjoint; never beyond the capacity reserved
    std::vector<std::uint8_t> payload;  // always of the greatest size
  };

  static bool SameDatagram(const ipv4::Packet& a, const ipv4::Packet& b);
  Slot* FindOrTake(const ipv4::Packet& fragment, Time now);
  Drop Place(Slot& slot, const ipv4::Packet& fragment) const;
  static Drop CheckEnd(const Slot& slot, const ipv4::Packet& fragment);
  static ipv4::Packet Complete(Slot& slot);

  ReassemblySettings settings_;
  Time deadline_ = kNever;  // the earliest of the slots', or of one that is free again
  std::vector<Slot> slots_;
};

}  // namespace slipway::ip
