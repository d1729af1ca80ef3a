// SPDX-License-Identifier: Apache-2.0
//
// SYNs in words: every order of options, damaged ones, and those of real clients.
#include "protocols/tcp/syn_form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocols/wire/tcp.h"
#include "tests/support/pcap.h"

namespace slipway::tcp {
namespace {

using Octets = std::vector<std::uint8_t>;

struct OneOption {
  std::string word;
  Octets octets;
};
const std::vector<OneOption> kOptions = {{"mss", {2, 4, 0x05, 0xb4}},
                                         {"nop", {1}},
                                         {"ws7", {3, 3, 7}},
                                         {"sack", {4, 2}},
                                         {"ts", {8, 10, 0, 0, 0, 1, 0, 0, 0, 0}},
                                         {"other", {34, 2}}};

// A header with these options, filled up with what lies behind an end.
Octets Syn(std::uint16_t window, const Octets& options) {
  Octets header(20);
  header[13] = tcp_flag::kSyn;
  header[14] = static_cast<std::uint8_t>(window >> 8);
  header[15] = static_cast<std::uint8_t>(window);
  std::ranges::copy(options, std::back_inserter(header));
  header[12] = static_cast<std::uint8_t>(header.size() / 4 << 4);
  return header;
}
Octets Whole(Octets options) {
  while (options.size() % 4 != 0) options.push_back(0);
  return options;
}

std::string TextOf(const Octets& segment) {
  return std::string(SynFormText(FormOf(segment)).view());
}

TEST(SynForm, SaysWindowAndSegmentSizeAndEachOption) {
  EXPECT_EQ(TextOf(Syn(65535, {2, 4, 0x05, 0xb4})), "65535:1460:mss");
  EXPECT_EQ(TextOf(Syn(0, {})), "0:0:none");
  EXPECT_EQ(TextOf(Syn(64240, {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})),
            "64240:1460:mss-sack-ts-nop-ws7");
  EXPECT_EQ(TextOf(Syn(1, {3, 3, 14, 0})), "1:0:ws14-end");
}

// All sequences of up to four options: each is told as what it is, so no two are alike.
TEST(SynForm, EachOrderOfOptionsIsOneOfItsOwn) {
  std::set<std::string> told;
  std::size_t count = 0;
  const auto walk = [&](const auto& self, const Octets& octets, const std::string& words,
                        std::size_t left) -> void {
    const Octets whole = Whole(octets);
    const std::string end = whole.size() == octets.size() ? "" : words.empty() ? "end" : "-end";
    const std::string expected = (words + end).empty() ? "none" : words + end;
    const std::string text = TextOf(Syn(512, whole));
    EXPECT_EQ(text.substr(text.rfind(':') + 1), expected);
    told.insert(text);
    ++count;
    if (left == 0) return;
    for (const OneOption& each : kOptions) {
      Octets longer = octets;
      longer.insert(longer.end(), each.octets.begin(), each.octets.end());
      self(self, longer, words + (words.empty() ? "" : "-") + each.word, left - 1);
    }
  };
  // Four of timestamps are the most that the header has room for.
  walk(walk, {}, "", 4);
  EXPECT_EQ(told.size(), count);
  EXPECT_EQ(count, 1u + 6 + 36 + 216 + 1296);
}

TEST(SynForm, WhatIsTooLongIsCutAndSaysSo) {
  std::string twelve = "nop";
  for (int i = 1; i < 12; ++i) twelve += "-nop";
  EXPECT_EQ(TextOf(Syn(1, Octets(12, 1))), "1:0:" + twelve);
  for (const std::size_t size : {std::size_t{16}, std::size_t{20}, std::size_t{40}}) {
    EXPECT_EQ(TextOf(Syn(1, Octets(size, 1))), "1:0:" + twelve + "-more") << size;
  }
  Octets sack(40);
  for (std::size_t i = 0; i < sack.size(); ++i) sack[i] = i % 2 == 0 ? 4 : 2;
  const SynFormText longest(FormOf(Syn(65535, sack)));
  EXPECT_TRUE(longest.view().ends_with("-sack-more"));
}

TEST(SynForm, OfADamagedHeaderIsNothing) {
  const Octets good = Syn(65535, {2, 4, 0x05, 0xb4, 1, 3, 3, 6});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(TextOf(Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "");
  }
  EXPECT_EQ(TextOf(Syn(1, {2, 5, 0, 0})), "") << "it runs over the end";
  EXPECT_EQ(TextOf(Syn(1, {2, 1, 0, 0})), "");
  EXPECT_EQ(TextOf(Syn(1, {1, 1, 1, 2})), "");
  Octets small = good;
  small[12] = 0x40;
  EXPECT_EQ(TextOf(small), "");
  EXPECT_EQ(TextOf(Syn(1, {2, 3, 9, 0})), "1:0:other-end") << "a known kind of a wrong length";
}

TEST(SynForm, OfRealClientsAreTheseThree) {
  std::map<std::string, std::set<std::string>> told;
  for (const support::Capture& capture : support::Captures()) {
    for (const support::FrameBytes& frame : capture.frames) {
      if (frame.size() < 54 || frame[12] != 8 || frame[13] != 0 || frame[23] != 6) continue;
      const std::size_t header = 14 + (frame[14] & 15U) * 4U;
      const std::size_t end = 14U + (static_cast<unsigned>(frame[16]) << 8U | frame[17]);
      if (end > frame.size() || header + 20 > end) continue;
      constexpr std::uint8_t kBoth = tcp_flag::kSyn | tcp_flag::kAck;
      if ((frame[header + 13] & kBoth) != tcp_flag::kSyn) continue;
      told[capture.name.substr(0, 9)].insert(
          TextOf(Octets(frame.begin() + static_cast<std::ptrdiff_t>(header),
                        frame.begin() + static_cast<std::ptrdiff_t>(end))));
    }
  }
  const std::string ipxe = "65532:1460:nop-nop-ts-nop-nop-sack-nop-ws9-mss";
  EXPECT_EQ(told["ovmf-2022"], std::set<std::string>{"65535:1460:mss"});
  EXPECT_EQ(told["ovmf-2025"], std::set<std::string>{"65535:1460:mss-nop-ws6"});
  EXPECT_EQ(told["ipxe-2019"], std::set<std::string>{ipxe});
  EXPECT_EQ(told["ipxe-2025"], std::set<std::string>{ipxe});
}

}  // namespace
}  // namespace slipway::tcp
