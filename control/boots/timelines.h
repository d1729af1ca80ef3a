// SPDX-License-Identifier: Apache-2.0
//
// BootTimelines: every boot has a story. Events of the workers become one timeline per boot of each
// machine, and a sentence that says how it ended, or where it stands.
//
// A boot begins with the DISCOVER of a boot client (or with whatever is seen first of a machine)
// and ends complete (the whole file was acknowledged), failed, or abandoned (silent too long).
// What a booted system does afterwards is added to the same story. A machine is its MAC; a routed
// machine, whose frames carry a router's MAC, is found by its address through its lease.
//
// Time is the events' own. Bounded in machines, boots of each and steps of each. One thread feeds
// it and others read copies: calls take turns behind one mutex.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/event.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"

namespace slipway::control {

struct Cause;  // causes.h

enum class BootOutcome : std::uint8_t { kUnderWay, kComplete, kFailed, kAbandoned };
std::string_view Name(BootOutcome outcome);

struct BootStep {
  std::int64_t unix_nanoseconds = 0;
  dataplane::EventKind kind = dataplane::EventKind::kDhcpDiscover;
  std::int64_t number = 0;
  std::int64_t extra = 0;
  std::uint64_t connection = 0;
  std::string text;
};
// "got its address, leased for 3600 s"
std::string Sentence(const BootStep& step);

struct Boot {
  std::int64_t id = 0;
  MacAddress mac;
  Ipv4Address address;  // the last one seen
  std::vector<BootStep> steps;
  std::uint64_t steps_left_out = 0;
  BootOutcome outcome = BootOutcome::kUnderWay;
  std::string words;        // the outcome's sentence
  std::string_view cause;   // a cause's id (causes.h); empty while it is under way
  std::string tls;          // version and suite, of the last handshake
  std::uint64_t bytes = 0;  // of complete files

  std::int64_t began() const {
    return began_unix_nanoseconds != 0 ? began_unix_nanoseconds : steps.front().unix_nanoseconds;
  }
  std::int64_t last() const { return last_unix_nanoseconds; }
  std::int64_t last_unix_nanoseconds = 0;
  std::int64_t complete_unix_nanoseconds = 0;  // when it first had a whole file; 0: not yet
  std::int64_t began_unix_nanoseconds = 0;     // 0: with the first step
};

// A boot client asked for it. Else it is what was heard first of a machine that runs, or of a boot
// whose beginning nobody heard: after a restart, what the story of before it went on with.
bool IsATry(const Boot& boot);
// Each of `newer` instead of the one that it is of, or behind all.
void PutInPlace(std::vector<Boot>& boots, std::vector<Boot> newer);

// A download under way; what a boot that has its first file loads next as well.
struct Loading {
  std::string path;
  std::uint64_t bytes = 0;  // acknowledged
  std::uint64_t of = 0;
};

struct TimelineLimits {
  std::size_t machines = 16384;
  std::size_t boots_per_machine = 8;
  std::size_t steps_per_boot = 256;
  std::int64_t silence_nanoseconds = 300'000'000'000;  // then a boot under way is abandoned
};

// Seconds from the first step to the whole file, of boots that completed since the start.
struct BootDurations {
  static constexpr std::array<double, 8> kUpTo = {5, 10, 20, 30, 60, 120, 300, 600};
  std::array<std::uint64_t, kUpTo.size() + 1> counts{};  // the last: longer
  double sum = 0;

  void Add(double seconds) {
    std::size_t bucket = 0;
    while (bucket < kUpTo.size() && seconds > kUpTo[bucket]) ++bucket;
    ++counts[bucket];
    sum += seconds;
  }
};

// How many boots ended in each way since the start, and how many are under way now.
struct OutcomeCounts {
  std::uint64_t under_way = 0;
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;
  std::uint64_t abandoned = 0;
};

class BootTimelines {
 public:
  using MacOfAddress = std::function<std::optional<MacAddress>(Ipv4Address)>;

  BootTimelines(const TimelineLimits& limits, MacOfAddress mac_of_address);

  // What it tells of as it happens, while calls take turns: be quick, and call nothing of it.
  struct Observer {
    std::function<void(const Boot&, const BootStep&)> step;  // added, or in progress' place
    std::function<void(const Boot&)> outcome;                // it began, or is judged otherwise
  };
  // Before the first event.
  void Observe(Observer observer) { observer_ = std::move(observer); }

  void Take(const dataplane::Event& event);
  // Abandons what has been silent too long.
  void Sweep(std::int64_t now_unix_nanoseconds);
  // Boots whose outcome was decided or changed since the last call, to be counted.
  std::vector<Boot> TakeEnded();
  // Boots that any event changed since they were last given, for the store; those under way only
  // where asked for, or where TakeEnded() gave them since the last call. They went on after a
  // failure that is counted, and what says so of their stories belongs in one commit with that.
  std::vector<Boot> TakeChanged(bool under_way);
  // They could not be stored after all: TakeChanged() gives them again, under way or not.
  void NotStored(std::vector<Boot> boots);
  // Boots that were under way when the process before ended go on. Before the first event.
  void Restore(std::vector<Boot> boots);

  // Boots that begin from now on have this id, or higher ones, also where the clock is set back.
  std::int64_t NextId(std::int64_t now_unix_nanoseconds);
  // No id from here on is lower, though the clock is behind: for what is on disk. Before the first
  // event.
  void RiseFrom(std::int64_t id);

  // What TakeChanged() has not given yet, without steps.
  std::vector<Boot> Changed() const;

  std::vector<Boot> All() const;  // newest last
  std::vector<Boot> Of(MacAddress mac) const;
  // Nullopt where this boot downloads nothing now.
  std::optional<Loading> LoadingOf(MacAddress mac, std::int64_t boot) const;
  OutcomeCounts counts() const;
  BootDurations durations() const;
  // How many boots failed or were abandoned since the start, by cause.
  std::map<std::string_view, std::uint64_t> causes() const;

 private:
  struct MachineStory {
    std::vector<Boot> boots;
    std::list<std::uint64_t>::iterator recency;
  };

  std::int64_t IdAt(std::int64_t unix_nanoseconds) const;
  MachineStory& StoryOf(MacAddress mac);
  const Boot* Find(std::int64_t id, MacAddress mac) const;
  void Forget(Boot boot);
  void Append(Boot& boot, BootStep step) const;
  void Tell(const Boot& boot) const;
  void Judge(Boot& boot, const dataplane::Event& event);
  bool IsUnderWay(MacAddress mac) const;
  void Blame(Boot& boot, const Cause& cause);
  void End(Boot& boot, BootOutcome outcome, std::string words);
  std::uint64_t& CountOf(BootOutcome outcome);

  const TimelineLimits limits_;
  const MacOfAddress mac_of_address_;
  Observer observer_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, MachineStory> machines_;
  std::list<std::uint64_t> recency_;                      // longest silent first
  std::map<std::int64_t, MacAddress> ended_;              // ids of boots whose outcome was decided
  std::unordered_map<std::int64_t, MacAddress> changed_;  // ids of boots to be stored
  std::set<std::int64_t> to_store_;                       // ids of those that do not wait
  std::vector<Boot> forgotten_;                           // of changed_, no more in machines_
  OutcomeCounts counts_;
  BootDurations durations_;
  std::map<std::string_view, std::uint64_t> causes_;
  std::int64_t last_id_ = 0;
};

}  // namespace slipway::control
