// SPDX-License-Identifier: Apache-2.0
//
// A whole worker fed by a script of frames and pauses: it never crashes, its steps add up, and it
// gives every packet buffer back when it ends.
#include "tests/support/worker_script.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  {
    slipway::dataplane::WorkerScript script({data, size});
    while (script.Step()) {
    }
    script.Finish();
  }
  SLIPWAY_CHECK(slipway::dataplane::WorkerScript::BuffersOut() == 0);
  return 0;
}
