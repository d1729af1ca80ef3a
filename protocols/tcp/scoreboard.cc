// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/scoreboard.h"

#include <algorithm>

namespace slipway::tcp {
namespace {

using Run = Scoreboard::Run;

bool Alike(const Run& a, const Run& b) {
  // Nobody asks any more when the peer got what it holds.
  return a.word == b.word ||
         (a.fate() == Scoreboard::Fate::kHeld && b.fate() == Scoreboard::Fate::kHeld);
}

}  // namespace

void Scoreboard::Sent(Range range, Time now, Duration grain) {
  if (empty()) {
    first_ = last_ = 0;
    una_ = range.start;
  }
  const std::uint64_t end = empty() ? una_ : runs_[last_ - 1].end;
  if (range.end > end) Append({std::max(range.start, end), range.end}, now, grain);
  if (range.start >= end) return;
  range = {std::max(range.start, una_), std::min(range.end, end)};
  if (range.start >= range.end) return;
  while (!HasRoom(2)) JoinNearest();
  const std::size_t run = Split(range.start);
  const std::size_t behind = Split(range.end);
  for (std::size_t i = run; i < behind; ++i) {
    SetFate(i, Fate::kFlying);
    runs_[i] = Run::Of(runs_[i].end, now, Fate::kFlying, true);
  }
  Coalesce();
}

void Scoreboard::Append(Range range, Time now, Duration grain) {
  flying_ += range.end - range.start;
  if (!empty()) {
    Run& tail = runs_[last_ - 1];
    if (tail.fate() == Fate::kFlying && !tail.again() && now - tail_began_ <= grain) {
      tail = Run::Of(range.end, now, Fate::kFlying, false);
      return;
    }
  }
  while (!HasRoom(1)) JoinNearest();
  runs_[last_++] = Run::Of(range.end, now, Fate::kFlying, false);
  tail_began_ = now;
}

void Scoreboard::Note(Range range, const Run& run, Delivered& delivered) {
  delivered.bytes += range.end - range.start;
  delivered.highest = std::max(delivered.highest, range.end);
  if (!run.again()) delivered.lowest_once = std::min(delivered.lowest_once, range.end);
  if (run.sent() > delivered.sent || (run.sent() == delivered.sent && range.end > delivered.end)) {
    delivered.sent = run.sent();
    delivered.end = range.end;
    delivered.again = run.again();
  }
}

void Scoreboard::Acknowledge(std::uint64_t una, Delivered& delivered) {
  while (first_ < last_ && una_ < una) {
    const Run& run = runs_[first_];
    const Range range{una_, std::min(run.end, una)};
    BytesOf(run.fate()) -= range.end - range.start;
    if (run.fate() != Fate::kHeld) Note(range, run, delivered);
    una_ = range.end;
    if (una_ == run.end) ++first_;
  }
  una_ = std::max(una_, una);
}

bool Scoreboard::Select(Range range, Delivered& delivered) {
  if (empty()) return false;
  range = {std::max(range.start, una_), std::min(range.end, runs_[last_ - 1].end)};
  if (range.start >= range.end) return false;
  std::size_t run = first_;
  while (runs_[run].end <= range.start) ++run;
  if (runs_[run].fate() == Fate::kHeld && runs_[run].end >= range.end) return false;
  // What joins none of the held runs must leave room for what is sent meanwhile.
  const bool joins =
      runs_[run].fate() == Fate::kHeld ||
      (run > first_ && StartOf(run) == range.start && runs_[run - 1].fate() == Fate::kHeld);
  if ((!joins && size() + kRunsKept > kRunsMax) || !HasRoom(2)) return false;
  run = Split(range.start);
  const std::size_t behind = Split(range.end);
  bool news = false;
  for (std::size_t i = run; i < behind; ++i) {
    if (runs_[i].fate() == Fate::kHeld) continue;
    Note({StartOf(i), runs_[i].end}, runs_[i], delivered);
    SetFate(i, Fate::kHeld);
    news = true;
  }
  Coalesce();
  return news;
}

Scoreboard::Sweep Scoreboard::LoseSentBefore(Time sent, std::uint64_t end, Time until) {
  Sweep sweep;
  for (std::size_t i = first_; i < last_; ++i) {
    const Run& run = runs_[i];
    if (run.fate() != Fate::kFlying) continue;
    if (run.sent() > sent || (run.sent() == sent && run.end > end)) continue;
    if (run.sent() <= until) {
      SetFate(i, Fate::kLost);
      sweep.lost = true;
    } else {
      sweep.waiting = true;
      sweep.latest = std::max(sweep.latest, run.sent());
    }
  }
  return sweep;
}

void Scoreboard::LoseAll() {
  Convert(Fate::kFlying, Fate::kLost);
  Coalesce();
}

Scoreboard::Range Scoreboard::FirstLost() const {
  std::uint64_t start = una_;
  for (std::size_t i = first_; lost_ != 0 && i < last_; ++i) {
    if (runs_[i].fate() == Fate::kLost) return {start, runs_[i].end};
    start = runs_[i].end;
  }
  return {0, 0};
}

void Scoreboard::SetFate(std::size_t run, Fate fate) {
  const std::uint64_t bytes = runs_[run].end - StartOf(run);
  BytesOf(runs_[run].fate()) -= bytes;
  BytesOf(fate) += bytes;
  runs_[run] = Run::Of(runs_[run].end, runs_[run].sent(), fate, runs_[run].again());
}

void Scoreboard::Convert(Fate from, Fate to) {
  for (std::size_t i = first_; i < last_; ++i) {
    if (runs_[i].fate() == from) SetFate(i, to);
  }
}

void Scoreboard::Coalesce() {
  if (empty()) return;
  std::size_t kept = first_;
  for (std::size_t i = first_ + 1; i < last_; ++i) {
    if (Alike(runs_[kept], runs_[i])) {
      runs_[kept].end = runs_[i].end;
    } else {
      runs_[++kept] = runs_[i];
    }
  }
  last_ = kept + 1;
}

std::size_t Scoreboard::Split(std::uint64_t position) {
  std::size_t run = first_;
  while (run < last_ && runs_[run].end <= position) ++run;
  if (run == last_ || StartOf(run) == position) return run;
  const auto at = runs_.begin() + static_cast<std::ptrdiff_t>(run);
  std::move_backward(at, runs_.begin() + static_cast<std::ptrdiff_t>(last_),
                     runs_.begin() + static_cast<std::ptrdiff_t>(last_ + 1));
  ++last_;
  runs_[run].end = position;
  return run + 1;
}

// Room behind the last run.
bool Scoreboard::HasRoom(std::size_t runs) {
  if (last_ + runs <= kRunsMax) return true;
  if (size() + runs > kRunsMax) return false;
  std::move(runs_.begin() + static_cast<std::ptrdiff_t>(first_),
            runs_.begin() + static_cast<std::ptrdiff_t>(last_), runs_.begin());
  last_ -= first_;
  first_ = 0;
  return true;
}

void Scoreboard::Join(std::size_t run) {
  if (runs_[run].fate() != runs_[run + 1].fate()) {
    const bool flies = runs_[run].fate() == Fate::kFlying || runs_[run + 1].fate() == Fate::kFlying;
    SetFate(run, flies ? Fate::kFlying : Fate::kLost);
    SetFate(run + 1, flies ? Fate::kFlying : Fate::kLost);
  }
  const Run& next = runs_[run + 1];
  runs_[run + 1] = Run::Of(next.end, std::max(runs_[run].sent(), next.sent()), next.fate(),
                           runs_[run].again() || next.again());
  std::move(runs_.begin() + static_cast<std::ptrdiff_t>(run + 1),
            runs_.begin() + static_cast<std::ptrdiff_t>(last_),
            runs_.begin() + static_cast<std::ptrdiff_t>(run));
  --last_;
}

void Scoreboard::JoinNearest() {
  std::size_t best = kNoRun;
  Duration apart{};
  for (std::size_t i = first_; i + 1 < last_; ++i) {
    if (runs_[i].fate() != runs_[i + 1].fate()) continue;
    const Duration between = std::chrono::abs(runs_[i].sent() - runs_[i + 1].sent());
    if (best == kNoRun || between < apart) best = i, apart = between;
  }
  if (best != kNoRun) return Join(best);
  // All alternate: the two that together are the shortest.
  best = first_;
  for (std::size_t i = first_; i + 1 < last_; ++i) {
    if (runs_[i + 1].end - StartOf(i) < runs_[best + 1].end - StartOf(best)) best = i;
  }
  Join(best);
}

}  // namespace slipway::tcp
