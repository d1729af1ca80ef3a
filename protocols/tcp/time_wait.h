// SPDX-License-Identifier: Apache-2.0
//
// TIME-WAIT (RFC 9293 3.6.1): what remains of a connection for 2 MSL, in a compact table of its
// own, so that thousands of finished boots do not hold connection slots.
//
// All entries wait equally long, so their order of (re)start is their order of expiry: a list, no
// timers. When the table is full the oldest gives way. A RST does not end an entry (RFC 1337), but
// for one: the exact answer to our ACK of a SYN. It comes from a machine that was reset, knows
// nothing of the old connection and begins below it (firmware's numbers and ports start anew); its
// next SYN, one retry later, opens. An old duplicate's reset has no SYN before it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/base/time.h"
#include "protocols/tcp/four_tuple.h"
#include "protocols/tcp/table.h"

namespace slipway::tcp {

struct TimeWait {
  FourTuple tuple;
  SeqNum send_next;
  SeqNum receive_next;
  std::uint16_t window = 0;  // as on the wire
  bool timestamps = false;
  bool syn_answered = false;  // the last segment was a SYN that may not reuse it
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_offset = 0;
};

class TimeWaitTable {
 public:
  // `key` is that of the connections' table: one hash of a tuple serves both.
  TimeWaitTable(std::uint32_t entries_max, Duration wait, SipKey key);

  void Add(const TimeWait& entry, Time now);
  std::optional<std::uint32_t> Find(const FourTuple& tuple) const;
  std::optional<std::uint32_t> FindHashed(const FourTuple& tuple, std::uint32_t hash) const;
  TimeWait& at(std::uint32_t index) { return entries_[index].value; }
  // The wait begins anew (a retransmitted FIN).
  void Restart(std::uint32_t index, Time now);
  void Remove(std::uint32_t index);
  void Expire(Time now);
  Time Deadline() const { return head_ == kNone ? kNever : entries_[head_].until; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(table_.size()); }

  // Whether a SYN may open a new connection in the old one's place (RFC 1122 4.2.2.13, RFC 6191).
  // `timestamps`: the new one would have them, if the SYN asks.
  static bool MayReuse(const TimeWait& entry, const Segment& syn, bool timestamps);

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Entry {
    TimeWait value;
    Time until;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
  };
  void Append(std::uint32_t index, Time now);
  void Unlink(std::uint32_t index);

  Duration wait_;
  TupleTable table_;
  std::vector<Entry> entries_;
  std::uint32_t free_ = kNone;
  std::uint32_t head_ = kNone;
  std::uint32_t tail_ = kNone;
};

}  // namespace slipway::tcp
