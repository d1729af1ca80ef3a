// SPDX-License-Identifier: Apache-2.0
//
// Imports by the command line against a live server: what is opened, what is refused, what is told.
#include "tests/unit/control/image_store/archives.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ImportTest : public RestTest {
 protected:
  std::filesystem::path Put(const std::string& name, const std::string& content) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  Ran Import(const std::filesystem::path& source, const std::string& words) {
    return Slipway(Text("image import ", source.string(), ' ', words));
  }
  nlohmann::json Shown(const std::string& reference) {
    return nlohmann::json::parse(client_->Get("/api/v1/images/" + reference)->body);
  }
};

TEST_F(ImportTest, TarsAndIsosAreOpenedAndIsosAreKeptWhole) {
  const std::vector<PackedEntry> tree = {
      {.path = "EFI/BOOT/BOOTX64.EFI", .content = ProgramX64("boot")},
      {.path = "linux", .content = "kernel"}};
  const auto tar = Put("tree.tar.zst", Packed(tree, "tar", "zstd"));
  const Ran ran = Import(tar, "debian:tar");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("debian:tar: 2 files"));
  const auto iso = Put("tree.iso", Packed(tree, "iso"));
  EXPECT_EQ(Import(iso, "debian:iso").code, 0);
  EXPECT_EQ(Import(iso, "debian:disk --as ramdisk").code, 0);
  const Ran opened = Import(iso, "debian:tree --as tree --boot any=linux");
  EXPECT_EQ(opened.code, 0) << opened.text;
  EXPECT_EQ(Shown("debian:iso")["boot"], (nlohmann::json{{"any", "tree.iso"}}));
  EXPECT_EQ(Shown("debian:disk")["digest"], Shown("debian:iso")["digest"]);
  EXPECT_EQ(Shown("debian:tree")["files"], Shown("debian:tar")["files"]);
  EXPECT_EQ(Shown("debian:tree")["boot"],
            (nlohmann::json{{"any", "linux"}, {"x64", "EFI/BOOT/BOOTX64.EFI"}}));
  EXPECT_THAT(Import(iso, "debian:tree --as disk").text, HasSubstr("neither tree nor ramdisk"));
}

TEST_F(ImportTest, ARefusedArchiveSaysItsEntryAndTheWayOutAndLeavesNothing) {
  const auto tar = Put("tree.tar", Packed({{.path = "a.efi", .content = ProgramX64()},
                                           {.path = "../../etc/passwd", .content = "root"}}));
  const Ran ran = Import(tar, "bad:1");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.text, AllOf(HasSubstr("tree.tar: entry \"../../etc/passwd\""),
                              HasSubstr("leads out of the tree by \"..\""),
                              HasSubstr("pack it again without that entry")));
  const auto answer =
      client_->Put("/api/v1/images/bad:1?file=tree.tar",
                   Packed({{.path = "caf\xe9", .content = "x"}}), "application/x-tar");
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("is not UTF-8"));
  EXPECT_EQ(client_->Get("/api/v1/images/bad:1")->status, 404);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/images/blobs/sha256"));
}

}  // namespace
}  // namespace slipway::control
