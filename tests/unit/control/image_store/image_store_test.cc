// SPDX-License-Identifier: Apache-2.0
//
// The image store on a real disk: importing, finding, loading, removing, and dying on the way.
#include "control/image_store/image_store.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "control/image_store/digest.h"
#include "protocols/base/entropy.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ImageStoreTest : public ::testing::Test {
 protected:
  ImageStore Open() {
    auto store = ImageStore::Open(folder_ / "store");
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  std::string Loaded(const ImageStore& store, const ImageFile& file) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file.size));
    const absl::Status status = store.Load(file.digest, bytes);
    return status.ok() ? std::string(AsText(bytes)) : status.ToString();
  }
  fs::path Blob(const std::string& digest) { return folder_ / "store/blobs/sha256" / digest; }

  // An ISO 9660 image with Rock Ridge, holding these files.
  fs::path Iso(const std::map<std::string, std::string>& files) {
    fs::path path = folder_ / "disk.iso";
    archive* writer = archive_write_new();
    archive_write_set_format_iso9660(writer);
    EXPECT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
    for (const auto& [name, content] : files) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, name.c_str());
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0644);
      archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
      EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
      archive_write_data(writer, content.data(), content.size());
      archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(ImageStoreTest, ImportsATreeAndGivesItBackByteForByte) {
  folder_.Write("tree/EFI/BOOT/BOOTX64.EFI", ProgramX64("boot"));
  folder_.Write("tree/linux", "kernel");
  folder_.Write("tree/empty", "");
  ImageStore store = Open();
  const auto set = store.Import(folder_ / "tree", "debian:12");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->boot, UnorderedElementsAre(Pair("x64", "EFI/BOOT/BOOTX64.EFI")));

  const auto again = Open().Resolve("debian:12");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->digest, set->digest);
  EXPECT_EQ(again->created, set->created);
  EXPECT_EQ(again->files, set->files);
  EXPECT_EQ(Loaded(store, *again->Find("linux")), "kernel");
  EXPECT_EQ(Loaded(store, *again->Find("empty")), "");
  EXPECT_EQ(Loaded(store, *again->BootFile("x64")), ProgramX64("boot"));
  EXPECT_EQ(again->BootFile("x64")->media_type, "application/efi");
  EXPECT_EQ(again->BootFile("aa64"), nullptr);
}

TEST_F(ImageStoreTest, TheSameTreeHasTheSameDigestWheneverItIsImported) {
  folder_.Write("tree/a.efi", ProgramX64());
  ImageStore store = Open();
  const auto first = store.Import(folder_ / "tree", "a:1", {.created = 1});
  const auto second = store.Import(folder_ / "tree", "b:1", {.created = 2});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->digest, second->digest);
  EXPECT_THAT(*store.List(), SizeIs(2));
}

TEST_F(ImageStoreTest, KeepsAnIsoWholeAsARamDiskUnlessItsTreeIsAskedFor) {
  const fs::path iso = Iso({{"EFI/BOOT/BOOTAA64.EFI", ProgramAa64("inside")}, {"a/b.txt", "text"}});
  ImageStore store = Open();
  const auto whole = store.Import(iso, "disk:iso");
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_THAT(whole->files, SizeIs(1));
  EXPECT_EQ(whole->BootFile("x64")->path, "disk.iso");
  EXPECT_EQ(whole->BootFile("x64")->media_type, "application/vnd.efi-iso");

  const auto tree = store.Import(iso, "disk:tree", {.as = ImportAs::kTree});
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_THAT(tree->boot, UnorderedElementsAre(Pair("aa64", "EFI/BOOT/BOOTAA64.EFI")));
  EXPECT_EQ(Loaded(store, *tree->Find("EFI/BOOT/BOOTAA64.EFI")), ProgramAa64("inside"));
  EXPECT_EQ(Loaded(store, *tree->Find("a/b.txt")), "text");
}

TEST_F(ImageStoreTest, ArchitecturesMayBeSaidAsRulesSayThem) {
  folder_.Write("tree/a.efi", ProgramAa64("a"));
  folder_.Write("tree/b.efi", ProgramAa64("b"));
  ImageStore store = Open();
  const auto set = store.Import(
      folder_ / "tree", "a:1", {.boot = {{"arm64", "b.efi"}}, .arguments = {{"aarch64", "quiet"}}});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->boot, UnorderedElementsAre(Pair("aa64", "b.efi")));
  EXPECT_THAT(set->arguments, UnorderedElementsAre(Pair("aa64", "quiet")));
}

TEST_F(ImageStoreTest, RefusesATreeThatLeadsOutOfItself) {
  folder_.Write("secret", "not for boot");
  folder_.Write("tree/a.efi", ProgramX64());
  fs::create_symlink("../secret", folder_ / "tree/link");
  ImageStore store = Open();
  const auto set = store.Import(folder_ / "tree", "a:1");
  ASSERT_EQ(set.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("leads out"));

  fs::remove(folder_ / "tree/link");
  fs::create_symlink("a.efi", folder_ / "tree/inside.efi");
  const auto inside = store.Import(folder_ / "tree", "a:1", {.boot = {{"x64", "a.efi"}}});
  ASSERT_TRUE(inside.ok()) << inside.status();
  EXPECT_EQ(Loaded(store, *inside->Find("inside.efi")), ProgramX64());
}

