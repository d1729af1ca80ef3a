// SPDX-License-Identifier: Apache-2.0
#include "tests/support/worker_script.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace slipway::dataplane {

bool WorkerScript::Step() {
  if (reader_.remaining() < 3) return false;
  const std::uint8_t what = reader_.U8();
  const std::size_t size = std::min<std::size_t>(reader_.U16() % 2048, reader_.remaining());
  if (what >= 0xe0) {
    now_ += std::chrono::milliseconds(size);
    appliance_.MakeLeasesDurable();
  } else if (size > 0) {
    const Bytes given = reader_.Take(size);
    Buffer frame(given.begin(), given.end());
    // Mostly for us, from a machine; what follows is the fuzzer's.
    static constexpr std::array<std::uint8_t, 12> kAddresses = {2,    0,    0, 0, 0, 1,
                                                                0x52, 0x54, 0, 0, 0, 9};
    if (what < 0xc0) Copy(kAddresses, frame);
    static_cast<void>(appliance_.wire().Deliver(frame));
  }
  appliance_.Run(now_);
  appliance_.Sent();
  return true;
}

}  // namespace slipway::dataplane
