// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission_limit.h"

#include <gtest/gtest.h>

namespace slipway::dataplane {
namespace {

TEST(AdmissionLimitTest, GrowsOnlyAsLongAsMoreMachinesTakeMore) {
  AdmissionLimit limit(0, 4096);
  double capacity = 400;  // machines' worth of bytes; more machines take no more
  const auto second = [&] {
    const double taken = std::min(capacity, static_cast<double>(limit.value()));
    limit.Adjust({.bytes_per_second = taken * 1e6, .spare = 0.3, .some_wait = true});
  };
  for (int i = 0; i < 40; ++i) second();
  EXPECT_GE(limit.value(), 400U);
  EXPECT_LE(limit.value(), 700U);
  capacity = 2000;
  for (int i = 0; i < 80; ++i) second();
  EXPECT_GE(limit.value(), 1800U);
}

TEST(AdmissionLimitTest, ShrinksWhileNoTimeIsSpareDownToALeast) {
  AdmissionLimit limit(0, 4096);
  for (int i = 0; i < 100; ++i) {
    limit.Adjust({.bytes_per_second = 1e9, .spare = 0.01, .some_wait = true});
  }
  EXPECT_EQ(limit.value(), AdmissionLimit::kLeast);
}

TEST(AdmissionLimitTest, StaysAsConfigured) {
  AdmissionLimit limit(10, 4096);
  limit.Adjust({.bytes_per_second = 1e9, .spare = 0.5, .some_wait = true});
  EXPECT_EQ(limit.value(), 10U);
}

}  // namespace
}  // namespace slipway::dataplane
