// SPDX-License-Identifier: Apache-2.0
//
// ExtentStream: the same bytes however they are read, again and again, until they are released.
#include "protocols/source/extent_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/base/entropy.h"

namespace slipway {
namespace {

TEST(ExtentStream, GivesTheSameBytesForAnyChunkingAndAgainUntilReleased) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededEntropy entropy(seed);
    std::vector<std::uint8_t> image(500);
    entropy.Fill(image);
    std::array<Extent, 6> extents;
    std::array<std::uint8_t, 64> ring;
    ExtentStream stream(extents, ring);
    std::vector<std::uint8_t> all;
    for (int step = 0; step < 300; ++step) {
      const std::size_t size = static_cast<std::size_t>(entropy.Below(40));
      const std::size_t at = static_cast<std::size_t>(entropy.Below(image.size() - size));
      const Bytes bytes = Bytes(image).subspan(at, size);
      const bool owned = entropy.Below(2) == 0;
      if (stream.HasRoom(1, owned ? size : 0)) {
        owned ? stream.AppendOwned(bytes) : stream.AppendImage(bytes);
        all.insert(all.end(), bytes.begin(), bytes.end());
      }
      ASSERT_EQ(stream.length(), all.size());
      const std::uint64_t held = stream.length() - stream.released();
      const std::uint64_t from = stream.released() + entropy.Below(held + 1);
      std::vector<std::uint8_t> out(
          static_cast<std::size_t>(entropy.Below(stream.length() - from + 1)));
      stream.Read(from, out);
      const Bytes expected = Bytes(all).subspan(static_cast<std::size_t>(from));
      ASSERT_TRUE(Equal(out, expected.first(out.size())));
      const Bytes borrowed = stream.Borrow(from, 17);
      ASSERT_LE(borrowed.size(), 17U);
      ASSERT_TRUE(Equal(borrowed, expected.first(borrowed.size())));
      if (!borrowed.empty()) {
        ASSERT_TRUE(&borrowed.front() >= &image.front());
      }
      if (entropy.Below(3) == 0) stream.Release(stream.released() + entropy.Below(held + 1));
    }
    stream.Release(stream.length());
    EXPECT_TRUE(stream.drained());
    EXPECT_TRUE(stream.HasRoom(extents.size(), ring.size())) << "everything is free again";
  }
}

// So that a connection that is asked again and again stays on the lines it had.
TEST(ExtentStream, BeginsItsRoomAnewWhenAllWasReleased) {
  std::array<Extent, 3> extents;
  std::array<std::uint8_t, 64> ring{};
  ExtentStream stream(extents, ring);
  for (const std::string_view text : {"first", "second", "third"}) {
    stream.AppendOwned(AsBytes(text));
    EXPECT_EQ(AsText(Bytes(ring).first(text.size())), text);
    stream.Release(stream.length());
  }
  stream.AppendOwned(AsBytes("kept"));
  stream.Release(stream.length() - 1);
  stream.AppendOwned(AsBytes("more"));
  EXPECT_EQ(AsText(Bytes(ring).first(8)), "keptmore");
}

}  // namespace
}  // namespace slipway
