// SPDX-License-Identifier: Apache-2.0
//
// A sender under acknowledgments that lie: it never sends beyond the windows, never leaves text
// without a timer, and ends.
#include "tests/fuzz/tcp_acks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::tcp::AckScript script({data, size});
  while (script.Step()) {
  }
  script.Finish();
  return 0;
}
