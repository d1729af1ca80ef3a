// SPDX-License-Identifier: Apache-2.0
//
// The pure parts: paths, references, boot files, and who is evicted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/image_store/boot_file.h"
#include "control/image_store/digest.h"
#include "control/image_store/image_cache.h"
#include "control/image_store/image_set.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(Sha256, AgreesWithTheStandardsExamples) {
  EXPECT_EQ(Sha256Hex(AsBytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_FALSE(IsDigest("../../etc/passwd"));
}

TEST(SanitizePath, KeepsWhatStaysInsideAndRefusesTheRest) {
  EXPECT_EQ(*SanitizePath("EFI//BOOT/./BOOTX64.EFI"), "EFI/BOOT/BOOTX64.EFI");
  EXPECT_EQ(*SanitizePath("./a..b"), "a..b");
  for (const std::string_view path :
       {"", ".", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "a\\b", "a\nb", "a\x7f"}) {
    EXPECT_FALSE(SanitizePath(path).ok()) << path;
  }
  EXPECT_FALSE(SanitizePath(std::string(513, 'a')).ok());
}

TEST(CanonicalReference, AddsLatestAndRefusesWhatIsNoReference) {
  EXPECT_EQ(*CanonicalReference("debian"), "debian:latest");
  EXPECT_EQ(*CanonicalReference("lab/debian-installer:12.5_RC1"), "lab/debian-installer:12.5_RC1");
  for (const std::string_view reference :
       {"", ":", ":1", "a:", "A:1", "a:b:c", "/a:1", "a/:1", "a//b:1", "a..b:1", "a:-1", "a b:1"}) {
    EXPECT_FALSE(CanonicalReference(reference).ok()) << reference;
  }
}

TEST(BootFile, ReadsTheArchitectureFromThePeHeaderAtEveryLength) {
  const std::string program = ProgramAa64();
  EXPECT_EQ(PeArchitecture(AsBytes(program)), "aa64");
  for (std::size_t size = 0; size < program.size(); ++size) {
    EXPECT_FALSE(PeArchitecture(AsBytes(program).first(size))) << size;
  }
  std::string far = program;
  far[0x3f] = '\xff';  // the PE header would be 4 GB away
  EXPECT_FALSE(PeArchitecture(AsBytes(far)));
  EXPECT_FALSE(PeArchitecture(AsBytes(Program(0x1234))));
}

TEST(BootFile, IsChosenByTheFirstRuleThatFits) {
  const auto choose = [](std::vector<BootCandidate> files,
                         std::map<std::string, std::string> chosen = {}) {
    const auto boot = ChooseBootFiles(files, chosen);
    return boot.ok() ? *boot : std::map<std::string, std::string>{};
  };
  const BootCandidate removable{"efi/boot/bootx64.efi", "x64"};
  const BootCandidate shim{"shimx64.efi", "x64"};
  const BootCandidate grub{"grubx64.efi", "x64"};
  const BootCandidate arm{"grubaa64.efi", "aa64"};
  const BootCandidate disk{"debian.iso", ""};
  const BootCandidate text{"readme", ""};
  EXPECT_THAT(choose({grub, removable, shim}), ElementsAre(Pair("x64", removable.path)));
  EXPECT_THAT(choose({grub, shim, text}), ElementsAre(Pair("x64", shim.path)));
  // Debian's netboot.tar.gz.
  const BootCandidate bootnet{"debian-installer/amd64/bootnetx64.efi", "x64"};
  EXPECT_THAT(choose({bootnet, {"debian-installer/amd64/grubx64.efi", "x64"}}),
              ElementsAre(Pair("x64", bootnet.path)));
  EXPECT_THAT(choose({grub, text}), ElementsAre(Pair("x64", grub.path)));
  EXPECT_THAT(choose({grub, arm}),
              UnorderedElementsAre(Pair("x64", grub.path), Pair("aa64", arm.path)));
  EXPECT_THAT(choose({disk, text}), ElementsAre(Pair("any", disk.path)));
  EXPECT_THAT(choose({text}), ElementsAre(Pair("any", text.path)));
  EXPECT_THAT(choose({grub, shim}, {{"x64", grub.path}}), ElementsAre(Pair("x64", grub.path)));
  EXPECT_THAT(choose({grub, {"other.efi", "x64"}}), IsEmpty());
  EXPECT_THAT(choose({text, {"more", ""}}), IsEmpty());
  EXPECT_THAT(choose({grub}, {{"x64", "missing.efi"}}), IsEmpty());
}

TEST(ImageCache, EvictsTheLeastRecentlyUsedAndNeverWhatIsInUse) {
  const ImageCache cache(100);
  const std::vector<CachedSet> loaded = {
      {.digest = "new", .files = {{"n", 30}}, .last_use = 9},
      {.digest = "old", .files = {{"o", 30}}, .last_use = 1},
      {.digest = "booting", .files = {{"b", 20}}, .last_use = 0, .is_in_use = true},
  };
  const auto room = [&](std::uint64_t bytes) {
    return cache.MakeRoom(loaded, {.reference = "a:1", .files = {{"a", bytes}}});
  };
  EXPECT_THAT(*room(20), IsEmpty());
  EXPECT_THAT(*room(21), ElementsAre("old"));
  EXPECT_THAT(*room(50), ElementsAre("old"));
  EXPECT_THAT(*room(51), ElementsAre("old", "new"));
  EXPECT_THAT(*room(80), ElementsAre("old", "new"));
  const auto full = room(81);
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.status().message()), HasSubstr("20 of 100 are in use"));
  EXPECT_THAT(
      std::string(
          cache.MakeRoom({}, {.reference = "a:1", .files = {{"a", 101}}}).status().message()),
      HasSubstr("raise the image memory budget"));
  EXPECT_EQ(ImageCache::Next(loaded), "old");
  EXPECT_EQ(ImageCache::Next(std::span(loaded).last(1)), "");
}

TEST(ImageCache, CountsAFileOnceHoweverManySetsHaveIt) {
  const ImageCache cache(100);
  const std::vector<CachedSet> loaded = {
      {.digest = "booting", .files = {{"kernel", 60}, {"a", 10}}, .is_in_use = true},
      {.digest = "idle", .files = {{"kernel", 60}, {"b", 10}}, .last_use = 1},
      {.digest = "other", .files = {{"c", 20}}, .last_use = 2}};
  const CachedSet next{.reference = "a:2", .files = {{"kernel", 60}, {"d", 10}}};
  EXPECT_THAT(*cache.MakeRoom(loaded, next), ElementsAre("idle"));
  EXPECT_THAT(*cache.MakeRoom(std::span(loaded).first(2), next), IsEmpty());
}

}  // namespace
}  // namespace slipway::control
