// SPDX-License-Identifier: Apache-2.0
//
// ValueRing: every value as it was given, in order, whatever its size and wherever it goes on at
// the ring's beginning; and exactly as many as were asked for.
#include "dataplane/value_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "dataplane/event.h"

namespace slipway::dataplane {
namespace {

// Of so many bytes, aligned like T.
template <class T, std::size_t kBytes>
struct Value {
  std::array<T, kBytes / sizeof(T)> words;
  friend bool operator==(const Value&, const Value&) = default;
};

template <class V>
V Numbered(std::uint32_t number) {
  V value;
  for (auto& word : value.words) {
    word = static_cast<typename decltype(value.words)::value_type>(number * 0x01010101U);
    ++number;
  }
  return value;
}

template <class T>
class OfSize : public ::testing::Test {};

using Sizes =
    ::testing::Types<Value<std::uint64_t, sizeof(Event)>, Value<std::uint64_t, 120>,
                     Value<std::uint32_t, 28>, Value<std::uint32_t, 32>, Value<std::uint16_t, 4>>;
TYPED_TEST_SUITE(OfSize, Sizes);

TYPED_TEST(OfSize, GivesBackWhatItWasGivenAndHoldsNoMoreThanItSays) {
  for (const unsigned capacity : {1U, 3U, 4U, 7U}) {
    ValueRing<TypeParam> ring("values-" + std::to_string(sizeof(TypeParam)), capacity);
    std::uint32_t pushed = 0;
    std::uint32_t popped = 0;
    for (unsigned round = 0; round < 40; ++round) {
      for (unsigned i = 0; i < capacity - (pushed - popped); ++i) {
        ASSERT_TRUE(ring.Push(Numbered<TypeParam>(pushed + i)));
      }
      pushed = popped + capacity;
      ASSERT_FALSE(ring.Push(Numbered<TypeParam>(pushed))) << "it is full";
      std::array<TypeParam, 8> out;
      const std::size_t wanted = 1 + round % capacity;
      ASSERT_EQ(ring.Pop(std::span(out).first(wanted)), wanted);
      for (std::size_t i = 0; i < wanted; ++i) {
        ASSERT_EQ(out[i], Numbered<TypeParam>(popped++)) << "capacity " << capacity;
      }
    }
    std::array<TypeParam, 8> rest;
    EXPECT_EQ(ring.Pop(rest), pushed - popped) << "no more than there are";
    EXPECT_EQ(ring.Pop(rest), 0U);
  }
}

}  // namespace
}  // namespace slipway::dataplane
