// SPDX-License-Identifier: Apache-2.0
//
// Asks the memory for what will be read, while something else is done. (What will be written:
// FetchToWrite in bytes.h, which says why it is done by instruction.)
#pragma once

#include <cstddef>

namespace slipway {

inline void FetchLineToRead(const void* address) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address);
#endif
}

// The lines of [begin, begin + size); the address need not be valid, nor begin a line.
inline void FetchToRead(const void* begin, std::size_t size) {
  constexpr std::size_t kLine = 64;
  if (size == 0) return;
  const char* const bytes = static_cast<const char*>(begin);
  for (std::size_t at = 0; at < size; at += kLine) FetchLineToRead(bytes + at);
  FetchLineToRead(bytes + (size - 1));
}

}  // namespace slipway
