// SPDX-License-Identifier: Apache-2.0
#include "control/policy/machine_search.h"

#include <gtest/gtest.h>

namespace slipway::control {
namespace {

Machine Node() {
  Machine machine;
  machine.name = "Node 07";
  machine.mac = MacAddress::Parse("52:54:00:ab:cd:07");
  machine.uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
  machine.serial = "SN-4711";
  machine.image_set = ImageSetName::Parse("debian:stable");
  machine.groups = {"web", "edge"};
  machine.labels = {{"rack", "a1"}, {"role", "DB"}};
  return machine;
}

TEST(MachineSearch, FindsByWhatTheCatalogHas) {
  for (const char* text :
       {"", "  ", "node", "NODE", "07", "52:54:00:ab:cd:07", "AB:CD", "52-54-00-ab", "0001-0203",
        "4711", "sn-47", "debian", "n:sta", "web", "edge", "rack=a1", "k=a", "role=db", "db"}) {
    EXPECT_TRUE(MachineSearch(text).Finds(Node())) << text;
  }
}

TEST(MachineSearch, EachWordMustStandSomewhere) {
  EXPECT_TRUE(MachineSearch("node a1 debian").Finds(Node()));
  EXPECT_TRUE(MachineSearch("  07   node ").Finds(Node()));
  EXPECT_FALSE(MachineSearch("node a2").Finds(Node()));
  EXPECT_FALSE(MachineSearch("nodes").Finds(Node()));
}

TEST(MachineSearch, ColonsAndHyphensAreTheSameOfMacsAlone) {
  EXPECT_FALSE(MachineSearch("sn:4711").Finds(Node()));
  EXPECT_FALSE(MachineSearch("0001:0203").Finds(Node()));
  // Nor do words reach from one fact into the next.
  EXPECT_FALSE(MachineSearch("07SN").Finds(Node()));
}

TEST(MachineSearch, FindsNothingInWhatIsNotThere) {
  const Machine nobody;
  EXPECT_TRUE(MachineSearch("").Finds(nobody));
  EXPECT_FALSE(MachineSearch("0").Finds(nobody));
  EXPECT_FALSE(MachineSearch("=").Finds(nobody));
}

}  // namespace
}  // namespace slipway::control
