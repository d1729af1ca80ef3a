// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: whatever has one end of a wire and no clock of its own: frames in, frames out, and the
// four verbs. A world of them (tests/sim/world.h) runs under virtual time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/base/bytes.h"
#include "protocols/base/time.h"

namespace slipway {

using Buffer = std::vector<std::uint8_t>;

class Endpoint {
 public:
  virtual ~Endpoint() = default;

  virtual void Receive(Bytes frame, Time now) = 0;
  // The next frame that leaves, or nothing.
  virtual std::optional<Buffer> Emit(Time now) = 0;
  virtual Time Deadline() const = 0;
  virtual void Expire(Time now) = 0;
};

}  // namespace slipway
