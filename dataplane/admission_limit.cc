// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission_limit.h"

namespace slipway::dataplane {

void AdmissionLimit::Adjust(const Load& load) {
  if (!load.some_wait) {
    on_trial_ = false;
    return;
  }
  if (load.spare < kSpareLittle) {
    on_trial_ = false;
    value_ = std::max(kLeast, value_ - value_ / 16);
    return;
  }
  if (on_trial_) {
    on_trial_ = false;
    if (load.bytes_per_second < rate_before_ * (1 + kGainWorthwhile)) {
      value_ = value_before_;
      rests_ = kRests;
    }
  }
  if (rests_ > 0) {
    --rests_;
    return;
  }
  on_trial_ = true;
  value_before_ = value_;
  rate_before_ = load.bytes_per_second;
  value_ = std::min(most_, value_ + value_ / 4);
}

}  // namespace slipway::dataplane
