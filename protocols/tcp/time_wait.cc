// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/time_wait.h"

namespace slipway::tcp {

TimeWaitTable::TimeWaitTable(std::uint32_t entries_max, Duration wait, SipKey key)
    : wait_(wait), table_(entries_max, key), entries_(entries_max) {
  for (std::uint32_t i = entries_max; i-- > 0;) {
    entries_[i].next = free_;
    free_ = i;
  }
}

std::optional<std::uint32_t> TimeWaitTable::Find(const FourTuple& tuple) const {
  if (size() == 0) return std::nullopt;
  return FindHashed(tuple, table_.HashOf(tuple));
}

std::optional<std::uint32_t> TimeWaitTable::FindHashed(const FourTuple& tuple,
                                                       std::uint32_t hash) const {
  if (size() == 0) return std::nullopt;  // a flood must not cost a look into a cold table
  return table_.FindHashed(
      hash, [&](std::uint32_t index) { return entries_[index].value.tuple == tuple; });
}

void TimeWaitTable::Append(std::uint32_t index, Time now) {
  Entry& entry = entries_[index];
  entry.until = now + wait_;
  entry.next = kNone;
  entry.previous = tail_;
  (tail_ == kNone ? head_ : entries_[tail_].next) = index;
  tail_ = index;
}

void TimeWaitTable::Unlink(std::uint32_t index) {
  const Entry& entry = entries_[index];
  (entry.previous == kNone ? head_ : entries_[entry.previous].next) = entry.next;
  (entry.next == kNone ? tail_ : entries_[entry.next].previous) = entry.previous;
}

void TimeWaitTable::Add(const TimeWait& value, Time now) {
  if (const auto present = Find(value.tuple)) Remove(*present);
  if (entries_.empty()) return;
  if (free_ == kNone) Remove(head_);
  const std::uint32_t index = free_;
  free_ = entries_[index].next;
  entries_[index].value = value;
  table_.Insert(value.tuple, index);
  Append(index, now);
}

void TimeWaitTable::Restart(std::uint32_t index, Time now) {
  Unlink(index);
  Append(index, now);
}

void TimeWaitTable::Remove(std::uint32_t index) {
  table_.Erase(entries_[index].value.tuple, index);
  Unlink(index);
  entries_[index].next = free_;
  free_ = index;
}

void TimeWaitTable::Expire(Time now) {
  while (head_ != kNone && entries_[head_].until <= now) Remove(head_);
}

// RFC 6191 2. RCV.NXT itself is not above what was seen, as in Linux and BSD.
bool TimeWaitTable::MayReuse(const TimeWait& entry, const Segment& syn, bool timestamps) {
  if (!syn.flags.syn || syn.flags.ack || syn.flags.rst) return false;
  const bool above = syn.seq.After(entry.receive_next);
  // A peer without timestamps whose sequence numbers start anew at random (firmware) is let in
  // only when they happen to lie above; else the ACK below makes it reset and try again.
  if (!timestamps || !syn.options.timestamps) return above;
  // Now with timestamps, before without: what is left of the old one has none and is refused.
  if (!entry.timestamps) return true;
  const auto newer = static_cast<std::int32_t>(syn.options.timestamps->value - entry.ts_recent);
  return newer > 0 || (newer == 0 && above);
}

}  // namespace slipway::tcp
