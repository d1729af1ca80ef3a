// SPDX-License-Identifier: Apache-2.0
#include "control/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kBarColumns = 24;
constexpr auto kWindow = std::chrono::seconds(5);
// Of a rate: before, it says more of buffers than of the way.
constexpr auto kSampleTime = std::chrono::milliseconds(200);
constexpr auto kDrawInterval = std::chrono::milliseconds(200);
constexpr std::uint64_t kSecondsMax = 99 * 3600;  // beyond, an estimate is none

// "12.3 MiB"
std::string SizeText(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits = {" KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >> (10 * (unit + 2)) != 0) ++unit;
  const unsigned shift = 10 * static_cast<unsigned>(unit + 1);
  const std::uint64_t whole = bytes >> shift;
  const std::uint64_t rest = bytes & ((std::uint64_t{1} << shift) - 1);
  return Text(whole, '.', (rest * 10) >> shift, kUnits[unit]);
}

// "0:07", "12:40", "2:05:00"
std::string TimeText(std::uint64_t seconds) {
  const auto two = [](std::uint64_t value) {
    return value < 10 ? "0" + std::to_string(value) : std::to_string(value);
  };
  const std::uint64_t minutes = seconds / 60;
  if (minutes < 60) return Text(minutes, ':', two(seconds % 60));
  return Text(minutes / 60, ':', two(minutes % 60), ':', two(seconds % 60));
}

std::size_t Columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

std::string ProgressLine(const Progress& progress, std::size_t columns) {
  const std::uint64_t part = std::min(progress.bytes, progress.total);
  std::string line;
  if (progress.total != 0) {
    const double share = static_cast<double>(part) / static_cast<double>(progress.total);
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
    line =
        Text('[', std::string(filled, '#'), std::string(kBarColumns - filled, '.'), "] ",
             static_cast<int>(share * 100), "% ", SizeText(part), " of ", SizeText(progress.total));
  } else if (progress.bytes != 0) {
    line = SizeText(progress.bytes);
  }
  if (progress.bytes_per_second >= 1) {
    line += Text("  ", SizeText(static_cast<std::uint64_t>(progress.bytes_per_second)), "/s");
    const double left = static_cast<double>(progress.total - part) / progress.bytes_per_second;
    if (part < progress.total && left < static_cast<double>(kSecondsMax)) {
      line += Text("  ", TimeText(static_cast<std::uint64_t>(left + 0.5)), " left");
    }
  }
  if (!progress.doing.empty()) line += Text(line.empty() ? "" : "  ", progress.doing);
  line.resize(std::min(line.size(), columns));
  return line;
}

void Rate::Note(std::uint64_t bytes, Time now) {
  if (!samples_.empty() && bytes < samples_.back().second) samples_.clear();
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].first < kSampleTime) {
    samples_.back() = {now, bytes};
  } else {
    samples_.emplace_back(now, bytes);
  }
  while (samples_.size() > 2 && now - samples_[1].first >= kWindow) samples_.pop_front();
}

double Rate::bytes_per_second() const {
  if (samples_.size() < 2) return 0;
  const auto [began, first] = samples_.front();
  const auto [ended, last] = samples_.back();
  if (ended - began < kSampleTime) return 0;
  return static_cast<double>(last - first) / std::chrono::duration<double>(ended - began).count();
}

ProgressBar::ProgressBar(bool is_wanted)
    : is_drawn_(is_wanted && ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::Show(std::uint64_t bytes, std::uint64_t total, std::string_view doing) {
  if (!is_drawn_) return;
  const auto now = std::chrono::steady_clock::now();
  rate_.Note(bytes, now);
  const bool is_done = total != 0 && bytes >= total;
  if (is_there_ && !is_done && now - drawn_ < kDrawInterval) return;
  Draw({bytes, total, rate_.bytes_per_second(), std::string(doing)}, now);
}

void ProgressBar::Say(std::string_view doing) {
  if (is_drawn_) Draw({.doing = std::string(doing)}, std::chrono::steady_clock::now());
}

void ProgressBar::Draw(const Progress& progress, Rate::Time now) {
  std::cerr << "\r\x1b[K" << ProgressLine(progress, Columns() - 1) << std::flush;
  is_there_ = true;
  drawn_ = now;
}

void ProgressBar::End() {
  if (is_there_) std::cerr << "\r\x1b[K" << std::flush;
  is_there_ = false;
}

}  // namespace slipway::control
