// SPDX-License-Identifier: Apache-2.0
//
// How `slipway top` looks: a view as text for a screen of so many columns and rows. A pure
// function: no terminal, no clock. ASCII alone, so that a serial console shows it as well; with
// `color`, SGR sequences, which change no width and carry nothing that the text does not.
//
// Where there are more workers or drops than rows, the last line of their part says how many are
// not shown. No line is longer than the screen.
#pragma once

#include <cstddef>
#include <string>

#include "control/cli/top_sample.h"

namespace slipway::control {

struct TopScreen {
  std::size_t columns = 80;  // at least 40 are assumed
  std::size_t rows = 24;     // 0: as many as it takes
  bool color = false;
};

// What stands in the first and the last line.
struct TopFrame {
  std::string server;
  std::string clock;  // "18:20:31"
  int every_seconds = 1;
  bool paused = false;
  bool keys = true;     // name them
  std::string trouble;  // why there is no newer sample; empty: nothing
};

// Lines, each ended by '\n'.
std::string RenderTop(const TopView& view, const TopFrame& frame, const TopScreen& screen);

// "9.71G", "834k", "12.0", "0": at most five characters for what is below 1e15.
std::string Scaled(double value);
// "1,234,567"
std::string Grouped(std::uint64_t value);

}  // namespace slipway::control
