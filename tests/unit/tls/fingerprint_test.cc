// SPDX-License-Identifier: Apache-2.0
//
// What of a ClientHello tells its software: each number, its place and its list, and no more.
#include "tls/fingerprint.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocols/base/fingerprint.h"
#include "tests/support/pcap.h"

namespace slipway::tls {
namespace {

using Numbers = std::vector<std::uint16_t>;

std::string TextOf(const ClientOffer& offer) {
  return std::string(FingerprintText(FingerprintOf(offer)).view());
}

ClientOffer Offer() {
  return {.suites = {0x1301, 0xc02f, 0x009e},
          .versions = {0x0304, 0x0303},
          .groups = {0x001d, 0x0017},
          .signature_algorithms = {0x0403, 0x0804},
          .server_name = "boot.test"};
}

constexpr Numbers ClientOffer::*kLists[] = {&ClientOffer::suites, &ClientOffer::versions,
                                            &ClientOffer::groups,
                                            &ClientOffer::signature_algorithms};

TEST(TlsFingerprint, EachNumberAndItsPlaceCount) {
  std::set<std::string> told = {TextOf(Offer())};
  std::size_t count = 1;
  const auto add = [&](const ClientOffer& offer) {
    told.insert(TextOf(offer));
    ++count;
  };
  for (const auto list : kLists) {
    const Numbers plain = Offer().*list;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ClientOffer changed = Offer();
      (changed.*list)[i] = static_cast<std::uint16_t>(plain[i] ^ 1);
      add(changed);
      ClientOffer less = Offer();
      (less.*list).erase((less.*list).begin() + static_cast<std::ptrdiff_t>(i));
      add(less);
    }
    ClientOffer turned = Offer();
    std::swap((turned.*list)[0], (turned.*list)[1]);
    add(turned);
    ClientOffer none = Offer();
    (none.*list).clear();
    add(none);
  }
  // The same numbers in the next list.
  ClientOffer moved = Offer();
  moved.groups.push_back(moved.signature_algorithms.front());
  moved.signature_algorithms.erase(moved.signature_algorithms.begin());
  add(moved);
  EXPECT_EQ(told.size(), count);
}

TEST(TlsFingerprint, WhatTestsToleranceAndTheNameDoNot) {
  const std::string plain = TextOf(Offer());
  for (const auto list : kLists) {
    for (unsigned grease = 0x0a0a; grease <= 0xfafa; grease += 0x1010) {
      for (std::size_t at = 0; at <= (Offer().*list).size(); ++at) {
        ClientOffer greased = Offer();
        Numbers& numbers = greased.*list;
        numbers.insert(numbers.begin() + static_cast<std::ptrdiff_t>(at),
                       static_cast<std::uint16_t>(grease));
        EXPECT_EQ(TextOf(greased), plain) << grease << " at " << at;
      }
    }
  }
  ClientOffer other = Offer();
  other.server_name = "";
  EXPECT_EQ(TextOf(other), plain);
  other.suites.push_back(0x5600);
  EXPECT_EQ(TextOf(other), plain) << "a second try";
  other.suites.push_back(0x0a1a);
  EXPECT_NE(TextOf(other), plain) << "two octets that differ test nothing";
}

// The numbers of an extension, behind the length that they begin with.
Numbers NumbersOf(Bytes value, std::size_t skipped) {
  Reader reader(value);
  reader.Skip(skipped);
  Numbers numbers;
  while (reader.remaining() >= 2) numbers.push_back(reader.U16());
  return numbers;
}

// Of a record that holds a whole ClientHello (RFC 5246 7.4.1.2); no suites: it is none.
ClientOffer OfferOf(Bytes record) {
  ClientOffer offer;
  Reader reader(record);
  if (reader.U8() != 22) return offer;
  reader.Skip(4);
  if (reader.U8() != 1) return offer;
  reader.Skip(3);
  offer.versions = {reader.U16()};
  reader.Skip(32);
  reader.Skip(reader.U8());
  offer.suites = NumbersOf(reader.Take(reader.U16()), 0);
  reader.Skip(reader.U8());
  reader.Skip(2);
  while (reader.remaining() >= 4) {
    const std::uint16_t type = reader.U16();
    const Bytes value = reader.Take(reader.U16());
    if (type == 10) offer.groups = NumbersOf(value, 2);
    if (type == 13) offer.signature_algorithms = NumbersOf(value, 2);
    if (type == 43) offer.versions = NumbersOf(value, 1);
  }
  return offer;
}

// control/boots/firmware.cc names these.
TEST(TlsFingerprint, OfRealClientsAreTheseThree) {
  std::map<std::string, std::set<std::string>> told;
  for (const support::Capture& capture : support::Captures()) {
    for (const support::FrameBytes& frame : capture.frames) {
      if (frame.size() < 54 || frame[12] != 8 || frame[13] != 0 || frame[23] != 6) continue;
      const std::size_t tcp = 14 + (frame[14] & 15U) * 4U;
      const std::size_t end = 14U + (static_cast<unsigned>(frame[16]) << 8U | frame[17]);
      if (end > frame.size() || tcp + 20 > end) continue;
      const std::size_t text = tcp + (frame[tcp + 12] >> 4U) * 4U;
      if (text >= end) continue;
      const ClientOffer offer = OfferOf(Bytes(frame).subspan(text, end - text));
      if (offer.suites.empty()) continue;
      told[capture.name.substr(0, 9)].insert(TextOf(offer));
    }
  }
  EXPECT_EQ(told["ovmf-2022"], std::set<std::string>{"fd4508cff06e1bd0"});
  EXPECT_EQ(told["ovmf-2025"], std::set<std::string>{"ff7315957ee58632"});
  EXPECT_EQ(told["ipxe-2025"], std::set<std::string>{"72d4a1eae14df7c1"});
}

}  // namespace
}  // namespace slipway::tls
