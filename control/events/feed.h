// SPDX-License-Identifier: Apache-2.0
//
// EventFeed: what happens, numbered as it happens, for those who watch: event streams, webhooks.
//
// Numbers rise by one for each event. Those of a run begin at the time it began (microseconds since
// 1970), or behind what the run before may have given where the clock was set back (EventNumbers),
// so that a number of a run before is known for what it is. The last `capacity` events are
// kept; a reader has no queue of its own but a place in them, and whoever reads too slowly is told
// how much it has lost. Publishing never waits for a reader. Calls may come from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "control/access/actor.h"
#include "control/boots/timelines.h"
#include "protocols/base/mac.h"

namespace slipway::control {

enum class FeedKind : std::uint8_t {
  kStep,    // of a boot
  kBoot,    // one began, or its outcome changed
  kLink,    // of a port
  kChange,  // somebody changed what every viewer may see
  kAudit,   // a record of the audit log
  kHeld,    // a machine that a rule holds began to wait for its approval
};
inline constexpr std::array<std::string_view, 6> kFeedKindNames = {"step",   "boot",  "link",
                                                                   "change", "audit", "held"};
constexpr std::string_view NameOf(FeedKind kind) {
  return kFeedKindNames[static_cast<std::size_t>(kind)];
}
// Who may watch it.
constexpr Role RoleFor(FeedKind kind) {
  return kind == FeedKind::kAudit ? Role::kOperator : Role::kViewer;
}

// A step as it happened, put into words only where somebody reads it.
struct FeedStep {
  std::int64_t boot = 0;
  Ipv4Address address;
  BootStep step;
};

struct FeedEvent {
  std::uint64_t id = 0;  // the feed's to give
  FeedKind kind = FeedKind::kStep;
  std::int64_t unix_nanoseconds = 0;
  std::optional<MacAddress> mac;             // of the machine it is about; nullopt: of none
  std::variant<FeedStep, std::string> body;  // the latter: JSON
};
// Its data: one JSON object in one line (rest/schemas.cc: LiveStep, Boot, LiveLink, ...).
std::string DataOf(const FeedEvent& event);

FeedEvent StepEvent(const Boot& boot, const BootStep& step);
FeedEvent BootEvent(const Boot& boot);
FeedEvent LinkEvent(std::string_view device, bool up, std::int64_t unix_nanoseconds);

struct FeedFilter {
  std::optional<MacAddress> mac;  // nullopt: everything, also what is about no machine
  std::vector<FeedKind> kinds;    // empty: all
  Role role = Role::kViewer;      // of who reads
};
bool Fits(const FeedFilter& filter, const FeedEvent& event);

// Kinds with commas between; nullopt where one is none.
std::optional<std::vector<FeedKind>> ParseKinds(std::string_view text);

class EventFeed {
 public:
  using Clock = std::chrono::steady_clock;

  EventFeed(std::size_t capacity, std::uint64_t first_id);

  void Publish(FeedEvent event);

  // Where whoever saw everything up to `seen` goes on.
  struct Place {
    std::uint64_t position = 0;           // the last event that it has seen, or lost
    bool whole = true;                    // nothing is missing
    std::optional<std::uint64_t> lost{};  // how many are, of this run; nullopt: of another run
  };
  Place Resume(std::uint64_t seen) const;
  std::uint64_t newest()
      const;  // of an event that is to come, as long as there was none: before it

  struct Batch {
    std::vector<std::shared_ptr<const FeedEvent>> events;
    std::uint64_t position = 0;  // read up to here, whatever fitted
    bool too_slow = false;       // events after the position asked for are gone
    bool closed = false;         // and nothing is left to read
  };
  // At most `most` events after the position that fit; waits until the deadline while there is
  // nothing after it at all.
  Batch Read(std::uint64_t position, const FeedFilter& filter, std::size_t most,
             Clock::time_point deadline) const;
  // Ends all waiting, now and later.
  void Close();

 private:
  const std::shared_ptr<const FeedEvent>& At(std::uint64_t id) const {
    return ring_[id % ring_.size()];
  }
  std::uint64_t oldest() const;  // the caller holds mutex_

  const std::uint64_t first_id_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::shared_ptr<const FeedEvent>> ring_;
  std::uint64_t newest_;
  bool closed_ = false;
};

// Numbers that no other run gives: a block of them is noted on disk before its first is given.
// Calls come from one thread at a time.
class EventNumbers {
 public:
  static constexpr std::uint64_t kBlock = std::uint64_t{1} << 20;
  // The last number that may have been given, as the disk has it; 0: none ever.
  using Note = std::function<absl::Status(std::uint64_t last)>;

  // The run's first number; the block that it begins is noted. `noted`: by the run before.
  static std::uint64_t FirstOf(std::uint64_t clock_microseconds, std::uint64_t noted) {
    // One is left out: whoever saw the last of a run has not seen what came before this one.
    return std::max(clock_microseconds, noted + 2);
  }
  EventNumbers(std::uint64_t first, Note note) : next_note_(first), note_(std::move(note)) {}

  // To be called a few times a second, and once before the first is given: notes the next block
  // once half of this one is used. What cannot be noted is tried again the next time.
  absl::Status Keep(std::uint64_t newest);

 private:
  std::uint64_t next_note_;  // when so many are given
  Note note_;
};

// Streams of the feed under way: no more than so many, in all and of one reader (by its name), and
// how those before ended.
enum class StreamEnd : std::uint8_t {
  kGone,          // the reader went away
  kSlow,          // it did not read as fast as things happen
  kUnauthorized,  // what it showed when it came is worth nothing any more
  kShutdown,
};
inline constexpr std::array<std::string_view, 4> kStreamEndNames = {"gone", "slow", "unauthorized",
                                                                    "shutdown"};
class StreamLedger {
 public:
  enum class Entry : std::uint8_t { kTaken, kFull, kReaderFull };

  StreamLedger(unsigned most, unsigned most_of_one) : most_(most), most_of_one_(most_of_one) {}

  Entry Enter(const std::string& reader);
  // Of whom Enter took.
  void Leave(const std::string& reader, StreamEnd end);
  // Until there is none, but no longer.
  void AwaitNone(std::chrono::milliseconds patience);

  struct Counts {
    unsigned now = 0;
    std::uint64_t refused = 0;
    std::array<std::uint64_t, kStreamEndNames.size()> ended{};  // by StreamEnd
  };
  Counts counts() const;

 private:
  const unsigned most_;
  const unsigned most_of_one_;
  mutable std::mutex mutex_;
  std::condition_variable none_;
  std::map<std::string, unsigned> readers_;
  Counts counts_;
};

}  // namespace slipway::control
