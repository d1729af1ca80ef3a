// SPDX-License-Identifier: Apache-2.0
//
// What was sent to a peer that selects (RFC 2018) and is not yet acknowledged: runs of bytes in
// 64-bit send positions (connection.h), each with the time it was last sent and its fate. RACK
// (rack.h) needs times, RFC 6675's pipe is `flying()`, what to send again is `FirstLost()`.
//
// A run is what left at one time, not a segment: new text sent within `grain` of a run's beginning
// joins it and takes the later time, so that a whole window is a few dozen runs. Bounded by
// kRunsMax: when full, two neighbours of one fate become one, sent when the later was; kRunsKept
// are kept free of what the peer holds, so that there are such neighbours as a rule. Where not,
// advice is forgotten (RFC 2018 8): two of different fates fly, or are lost.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::tcp {

class Scoreboard {
 public:
  enum class Fate : std::uint8_t { kFlying, kLost, kHeld };
  struct Range {  // half open
    std::uint64_t start;
    std::uint64_t end;
  };
  // From the end of the run before it to `end`. Time and fate share a word: a run is 16 bytes.
  struct Run {
    std::uint64_t end = 0;
    std::int64_t word = 0;

    static Run Of(std::uint64_t end, Time sent, Fate fate, bool again) {
      return {end, sent.time_since_epoch().count() * 8 + std::int64_t{again} +
                       2 * static_cast<std::int64_t>(fate)};
    }
    Time sent() const { return Time(Duration(word >> 3)); }  // last
    Fate fate() const { return static_cast<Fate>(word >> 1 & 3); }
    bool again() const { return (word & 1) != 0; }  // sent more than once
  };
  // What one acknowledgment told for the first time, of which runs.
  struct Delivered {
    std::uint64_t bytes = 0;
    std::uint64_t highest = 0;                      // one past the highest byte
    std::uint64_t lowest_once = ~std::uint64_t{0};  // one past the lowest run that was sent once
    std::uint64_t end = 0;                          // of the run that was sent last:
    Time sent{};
    bool again = false;
  };
  static constexpr std::size_t kRunsMax = 64;
  static constexpr std::size_t kRunsKept = 16;

  // [range) left now. New text begins where the last ended; anything else went again.
  void Sent(Range range, Time now, Duration grain);
  // Everything below `una` is acknowledged cumulatively.
  void Acknowledge(std::uint64_t una, Delivered& delivered);
  // The peer holds [range). False when that told nothing new, or found no room.
  bool Select(Range range, Delivered& delivered);

  struct Sweep {
    bool lost = false;     // something new
    bool waiting = false;  // something flies that will be lost, if nothing is heard, once `until`
    Time latest{};         // reaches this
  };
  // What flies, was sent before the run (sent, end), and no later than `until`, is lost.
  Sweep LoseSentBefore(Time sent, std::uint64_t end, Time until);
  // After a timeout: everything that flies is lost.
  void LoseAll();
  // It was not: what is lost flies.
  void Revive() { Convert(Fate::kLost, Fate::kFlying); }
  // The peer gave up what it held (RFC 2018 8).
  void Renege() { Convert(Fate::kHeld, Fate::kLost); }

  bool empty() const { return first_ == last_; }
  std::size_t size() const { return last_ - first_; }
  std::uint64_t flying() const { return flying_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t held() const { return held_; }
  // The lowest run; not when empty().
  const Run& front() const { return runs_[first_]; }
  // The lowest lost run; empty when nothing is.
  Range FirstLost() const;

  template <class Visitor>
  void ForEach(Visitor&& visit) const {
    std::uint64_t start = una_;
    for (std::size_t i = first_; i < last_; ++i) {
      visit(Range{start, runs_[i].end}, runs_[i]);
      start = runs_[i].end;
    }
  }

 private:
  static constexpr std::size_t kNoRun = ~std::size_t{0};

  std::uint64_t StartOf(std::size_t run) const { return run == first_ ? una_ : runs_[run - 1].end; }
  std::uint64_t& BytesOf(Fate fate) {
    return fate == Fate::kFlying ? flying_ : fate == Fate::kLost ? lost_ : held_;
  }
  void Append(Range range, Time now, Duration grain);
  void SetFate(std::size_t run, Fate fate);
  void Convert(Fate from, Fate to);
  void Coalesce();
  void Note(Range range, const Run& run, Delivered& delivered);
  // The run that begins at `position`, made by a split if need be; kNoRun when there is no room.
  std::size_t Split(std::uint64_t position);
  bool HasRoom(std::size_t runs);
  void JoinNearest();
  void Join(std::size_t run);  // with the next

  std::uint64_t una_ = 0;
  std::uint64_t flying_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t held_ = 0;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  Time tail_began_{};  // when the first text of the last run left
  std::array<Run, kRunsMax> runs_{};
};

}  // namespace slipway::tcp
