// SPDX-License-Identifier: Apache-2.0
#include "control/policy/seen_firmware.h"

#include <gmock/gmock.h>

#include "control/policy/machine.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const BootFirmware kHttp{.client = "http", .dhcp = "d1", .tcp = "t1", .tls = "s1"};
const BootFirmware kIpxe{.client = "ipxe", .dhcp = "d2", .tcp = "t2", .tls = ""};

TEST(SeenFirmware, WhatIsSeenAgainIsNoChange) {
  std::vector<SeenFirmware> known;
  EXPECT_TRUE(Remember(kIpxe, 1, known));
  EXPECT_TRUE(Remember(kHttp, 2, known));
  for (int boot = 0; boot < 3; ++boot) {
    EXPECT_FALSE(Remember(kHttp, 3, known)) << "firmware, and then the iPXE that it loads";
    EXPECT_FALSE(Remember(kIpxe, 4, known));
  }
  EXPECT_THAT(known, ElementsAre(SeenFirmware{kHttp, 2}, SeenFirmware{kIpxe, 1}));
}

// Each part alone, of all 2^3 of what a boot may have shown.
TEST(SeenFirmware, WhatABootDidNotShowStaysAsItWas) {
  for (unsigned shown = 0; shown < 8; ++shown) {
    for (const bool other : {false, true}) {
      BootFirmware seen{.client = "http", .dhcp = "", .tcp = "", .tls = ""};
      BootFirmware expected = kHttp;
      const auto show = [&](unsigned bit, std::string BootFirmware::*part) {
        if ((shown & bit) == 0) return;
        seen.*part = other ? "new" : kHttp.*part;
        expected.*part = seen.*part;
      };
      show(1, &BootFirmware::dhcp);
      show(2, &BootFirmware::tcp);
      show(4, &BootFirmware::tls);
      std::vector<SeenFirmware> known = {{kHttp, 1}};
      const bool changes = other && shown != 0;
      EXPECT_EQ(Remember(seen, 9, known), changes) << shown;
      EXPECT_THAT(known, ElementsAre(SeenFirmware{expected, changes ? 9 : 1})) << shown;
    }
  }
}

TEST(SeenFirmware, IsReadAsItIsWritten) {
  const std::vector<SeenFirmware> known = {{kHttp, 1'790'000'000}, {kIpxe, 0}};
  EXPECT_EQ(ParseSeenFirmware(ToJson(known)), known);
  EXPECT_THAT(ParseSeenFirmware(nlohmann::json()), IsEmpty());
  EXPECT_THAT(ParseSeenFirmware(nlohmann::json::parse(R"([1, "x", {}, {"client": 3}])")),
              IsEmpty());
  EXPECT_THAT(ParseSeenFirmware(nlohmann::json::parse(
                  R"([{"client": "http", "dhcp": 7, "tls": "s1", "since": "x"}])")),
              ElementsAre(SeenFirmware{{.client = "http", .dhcp = "", .tcp = "", .tls = "s1"}, 0}));
}

TEST(SeenFirmware, IsNobodysToSay) {
  Machine machine;
  machine.firmware = {{kHttp, 1}};
  EXPECT_FALSE(Update({{"firmware", nlohmann::json::array()}}, machine).ok());
  EXPECT_TRUE(Update({{"name", "web1"}}, machine).ok());
  EXPECT_THAT(machine.firmware, ElementsAre(SeenFirmware{kHttp, 1})) << "a change leaves it";
}

}  // namespace
}  // namespace slipway::control
