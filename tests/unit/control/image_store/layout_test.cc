// SPDX-License-Identifier: Apache-2.0
//
// Distributions' trees, cut down to the paths that tell them and with the texts that their media
// have: what is proposed for each. And the roles that a manifest says.
#include "control/image_store/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "control/image_store/boot_file.h"
#include "control/image_store/digest.h"
#include "control/image_store/image_store.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Tree = std::map<std::string, std::string>;

std::optional<Layout> Recognised(const Tree& tree,
                                 const std::map<std::string, std::string>& boot = {}) {
  ImageSet set{.boot = boot};
  for (const auto& [path, text] : tree) set.files.push_back({.path = path, .digest = path});
  return RecogniseLayout(set, [&](const ImageFile& file) { return tree.at(file.path); });
}

testing::Matcher<BootProposal> Boots(const std::string& architecture, const std::string& kernel,
                                     const std::string& initrd) {
  return AllOf(testing::Field("architecture", &BootProposal::architecture, architecture),
               testing::Field("kernel", &BootProposal::kernel, kernel),
               testing::Field("initrds", &BootProposal::initrds, ElementsAre(initrd)));
}

// openSUSE Leap 15.5's DVD: media.1/products and boot/ as openSUSE publishes them below
// distribution/leap/15.5/repo/oss.
TEST(Layout, SuseGoesOnByInstall) {
  const auto layout = Recognised({{"media.1/products", "/ openSUSE-Leap 15.5-1\n"},
                                  {".treeinfo", "[general]\narch = x86_64\nname = openSUSE Leap\n"},
                                  {"boot/x86_64/loader/linux", ""},
                                  {"boot/x86_64/loader/initrd", ""},
                                  {"boot/aarch64/linux", ""},
                                  {"boot/aarch64/initrd", ""},
                                  {"EFI/BOOT/bootx64.efi", ""}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->family, "suse");
  EXPECT_EQ(layout->title, "openSUSE-Leap 15.5-1");
  EXPECT_THAT(layout->boots,
              ElementsAre(Boots("x64", "boot/x86_64/loader/linux", "boot/x86_64/loader/initrd"),
                          Boots("aa64", "boot/aarch64/linux", "boot/aarch64/initrd")));
  EXPECT_EQ(layout->boots[0].arguments, "install={base} netsetup=dhcp");
  EXPECT_THAT(layout->notes, ElementsAre(HasSubstr("ssl.certs=0")));
}

// SLES 16 and Leap 16: Agama's live medium.
TEST(Layout, AgamaIsALiveSystem) {
  const auto layout = Recognised({{"boot/x86_64/loader/linux", ""},
                                  {"boot/x86_64/loader/initrd", ""},
                                  {"LiveOS/squashfs.img", ""}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->boots[0].arguments, "root=live:{base}/LiveOS/squashfs.img ip=dhcp");
}

// Fedora Server's DVD and its netinst disc: .treeinfo as productmd writes it.
TEST(Layout, FedoraGoesOnByItsRepositoryOrItsSecondStage) {
  Tree tree = {{".treeinfo",
                "[checksums]\nimages/install.img = sha256:00\n\n[general]\narch = aarch64\n"
                "family = Fedora\nname = Fedora 40\nversion = 40\n\n"
                "[images-aarch64]\ninitrd = images/pxeboot/initrd.img\n"
                "kernel = images/pxeboot/vmlinuz\n\n[stage2]\nmainimage = images/install.img\n"},
               {"images/install.img", ""},
               {"images/pxeboot/vmlinuz", ""},
               {"images/pxeboot/initrd.img", ""}};
  const auto disc = Recognised(tree);
  ASSERT_TRUE(disc);
  EXPECT_EQ(disc->title, "Fedora 40");
  EXPECT_THAT(disc->boots,
              ElementsAre(Boots("aa64", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")));
  EXPECT_EQ(disc->boots[0].arguments, "inst.stage2={base} ip=dhcp");
  tree["BaseOS/repodata/repomd.xml"] = "";
  const auto dvd = Recognised(tree);
  EXPECT_EQ(dvd->boots[0].arguments, "inst.repo={base} ip=dhcp");
  EXPECT_THAT(dvd->notes, ElementsAre(HasSubstr("inst.noverifyssl")));
  // Without .treeinfo (RHEL's boot.iso): by the programs that are there.
  tree.erase(".treeinfo");
  const auto bare = Recognised(tree, {{"x64", "EFI/BOOT/BOOTX64.EFI"}});
  EXPECT_THAT(bare->boots,
              ElementsAre(Boots("x64", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")));
}

// ubuntu-22.04-live-server-arm64.iso, and ubuntu-24.04-netboot-amd64.tar.gz.
TEST(Layout, UbuntuFetchesItsIso) {
  const auto disc = Recognised({{".disk/info",
                                 "Ubuntu-Server 22.04.3 LTS \"Jammy Jellyfish\" - Release arm64 "
                                 "(20230810)"},
                                {"casper/vmlinuz", ""},
                                {"casper/initrd", ""},
                                {"efi/boot/bootaa64.efi", ""}});
  ASSERT_TRUE(disc);
  EXPECT_EQ(disc->family, "ubuntu");
  EXPECT_THAT(disc->title, HasSubstr("22.04.3 LTS"));
  EXPECT_THAT(disc->boots, ElementsAre(Boots("aa64", "casper/vmlinuz", "casper/initrd")));
  EXPECT_EQ(disc->boots[0].arguments, "ip=dhcp url={base}.iso cloud-config-url=/dev/null");
  EXPECT_THAT(disc->notes, SizeIs(2));
  const auto netboot = Recognised({{"amd64/linux", ""},
                                   {"amd64/initrd", ""},
                                   {"amd64/grub/grub.cfg", ""},
                                   {"amd64/bootx64.efi", ""}});
  ASSERT_TRUE(netboot);
  EXPECT_THAT(netboot->boots, ElementsAre(Boots("x64", "amd64/linux", "amd64/initrd")));
}

// Debian's netboot.tar.gz, and its discs.
TEST(Layout, DebianGoesOnFromAMirrorOrFromItsDisc) {
  Tree tree = {{"debian-installer/amd64/linux", ""},
               {"debian-installer/amd64/initrd.gz", ""},
               {"debian-installer/amd64/bootnetx64.efi", ""},
               {"version.info", "Debian version:  12 (bookworm)\n"}};
  const auto netboot = Recognised(tree);
  ASSERT_TRUE(netboot);
  EXPECT_THAT(netboot->boots, ElementsAre(Boots("x64", "debian-installer/amd64/linux",
                                                "debian-installer/amd64/initrd.gz")));
  EXPECT_THAT(netboot->boots[0].arguments,
              AllOf(HasSubstr("mirror/protocol=https"), HasSubstr("hostname=deb.debian.org")));
  tree["preseed.cfg"] = "";
  EXPECT_THAT(Recognised(tree)->boots[0].arguments,
              testing::StartsWith("auto=true priority=critical url={base}/preseed.cfg mirror/"));
  // With a mirror's folders beside it, or a disc's, the tree itself is the mirror.
  tree["dists/bookworm/Release"] = "";
  EXPECT_THAT(Recognised(tree)->boots[0].arguments,
              testing::EndsWith("mirror/https/hostname={host} mirror/https/directory={path} "
                                "mirror/https/proxy= mirror/suite=bookworm"));
  const auto disc =
      Recognised({{".disk/info",
                   "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 DVD Binary-1 "
                   "with firmware 20240210-11:28\n"},
                  {"dists/bookworm/Release", ""},
                  {"dists/bookworm/main/binary-amd64/Release", ""},
                  {"install.amd/vmlinuz", ""},
                  {"install.amd/initrd.gz", ""},
                  {"install.amd/gtk/vmlinuz", ""}});
  ASSERT_TRUE(disc);
  EXPECT_THAT(disc->title, HasSubstr("12.5.0"));
  EXPECT_THAT(disc->boots[0].arguments,
              AllOf(HasSubstr("mirror/https/hostname={host} mirror/https/directory={path} "),
                    HasSubstr("mirror/suite=bookworm")));
  EXPECT_THAT(disc->notes.front(), HasSubstr("looks for a CD"));
}

TEST(Layout, OtherTreesAreNotRecognisedAndPlacesAreFilledIn) {
  EXPECT_FALSE(Recognised({{"EFI/BOOT/BOOTX64.EFI", ""}, {"linux", ""}, {"initrd", ""}}));
  EXPECT_FALSE(Recognised({{".treeinfo", "[general]\narch = vax\nname = x\n"}}));
  EXPECT_FALSE(Recognised({{"casper/vmlinuz", ""}, {".disk/info", "Ubuntu"}}));
  EXPECT_EQ(Filled("a={base}/x {host} {path} {base}", "boot.example", "/debian/12"),
            "a=https://boot.example/debian/12/x boot.example /debian/12 "
            "https://boot.example/debian/12");
}

class RoleTest : public ::testing::Test {
 protected:
  RoleTest() : store_(*ImageStore::Open(folder_ / "store")) {}
  std::map<std::string, std::string> RolesOf(const ImageSet& set) {
    std::map<std::string, std::string> roles;
    for (const ImageFile& file : set.files) {
      roles[file.path] = file.role + (file.architecture.empty() ? "" : " " + file.architecture);
    }
    return roles;
  }

  TemporaryFolder folder_;
  ImageStore store_;
};

TEST_F(RoleTest, EachFileOfATreeHasItsRoleAndItIsReadBack) {
  folder_.Write("tree/EFI/BOOT/BOOTX64.EFI", ProgramX64("boot"));
  folder_.Write("tree/EFI/BOOT/mmx64.efi", ProgramX64("mok"));
  folder_.Write("tree/casper/vmlinuz", "kernel");
  folder_.Write("tree/casper/initrd", "initrd");
  folder_.Write("tree/casper/filesystem.squashfs", "hsqs....");
  folder_.Write("tree/.disk/info", "Ubuntu-Server 22.04 - Release amd64 (2022)");
  const auto set = store_.Import(folder_ / "tree", "ubuntu:22.04",
                                 {.arguments = {{"any", "proposed"}},
                                  .labels = {{"site", "west"}},
                                  .needs = {{"memory-mib", "4096"}}});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(RolesOf(*set),
              UnorderedElementsAre(
                  Pair("EFI/BOOT/BOOTX64.EFI", "boot x64"), Pair("EFI/BOOT/mmx64.efi", "efi x64"),
                  Pair("casper/vmlinuz", "kernel x64"), Pair("casper/initrd", "initrd x64"),
                  Pair("casper/filesystem.squashfs", "squashfs"), Pair(".disk/info", "tree")));
  const auto again = store_.Resolve("ubuntu:22.04");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->files, set->files);
  EXPECT_THAT(again->arguments,
              ElementsAre(Pair("x64", "ip=dhcp url={base}.iso cloud-config-url=/dev/null")));
  EXPECT_THAT(again->labels, ElementsAre(Pair("site", "west")));
  EXPECT_THAT(again->needs, ElementsAre(Pair("memory-mib", "4096")));
  std::vector<std::uint8_t> bytes(std::filesystem::file_size(store_.BlobPath(set->digest)));
  ASSERT_TRUE(store_.Load(set->digest, bytes).ok());
  const auto manifest = nlohmann::json::parse(AsText(bytes));
  EXPECT_EQ(manifest["annotations"]["dev.slipway.label.site"], "west");
  EXPECT_EQ(manifest["layers"][1]["annotations"]["dev.slipway.role"], "boot");
}

TEST_F(RoleTest, ADiskSaysWhatItNeedsOfTheMachine) {
  const auto set = store_.Import(folder_.Write("a.iso", std::string((3U << 20) + 1, 'i')), "a:1");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(RolesOf(*set), ElementsAre(Pair("a.iso", "iso")));
  EXPECT_THAT(set->needs, ElementsAre(Pair("memory-mib", "4"), Pair("ram-disk", "true")));
}

TEST_F(RoleTest, ABootFileForAnotherArchitectureIsRefusedAtTheDoor) {
  const auto file = folder_.Write("a.efi", ProgramAa64());
  const auto set = store_.Import(file, "a:1", {.boot = {{"x64", "a.efi"}}});
  EXPECT_THAT(set.status().ToString(),
              AllOf(HasSubstr("boot file a.efi for x64"), HasSubstr("is a program for aa64"),
                    HasSubstr("--boot aa64=a.efi")));
  EXPECT_TRUE(std::filesystem::is_empty(store_.blobs()));
  // The same by the registry: the manifest's word is held against the program.
  ImageSet pushed = *store_.Import(file, "a:1");
  for (const bool by_boot : {true, false}) {
    ImageSet wrong = pushed;
    if (by_boot) {
      wrong.boot = {{"x64", "a.efi"}};
      wrong.files[0].architecture.clear();
    } else {
      wrong.files[0].architecture = "riscv64";
    }
    const auto entry =
        store_.PutManifest({.repository = "b", .tag = "1", .text = ManifestOf(wrong)});
    EXPECT_EQ(entry.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(entry.status().ToString(), HasSubstr("is a program for aa64"));
  }
  EXPECT_TRUE(store_.PutManifest({.repository = "b", .tag = "1", .text = ManifestOf(pushed)}).ok());
}

TEST_F(RoleTest, WordsThatNoAnnotationShouldHaveAreRefused) {
  const auto file = folder_.Write("a.efi", ProgramX64());
  for (const ImportOptions& options :
       {ImportOptions{.labels = {{"Site", "x"}}}, ImportOptions{.labels = {{"", "x"}}},
        ImportOptions{.labels = {{"site", "x\n"}}}, ImportOptions{.needs = {{"a b", "x"}}},
        ImportOptions{.arguments = {{"x64", std::string(5000, 'a')}}}}) {
    EXPECT_FALSE(store_.Import(file, "a:1", options).ok());
  }
  const auto none = store_.Import(file, "a:1", {.arguments = {{"any", "proposed"}}});
  EXPECT_THAT(none.status().ToString(), HasSubstr("no distribution's tree was recognised"));
  EXPECT_THAT(*store_.List(), IsEmpty());
}

// As an import before roles wrote it: taken, and no role made up.
TEST_F(RoleTest, AManifestFromBeforeRolesIsRead) {
  const std::string digest(64, 'a');
  const auto set = ParseManifest(R"({"schemaVersion": 2,
      "artifactType": "application/vnd.slipway.image-set.v1",
      "layers": [{"mediaType": "application/efi", "digest": "sha256:)" +
                                     digest + R"(", "size": 3,
                  "annotations": {"org.opencontainers.image.title": "a.efi"}}],
      "annotations": {"dev.slipway.boot.x64": "a.efi"}})",
                                 "old");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(RolesOf(*set), ElementsAre(Pair("a.efi", "")));
  EXPECT_THAT(set->boot, ElementsAre(Pair("x64", "a.efi")));
  EXPECT_THAT(set->arguments, IsEmpty());
}

// As `oras push --image-spec v1.0` writes it, and as the registry takes it (ParseOciDocument).
TEST_F(RoleTest, TheTypeOfTheConfigurationIsTheArtifactsWhereItHasNoneItself) {
  const auto manifest = [](std::string_view type) {
    return R"({"schemaVersion": 2, "layers": [], "config": {"mediaType": ")" + std::string(type) +
           R"("}})";
  };
  EXPECT_TRUE(ParseManifest(manifest(kArtifactType), "1.0").ok());
  EXPECT_FALSE(ParseManifest(manifest("application/vnd.oci.image.config.v1+json"), "1.0").ok());
}

TEST(Role, KernelsAreKnownByTheirHeaders) {
  std::string x86 = ProgramX64();
  x86.resize(0x210);
  x86.replace(0x202, 4, "HdrS");
  std::string arm = ProgramAa64();
  arm.replace(0x38, 4, "ARM\x64");
  EXPECT_EQ(RoleOf("linux", AsBytes(x86)), "kernel");
  EXPECT_EQ(RoleOf("Image", AsBytes(arm)), "kernel");
  EXPECT_EQ(RoleOf("a.efi", AsBytes(ProgramX64())), "efi");
  EXPECT_EQ(RoleOf("boot/initrd.img", AsBytes(std::string("x"))), "initrd");
  EXPECT_EQ(RoleOf("efi.img", AsBytes(std::string("x"))), "disk");
  EXPECT_EQ(RoleOf("pool/a.deb", AsBytes(std::string("x"))), "tree");
}

}  // namespace
}  // namespace slipway::control
