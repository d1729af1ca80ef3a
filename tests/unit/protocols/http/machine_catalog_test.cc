// SPDX-License-Identifier: Apache-2.0
//
// Machines' own files, by the keys that boot loaders and cloud-init write.
#include "protocols/http/machine_catalog.h"

#include <gtest/gtest.h>

namespace slipway::http {
namespace {

std::shared_ptr<const MachineFiles> MachineOf(std::optional<MacAddress> mac,
                                              std::optional<Uuid> uuid, const std::string& key) {
  auto machine = std::make_shared<MachineFiles>();
  machine->mac = mac;
  machine->uuid = uuid;
  for (const char* name : {"user-data", "data"}) {
    Resource file;
    file.path = "/machine/" + key + "/" + name;
    machine->files.push_back(file);
  }
  return machine;
}

class MachineCatalogTest : public testing::Test {
 protected:
  const std::optional<MacAddress> mac_ = MacAddress::Parse("52:54:00:ab:cd:ef");
  const std::optional<Uuid> uuid_ = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
  const MachineCatalog catalog_{
      {MachineOf(mac_, uuid_, "both"),
       MachineOf(MacAddress::Parse("52:54:00:00:00:02"), std::nullopt, "second")}};

  std::string Found(const std::string& key, const std::string& name = "user-data") const {
    const Resource* const file = catalog_.Find("/machine/" + key + "/" + name);
    return file == nullptr ? "" : file->path;
  }
};

TEST_F(MachineCatalogTest, AMachineIsFoundByEachSpellingOfItsNames) {
  for (const char* key :
       {"52:54:00:ab:cd:ef", "52-54-00-ab-cd-ef", "52:54:00:AB:CD:EF", "525400abcdef",
        "525400ABCDEF", "01-52-54-00-ab-cd-ef", "01:52:54:00:ab:cd:ef",
        "0a1b2c3d-0001-0203-0405-060708090a0b", "0A1B2C3D-0001-0203-0405-060708090A0B"}) {
    EXPECT_EQ(Found(key), "/machine/both/user-data") << key;
  }
  EXPECT_EQ(Found("52:54:00:00:00:02", "data"), "/machine/second/data");
}

TEST_F(MachineCatalogTest, AllElseIsNotThere) {
  for (const char* path :
       {"", "/", "/machine", "/machine/", "/machine/52:54:00:ab:cd:ef",
        "/machine/52:54:00:ab:cd:ef/", "/machine/52:54:00:ab:cd:ef/other",
        "/machine/52:54:00:ab:cd:ef/ata", "/machine/52:54:00:ab:cd:ef/x/data",
        "/machine/52:54:00:ab:cd:ef/user-data/", "/machine/52:54:00:ab:cd:e0/data",
        "/machine/52:54:00:ab:cd/data", "/machine/02-52-54-00-ab-cd-ef/data", "/machine//data",
        "/machine/both/data", "/machine/525400abcdeg/data", "/other/52:54:00:ab:cd:ef/data"}) {
    EXPECT_EQ(catalog_.Find(path), nullptr) << path;
  }
}

// Enough that many share a slot.
TEST_F(MachineCatalogTest, EachOfManyMachinesIsFoundByBothItsNamesAndNobodyElseIs) {
  constexpr std::size_t kMachines = 3000;
  const auto mac = [](std::size_t i) {
    return MacAddress{
        {0x52, 0x54, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}};
  };
  const auto uuid = [](std::size_t i) {
    return Uuid{{0x0a, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}};
  };
  std::vector<std::shared_ptr<const MachineFiles>> machines;
  for (std::size_t i = 0; i < kMachines; ++i) {
    machines.push_back(MachineOf(i % 3 == 0 ? std::nullopt : std::optional(mac(i)),
                                 i % 3 == 1 ? std::nullopt : std::optional(uuid(i)),
                                 std::to_string(i)));
  }
  const MachineCatalog many(machines);
  for (std::size_t i = 0; i < kMachines; ++i) {
    const MachineFiles* const it = machines[i].get();
    EXPECT_EQ(many.FindMachine(mac(i).ToString()), i % 3 == 0 ? nullptr : it) << i;
    EXPECT_EQ(many.FindMachine(uuid(i).ToString()), i % 3 == 1 ? nullptr : it) << i;
    EXPECT_EQ(many.Share(mac(i), uuid(i)).get(), it) << i;
  }
  EXPECT_EQ(many.FindMachine(mac(kMachines).ToString()), nullptr);
  EXPECT_EQ(many.Share(mac(kMachines), std::nullopt), nullptr);
  EXPECT_EQ(MachineCatalog({}).Share(mac(1), uuid(1)), nullptr);
}

TEST_F(MachineCatalogTest, OfTwoMachinesWithOneNameTheFirstHasIt) {
  const MachineCatalog catalog(
      {MachineOf(mac_, std::nullopt, "first"), MachineOf(mac_, uuid_, "second")});
  EXPECT_EQ(catalog.Share(mac_, uuid_)->files[0].path, "/machine/first/user-data");
  EXPECT_EQ(catalog.Share(std::nullopt, uuid_)->files[0].path, "/machine/second/user-data");
  EXPECT_EQ(catalog.machines().size(), 2u);
}

TEST_F(MachineCatalogTest, ATableAsksItForWhatItHasNot) {
  Resource own;
  own.path = "/machine/525400abcdef/user-data";
  const TableCatalog table({own}, std::make_shared<MachineCatalog>(catalog_));
  EXPECT_EQ(table.Find("/machine/525400abcdef/user-data"), &table.resources()[0]);
  ASSERT_NE(table.Find("/machine/52:54:00:00:00:02/data"), nullptr);
  EXPECT_EQ(table.Find("/machine/52:54:00:00:00:02/data")->path, "/machine/second/data");
  EXPECT_EQ(table.Find("/nowhere"), nullptr);
}

}  // namespace
}  // namespace slipway::http
