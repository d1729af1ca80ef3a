// SPDX-License-Identifier: Apache-2.0
//
// SLIPWAY_CHECK(condition): our own mistakes end the program, in every build.
//
// For what can only be wrong when the code is (a broken invariant, a caller outside its contract).
// What a peer can cause is a Drop (drop.h), never a check. Prints where and what to standard error
// with nothing that may itself fail on the way (no heap, no iostream), then aborts, so a core
// dump shows the state as it was.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace slipway {

[[noreturn, gnu::cold, gnu::noinline]] inline void CheckFailed(const char* file, int line,
                                                               const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace slipway

// NOLINTNEXTLINE(bugprone-macro-parentheses): the condition is printed as it was written
#define SLIPWAY_CHECK(condition)                              \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::slipway::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)
