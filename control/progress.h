// SPDX-License-Identifier: Apache-2.0
//
// Progress: long work on a terminal, as a bar with bytes, their rate and the time that is left. For
// who looks: where standard output or standard error is no terminal, nothing of it is written.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace slipway::control {

struct Progress {
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;      // 0: not known
  double bytes_per_second = 0;  // 0: not known
  std::string doing = {};       // in words
};
// One line of it, `columns` wide at most, of printable ASCII where `doing` is.
std::string ProgressLine(const Progress& progress, std::size_t columns);

// How many bytes a second, of the last five.
class Rate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // That `bytes` are done by now. Where they are fewer than before, it begins anew.
  void Note(std::uint64_t bytes, Time now);
  double bytes_per_second() const;  // 0: nothing can be said yet

 private:
  std::deque<std::pair<Time, std::uint64_t>> samples_;
};

// The line that stands for the work while it lasts, on standard error.
class ProgressBar {
 public:
  // `is_wanted`: else, as with --json, nothing is drawn.
  explicit ProgressBar(bool is_wanted);
  ~ProgressBar() { End(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // To be called as often as one likes: it is drawn five times a second, and when all is done.
  void Show(std::uint64_t bytes, std::uint64_t total, std::string_view doing = "");
  // Of what cannot be counted.
  void Say(std::string_view doing);
  // Takes the line away; what is written next begins a line of its own.
  void End();

 private:
  void Draw(const Progress& progress, Rate::Time now);

  const bool is_drawn_;
  bool is_there_ = false;
  Rate rate_;
  Rate::Time drawn_{};
};

}  // namespace slipway::control