TEST_F(ImageStoreTest, LeavesNothingVisibleWhenAnImportFails) {
  folder_.Write("tree/readme", "no boot file");
  folder_.Write("tree/more", "nor here");
  ImageStore store = Open();
  EXPECT_FALSE(store.Import(folder_ / "tree", "a:1").ok());
  EXPECT_FALSE(store.Import(folder_ / "nowhere", "a:1").ok());
  EXPECT_FALSE(store.Import(folder_ / "tree", "A:1").ok());
  EXPECT_THAT(*store.List(), IsEmpty());
  EXPECT_EQ(store.Resolve("a:1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(folder_ / "store/.incoming"));
}

TEST_F(ImageStoreTest, RefusesABlobWhoseBytesChangedByOneBitAnywhere) {
  const std::string content = ProgramX64("some more bytes");
  ImageStore store = Open();
  const auto set = store.Import(folder_.Write("a.efi", content), "a:1");
  ASSERT_TRUE(set.ok()) << set.status();
  const ImageFile& file = set->files.front();
  for (std::size_t bit = 0; bit < content.size() * 8; ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    folder_.Write("store/blobs/sha256/" + file.digest, damaged);
    std::vector<std::uint8_t> bytes(content.size());
    ASSERT_EQ(store.Load(file.digest, bytes).code(), absl::StatusCode::kDataLoss) << bit;
  }
  for (std::size_t size = 0; size < content.size(); ++size) {
    fs::resize_file(Blob(file.digest), size);
    std::vector<std::uint8_t> bytes(content.size());
    ASSERT_EQ(store.Load(file.digest, bytes).code(), absl::StatusCode::kDataLoss) << size;
    folder_.Write("store/blobs/sha256/" + file.digest, content);
  }
  // Importing again mends it.
  folder_.Write("store/blobs/sha256/" + file.digest, "torn");
  ASSERT_TRUE(store.Import(folder_ / "a.efi", "a:1").ok());
  EXPECT_EQ(Loaded(store, file), content);
}

TEST_F(ImageStoreTest, RefusesAChangedManifestAndABrokenIndex) {
  ImageStore store = Open();
  const auto set = store.Import(folder_.Write("a.efi", ProgramX64()), "a:1");
  ASSERT_TRUE(set.ok());
  folder_.Write("store/blobs/sha256/" + set->digest, "{}");
  EXPECT_EQ(store.Resolve("a:1").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(store.CollectGarbage({}).ok()) << "an unreadable set keeps everything";
  for (const std::string_view index :
       {"", "{}", "[", "{\"manifests\":[{}]}", "{\"manifests\":1}"}) {
    folder_.Write("store/index.json", index);
    EXPECT_EQ(ImageStore::Open(folder_ / "store").status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(ImageStoreTest, AnIndexThatSomebodyElseWroteIsReadAnewHoweverAlikeItLooks) {
  ImageStore store = Open();
  ASSERT_TRUE(store.Import(folder_.Write("a.efi", ProgramX64("a")), "a:1").ok());
  ASSERT_TRUE(store.Import(folder_.Write("b.efi", ProgramX64("b")), "b:1").ok());
  ASSERT_EQ(store.List()->size(), 2u);
  // In place, as long as before, and of the same time.
  const fs::path index = folder_ / "store/index.json";
  const auto time = fs::last_write_time(index);
  std::ifstream file(index);
  std::string text(std::istreambuf_iterator<char>(file), {});
  text.replace(text.find("a:1"), 3, "c:2");
  folder_.Write("store/index.json", text);
  fs::last_write_time(index, time);
  std::vector<std::string> references;
  const auto listed = store.List();
  for (const ImageSet& set : *listed) references.push_back(set.reference);
  EXPECT_THAT(references, UnorderedElementsAre("b:1", "c:2"));
  EXPECT_TRUE(store.Resolve("c:2").ok());
  EXPECT_EQ(store.Resolve("a:1").status().code(), absl::StatusCode::kNotFound);
  // What was read last is no answer while what lies there is torn.
  folder_.Write("store/index.json", text.substr(0, text.size() / 2));
  EXPECT_EQ(store.List().status().code(), absl::StatusCode::kDataLoss);
  folder_.Write("store/index.json", text);
  EXPECT_EQ(store.List()->size(), 2u);
}

TEST_F(ImageStoreTest, CollectsWhatNothingLeadsToAndNothingThatIsPinned) {
  ImageStore store = Open();
  const auto kept = store.Import(folder_.Write("kept.efi", ProgramX64("kept")), "kept:1");
  const auto gone = store.Import(folder_.Write("gone.efi", ProgramX64("gone")), "gone:1");
  ASSERT_TRUE(kept.ok() && gone.ok());
  EXPECT_EQ(*store.CollectGarbage({}), 0U);
  ASSERT_TRUE(store.Remove("gone:1").ok());
  EXPECT_EQ(store.Remove("gone:1").code(), absl::StatusCode::kNotFound);
  const ImageFile& file = gone->files.front();
  EXPECT_GT(*store.CollectGarbage({file.digest}), 0U) << "its manifest";
  EXPECT_EQ(Loaded(store, file), ProgramX64("gone"));
  EXPECT_EQ(*store.CollectGarbage({}), file.size);
  EXPECT_FALSE(fs::exists(Blob(file.digest)));
  EXPECT_EQ(Loaded(store, kept->files.front()), ProgramX64("kept"));
}

TEST_F(ImageStoreTest, IsAnOciImageLayout) {
  ImageStore store = Open();
  const auto set = store.Import(folder_.Write("a.efi", ProgramX64()), "a:1");
  ASSERT_TRUE(set.ok());
  const auto read = [&](const fs::path& path) {
    std::ifstream file(path);
    return nlohmann::json::parse(file);
  };
  EXPECT_EQ(read(folder_ / "store/oci-layout")["imageLayoutVersion"], "1.0.0");
  const auto index = read(folder_ / "store/index.json");
  EXPECT_EQ(index["schemaVersion"], 2);
  const auto& entry = index["manifests"][0];
  EXPECT_EQ(entry["annotations"]["org.opencontainers.image.ref.name"], "a:1");
  EXPECT_EQ(entry["digest"], "sha256:" + set->digest);
  EXPECT_EQ(entry["size"], fs::file_size(Blob(set->digest)));
  const auto manifest = read(Blob(set->digest));
  EXPECT_EQ(manifest["artifactType"], kArtifactType);
  EXPECT_EQ(manifest["layers"][0]["annotations"]["org.opencontainers.image.title"], "a.efi");
  EXPECT_EQ(manifest["annotations"]["dev.slipway.boot.x64"], "a.efi");
  EXPECT_TRUE(fs::exists(Blob(std::string(manifest["config"]["digest"]).substr(7))));
}

// Whoever opens the store, or collects, leaves alone what is coming in; what a crash left goes.
TEST_F(ImageStoreTest, WhatIsComingInStaysUntilItsImportIsOver) {
  ImageStore store = Open();
  const fs::path left = store.incoming() / "import-abcdef";
  {
    const auto staged = store.Stage(folder_.Write("a.efi", ProgramX64()), "a:1", {});
    ASSERT_TRUE(staged.ok()) << staged.status();
    fs::create_directory(left);
    EXPECT_EQ(*Open().CollectGarbage({}), 0u);
    EXPECT_FALSE(fs::exists(left));
    EXPECT_THAT(*store.List(), IsEmpty());
    const auto refused =
        store.Commit(*staged, [](const ImageSet&) { return absl::InternalError("no"); });
    EXPECT_FALSE(refused.ok());
    EXPECT_TRUE(fs::is_empty(store.blobs()));
  }
  EXPECT_TRUE(fs::is_empty(store.incoming()));
}

// An importer swaps two versions for ever; whenever it is killed, one of them is there, whole.
TEST_F(ImageStoreTest, AKilledImporterLeavesTheOldSetOrTheNewNeverATornOne) {
  folder_.Write("one/a.efi", ProgramX64(std::string(300000, '1')));
  folder_.Write("one/b", std::string(70000, 'b'));
  folder_.Write("two/a.efi", ProgramX64(std::string(200000, '2')));
  std::set<std::string> expected;
  for (const char* source : {"one", "two"}) {
    const auto set = Open().Import(folder_ / source, "a:1");
    ASSERT_TRUE(set.ok()) << set.status();
    expected.insert(set->digest);
  }
  const std::uint64_t seed = 20261122;
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededEntropy entropy(seed);
  for (int round = 0; round < 60; ++round) {
    const pid_t importer = ::fork();
    ASSERT_GE(importer, 0);
    if (importer == 0) {
      auto store = ImageStore::Open(folder_ / "store");
      for (int i = 0; store.ok(); ++i) {
        if (!store->Import(folder_ / (i % 2 == 0 ? "one" : "two"), "a:1").ok()) break;
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(entropy.Below(30000)));
    ::kill(importer, SIGKILL);
    int status = 0;
    ::waitpid(importer, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the importer failed by itself";

    ImageStore store = Open();
    EXPECT_TRUE(fs::is_empty(folder_ / "store/.incoming"));
    const auto set = store.Resolve("a:1");
    ASSERT_TRUE(set.ok()) << set.status();
    EXPECT_TRUE(expected.contains(set->digest));
    for (const ImageFile& file : set->files) {
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file.size));
      ASSERT_TRUE(store.Load(file.digest, bytes).ok());
    }
    ASSERT_TRUE(store.CollectGarbage({}).ok());
  }
}

}  // namespace
}  // namespace slipway::control
