// SPDX-License-Identifier: Apache-2.0
#include "dataplane/distribution.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

Buffer Turned(Buffer frame) {
  std::swap_ranges(frame.begin() + 26, frame.begin() + 30, frame.begin() + 30);
  std::swap_ranges(frame.begin() + 34, frame.begin() + 36, frame.begin() + 36);
  return frame;
}

TEST(Distribution, BothDirectionsOfEveryConnectionHaveOneOwner) {
  std::vector<unsigned> owned(7);
  for (unsigned port = 0; port < 65536; ++port) {
    const Buffer frame = Headers({.destination_port = static_cast<std::uint16_t>(port)}, 0);
    const unsigned owner = Owner(frame, 7);
    ASSERT_LT(owner, 7U);
    ASSERT_EQ(owner, Owner(Turned(frame), 7)) << port;
    ++owned[owner];
  }
  for (const unsigned count : owned) EXPECT_NEAR(count, 65536 / 7, 600);
}

TEST(Distribution, ATagDoesNotChangeTheOwner) {
  for (std::uint16_t port = 1; port < 1000; ++port) {
    const Buffer frame = Headers({.destination_port = port}, 0);
    Buffer tagged = frame;
    const Buffer tag = {0x81, 0x00, 0x00, 0x2a};
    tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
    ASSERT_EQ(Owner(frame, 4), Owner(tagged, 4));
  }
}

TEST(Distribution, WhatIsNotAWholeTcpSegmentIsWorkerZeros) {
  for (std::uint16_t port = 1; port < 200; ++port) {
    const Buffer tcp = Headers({.destination_port = port}, 0);
    EXPECT_EQ(Owner(Headers({.destination_port = port, .protocol = 17}, 0), 5), 0U);
    Buffer fragment = tcp;
    fragment[20] = 0x20;  // more fragments
    EXPECT_EQ(Owner(fragment, 5), 0U);
    fragment[20] = 0;
    fragment[21] = 1;  // an offset
    EXPECT_EQ(Owner(fragment, 5), 0U);
    Buffer arp = tcp;
    arp[13] = 6;
    EXPECT_EQ(Owner(arp, 5), 0U);
    EXPECT_EQ(Owner(tcp, 1), 0U);
    for (std::size_t size = 0; size < 38; ++size) {
      EXPECT_EQ(Owner(Bytes(tcp).first(size), 5), 0U) << size;
    }
  }
}

}  // namespace
}  // namespace slipway::dataplane
