// SPDX-License-Identifier: Apache-2.0
//
// FirmwareWatch: what boots that have ended showed of their machines' firmware, on its way to the
// catalog. Bounded by the machines that there may be. What is lost with the process is seen again
// with the machine's next boot.
//
// One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "control/serve/core.h"

namespace slipway::control {

class FirmwareWatch {
 public:
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot) {
    if (auto firmware = FirmwareOf(boot)) taken_.push_back({boot.mac, *std::move(firmware)});
  }
  // What an error leaves undone is done by a later call.
  absl::Status Keep(Core& core, std::int64_t now_unix_nanoseconds) {
    absl::Status status = core.RememberFirmware(taken_, now_unix_nanoseconds / 1'000'000'000);
    if (status.ok() || taken_.size() > core.config().limits.machines) taken_.clear();
    return status;
  }

 private:
  std::vector<FirmwareOfMac> taken_;
};

}  // namespace slipway::control
