// SPDX-License-Identifier: Apache-2.0
//
// A Host fed by a script of segments and pauses: it never crashes, never emits beyond what its
// source has or its peer's window and one probe allow, and gives everything back when it ends.
#include "tests/fuzz/tcp_script.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::tcp::Script script({data, size});
  while (script.Step()) {
  }
  script.Finish();
  return 0;
}
