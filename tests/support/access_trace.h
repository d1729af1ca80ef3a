// SPDX-License-Identifier: Apache-2.0
//
// AccessTrace: which cache lines a piece of work loads from and stores to. While it runs, all
// writable memory of the process is out of bounds but for the thread's own stack; every access
// faults, is written down by address and kind, is let through alone (one instruction, by the trap
// flag), and the page is closed again. Nothing is instrumented: what libraries and system headers
// do is seen as well. Some microseconds an access; for thousands of them, not millions.
//
// The rest of the process must stand still meanwhile: the work begins once every other thread
// sleeps, and none may be woken before it ends. System calls on closed memory fail, so the work
// must make none. A store that crosses into the next line is written down for its first line alone.
// Linux on x86-64.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace slipway {

// Line numbers (address / 64), sorted, each once.
struct TouchedLines {
  std::vector<std::uintptr_t> loaded;
  std::vector<std::uintptr_t> stored;
  std::map<std::uintptr_t, std::uintptr_t> stored_by;  // an instruction that did

  void Add(const TouchedLines& more);
};

// False where it cannot work: another processor, or a build whose runtime owns the signals
// (sanitizers).
bool CanTraceAccesses();

// Runs `work` on the calling thread, which must not be the main one.
TouchedLines TraceAccesses(const std::function<void()>& work);

// Lines that one stored to and the other touched at all.
std::vector<std::uintptr_t> SharedWritten(const TouchedLines& a, const TouchedLines& b);

}  // namespace slipway
