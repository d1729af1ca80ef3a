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
