// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/drop.h"

#include <gtest/gtest.h>

#include <set>

namespace slipway {
namespace {

TEST(Drop, EveryReasonDescribesItselfOnce) {
  std::set<std::string_view> names;
  std::set<std::string_view> sentences;
  for (std::size_t i = 0; i < kDropCount; ++i) {
    const DropDescription& description = kDropDescriptions[i];
    EXPECT_EQ(static_cast<std::size_t>(description.drop), i);
    EXPECT_TRUE(names.insert(description.name).second) << description.name;
    EXPECT_TRUE(sentences.insert(description.sentence).second) << description.sentence;
  }
}

}  // namespace
}  // namespace slipway
