// SPDX-License-Identifier: Apache-2.0
//
// Archives at the door: what becomes a set, and what is refused, in which words, leaving nothing.
#include "control/image_store/archive_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "control/image_store/image_store.h"
#include "control/text.h"
#include "tests/unit/control/image_store/archives.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Keeps what it is given.
class KeptFiles final : public FileSink {
 public:
  absl::Status Begin(const std::string& path) override {
    path_ = path;
    files[path_].clear();
    return absl::OkStatus();
  }
  absl::Status Append(Bytes bytes) override {
    total += bytes.size();
    if (keep) files[path_] += AsText(bytes);
    return absl::OkStatus();
  }
  absl::Status End() override { return absl::OkStatus(); }
  absl::Status Same(const std::string& path, const std::string& as) override {
    files[path] = files.at(as);
    return absl::OkStatus();
  }

  bool keep = true;
  std::uint64_t total = 0;
  std::map<std::string, std::string> files;

 private:
  std::string path_;
};

struct Outcome {
  std::string words;  // empty: taken
  std::map<std::string, std::string> files;
  std::uint64_t total = 0;
};

Outcome Read(const std::string& archive, ArchiveKind kind = ArchiveKind::kTar,
             const UnpackLimits& limits = {}, bool keep = true) {
  KeptFiles sink;
  sink.keep = keep;
  const absl::Status status = ReadArchive(AsBytes(archive), kind, sink, limits);
  return {.words = std::string(status.message().data(), status.message().size()),
          .files = sink.files,
          .total = sink.total};
}

class ArchiveImport : public ::testing::Test {
 protected:
  ImageStore Open() {
    auto store = ImageStore::Open(folder_ / "store");
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  // Imports it, expects it to be refused, and nothing to be left; gives the words.
  std::string Refused(const std::string& name, const std::string& bytes) {
    ImageStore store = Open();
    const auto set = store.Import(folder_.Write(name, bytes), "a:1");
    EXPECT_EQ(set.status().code(), absl::StatusCode::kInvalidArgument) << set.status();
    EXPECT_THAT(*store.List(), IsEmpty());
    EXPECT_TRUE(fs::is_empty(folder_ / "store/.incoming"));
    EXPECT_TRUE(fs::is_empty(folder_ / "store/blobs/sha256"));
    return std::string(set.status().message().data(), set.status().message().size());
  }

  TemporaryFolder folder_;
};

TEST_F(ArchiveImport, ATreeIsTheSameSetHoweverItIsPacked) {
  const std::vector<PackedEntry> tree = {
      {.path = "EFI/BOOT/BOOTX64.EFI", .content = ProgramX64("boot")},
      {.path = "linux", .content = std::string(300000, 'k')},
      {.path = "empty"}};
  ImageStore store = Open();
  for (const PackedEntry& file : tree) folder_.Write("tree/" + file.path, file.content);
  const auto folder = store.Import(folder_ / "tree", "folder:1");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto import = [&](const char* name, const std::string& bytes) {
    const auto set = store.Import(folder_.Write(name, bytes), "a:1", {.as = ImportAs::kTree});
    ASSERT_TRUE(set.ok()) << name << ' ' << set.status();
    EXPECT_EQ(set->digest, folder->digest) << name;
  };
  import("tree.tar", Packed(tree));
  import("tree.TAR.gz", Packed(tree, "pax", "gzip"));
  import("tree.tgz", Packed(tree, "tar", "gzip"));
  import("tree.tar.xz", Packed(tree, "tar", "xz"));
  import("tree.tar.zst", Packed(tree, "pax", "zstd"));
  import("tree.iso", Packed(tree, "iso"));
}

TEST_F(ArchiveImport, ATarIsATreeAndAnIsoIsARamDiskUnlessItIsSaidOtherwise) {
  const std::vector<PackedEntry> tree = {{.path = "a.efi", .content = ProgramX64()}};
  ImageStore store = Open();
  const auto tar = store.Import(folder_.Write("a.tar", Packed(tree)), "a:1");
  ASSERT_TRUE(tar.ok()) << tar.status();
  EXPECT_THAT(tar->boot, ElementsAre(Pair("x64", "a.efi")));
  const fs::path iso = folder_.Write("a.iso", Packed(tree, "iso"));
  EXPECT_THAT(store.Import(iso, "a:2")->boot, ElementsAre(Pair("any", "a.iso")));
  EXPECT_THAT(store.Import(iso, "a:3", {.as = ImportAs::kRamDisk})->boot,
              ElementsAre(Pair("any", "a.iso")));
  EXPECT_THAT(store.Import(iso, "a:4", {.as = ImportAs::kTree})->boot,
              ElementsAre(Pair("x64", "a.efi")));
  const auto disk = store.Import(folder_ / "a.tar", "a:5", {.as = ImportAs::kRamDisk});
  EXPECT_THAT(disk.status().ToString(), AllOf(HasSubstr("a.tar"), HasSubstr("as a tree")));
}

TEST_F(ArchiveImport, WhatLeadsOutOrIsNoFileIsRefusedInWordsAndLeavesNothing) {
  struct Case {
    PackedEntry bad;
    std::vector<std::string> words;  // besides the archive's name
  };
  const std::string latin = "caf\xe9";
  const Case cases[] = {
      {{.path = "/etc/passwd", .content = "x"}, {"\"/etc/passwd\"", "is absolute"}},
      {{.path = "../up", .content = "x"}, {"\"../up\"", "leads out of the tree by \"..\""}},
      {{.path = "a/../../up", .content = "x"}, {"\"a/../../up\"", "\"..\""}},
      {{.path = "..", .type = AE_IFDIR}, {"\"..", "leads out"}},
      {{.path = "a\\b", .content = "x"}, {"\"a\\b\"", "has a backslash"}},
      {{.path = "a\nb", .content = "x"}, {"\"a\\x0ab\"", "has a control character"}},
      {{.path = latin, .content = "x"}, {"\"caf\\xe9\"", "is not UTF-8"}},
      {{.path = std::string(600, 'n'), .content = "x"}, {"nnn", "longer than 512 bytes"}},
      {{.path = "d/out", .type = AE_IFLNK, .link = "../../secret"},
       {"\"d/out\"", "\"../../secret\"", "leads out of the tree", "--dereference"}},
      {{.path = "out", .type = AE_IFLNK, .link = "/etc/shadow"},
       {"\"out\"", "\"/etc/shadow\"", "leads out of the tree"}},
      {{.path = "long", .type = AE_IFLNK, .link = std::string(5000, 'a')},
       {"\"long\"", "a link of 5000 bytes"}},
      {{.path = "hard", .hard_link = "good.efi"},
       {"\"hard\"", "hard link to \"good.efi\"", "--hard-dereference"}},
      {{.path = "null", .type = AE_IFCHR}, {"\"null\"", "a device node", "without that entry"}},
      {{.path = "disk", .type = AE_IFBLK}, {"\"disk\"", "a device node"}},
      {{.path = "pipe", .type = AE_IFIFO}, {"\"pipe\"", "a pipe"}},
      {{.path = "./good.efi", .content = "x"}, {"\"good.efi\"", "stands twice"}},
      {{.path = "d//./good", .type = AE_IFLNK, .link = "good"}, {"\"d/good\"", "stands twice"}},
  };
  for (const Case& each : cases) {
    const std::string words =
        Refused("tree.tar", Packed({{.path = "good.efi", .content = ProgramX64()},
                                    {.path = "d/good", .content = "y"},
                                    each.bad}));
    EXPECT_THAT(words, HasSubstr("tree.tar: entry "));
    for (const std::string& word : each.words) EXPECT_THAT(words, HasSubstr(word));
  }
}

TEST_F(ArchiveImport, WhatWasThereStaysWhenARefusedArchiveHoldsTheSameBytes) {
  ImageStore store = Open();
  const auto kept = store.Import(folder_.Write("a.efi", ProgramX64("kept")), "kept:1");
  ASSERT_TRUE(kept.ok());
  const std::string bytes = Packed({{.path = "a.efi", .content = ProgramX64("kept")},
                                    {.path = "b", .content = "fresh"},
                                    {.path = "../c", .content = "c"}});
  EXPECT_FALSE(store.Import(folder_.Write("bad.tar", bytes), "bad:1").ok());
  std::vector<std::uint8_t> loaded(ProgramX64("kept").size());
  EXPECT_TRUE(store.Load(kept->files.front().digest, loaded).ok());
  std::size_t blobs = 0;
  for ([[maybe_unused]] const auto& each : fs::directory_iterator(store.blobs())) ++blobs;
  EXPECT_EQ(blobs, 3U) << "the file, its manifest and the empty configuration";
}

TEST_F(ArchiveImport, AFolderWithANameThatIsNotUtf8IsRefused) {
  folder_.Write("tree/a.efi", ProgramX64());
  folder_.Write("tree/caf\xe9", "x");
  ImageStore store = Open();
  const auto set = store.Import(folder_ / "tree", "a:1");
  EXPECT_THAT(set.status().ToString(), AllOf(HasSubstr("caf\\xe9"), HasSubstr("is not UTF-8")));
}

TEST(Archive, NamesInEveryCharsetArriveAsUtf8) {
  const std::string name =
      "gr\xc3\xb6\xc3\x9f"
      "e/\xe6\xbc\xa2.txt";
  const std::vector<PackedEntry> tree = {{.path = name, .content = "x"}};
  EXPECT_THAT(Read(Packed(tree)).files, ElementsAre(Pair(name, "x")));
  EXPECT_THAT(Read(Packed(tree, "pax")).files, ElementsAre(Pair(name, "x")));
  EXPECT_THAT(Read(Packed(tree, "iso"), ArchiveKind::kIso).files, ElementsAre(Pair(name, "x")));
}

TEST(Archive, LinksInsideTheTreeAreOtherNamesOfTheirFiles) {
  const std::vector<PackedEntry> tree = {{.path = "d/file", .content = "bytes"},
                                         {.path = "near", .type = AE_IFLNK, .link = "d/file"},
                                         {.path = "d/chain", .type = AE_IFLNK, .link = "../near"},
                                         {.path = "dangling", .type = AE_IFLNK, .link = "nothing"},
                                         {.path = "folder", .type = AE_IFLNK, .link = "d"},
                                         {.path = "root", .type = AE_IFLNK, .link = "."},
                                         {.path = "a", .type = AE_IFLNK, .link = "b"},
                                         {.path = "b", .type = AE_IFLNK, .link = "a"}};
  for (const bool iso : {false, true}) {
    const Outcome read =
        Read(Packed(tree, iso ? "iso" : "tar"), iso ? ArchiveKind::kIso : ArchiveKind::kTar);
    EXPECT_EQ(read.words, "");
    EXPECT_THAT(read.files, ElementsAre(Pair("d/chain", "bytes"), Pair("d/file", "bytes"),
                                        Pair("near", "bytes")));
  }
}

TEST(Archive, FilesOfAnIsoThatShareTheirExtentsAreBothThere) {
  const Outcome read =
      Read(Packed({{.path = "install.amd/vmlinuz", .content = "kernel"},
                   {.path = "install.amd/gtk/vmlinuz", .hard_link = "install.amd/vmlinuz"}},
                  "iso"),
           ArchiveKind::kIso);
  EXPECT_EQ(read.words, "");
  EXPECT_THAT(read.files, ElementsAre(Pair("install.amd/gtk/vmlinuz", "kernel"),
                                      Pair("install.amd/vmlinuz", "kernel")));
}

TEST(Archive, ZerosThatUnpackToAThousandTimesTheirSizeAreRefusedOnTheWay) {
  const std::string bomb = Packed(
      {{.path = "zeros", .content = std::string(std::size_t{160} << 20, '\0')}}, "tar", "gzip");
  ASSERT_LT(bomb.size(), std::size_t{200} << 10);
  const Outcome read = Read(bomb, ArchiveKind::kTar, {}, false);
  EXPECT_THAT(read.words, AllOf(HasSubstr("entry \"zeros\""), HasSubstr("at most 200 for each"),
                                HasSubstr("67108864")));
  EXPECT_LE(read.total, (std::uint64_t{64} << 20) + 201 * bomb.size() + (1U << 20));
  // Many times the allowance passes where the archive itself is large.
  EXPECT_EQ(Read(bomb, ArchiveKind::kTar, {.ratio = 2000}, false).words, "");
}

// Each hides eight megabytes of zeros where no file is: in a folder of GNU's incremental kind, and
// behind a link that pax says is as large.
TEST(Archive, WhatFoldersAndLinksHoldIsBoundedAsFilesAre) {
  constexpr std::size_t kHidden = std::size_t{8} << 20;
  const std::string zeros(kHidden, '\0');
  const std::string end(1024, '\0');
  const auto padded = [](std::string text) { return text.append(512 - text.size() % 512, '\0'); };
  const std::string folder = TarHeader("folder/", kHidden, 'D') + zeros;
  const std::string link = TarHeader("pax", 16, 'x') + padded("16 size=8388608\n") +
                           TarHeader("link", 0, '2', "a") + zeros;
  for (const auto& [name, hidden] : {std::pair("folder", folder), std::pair("link", link)}) {
    const std::string tar = Gzipped(hidden + TarHeader("a", 0) + end);
    const UnpackLimits tight{.ratio = 2, .allowance = std::uint64_t{1} << 20};
    EXPECT_THAT(Read(tar, ArchiveKind::kTar, tight).words,
                AllOf(HasSubstr(Text("entry \"", name)), HasSubstr("unpacks the archive to more")));
    EXPECT_EQ(Read(tar).words, "") << name;
  }
}

// So do headers: pax may say anything of any length.
TEST(Archive, WhatHeadersHoldIsBounded) {
  std::string tar;
  constexpr std::size_t kComment = std::size_t{512} << 10;
  for (int i = 0; i < 16; ++i) {
    std::string comment = Text(kComment, " comment=");
    comment.resize(kComment - 1, 'c');
    comment += '\n';
    tar += TarHeader("pax", kComment, 'x') + comment + TarHeader(Text("f", i), 0);
  }
  tar = Gzipped(tar + std::string(1024, '\0'));
  EXPECT_EQ(Read(tar).words, "");
  EXPECT_THAT(Read(tar, ArchiveKind::kTar, {.ratio = 2, .allowance = std::uint64_t{1} << 20}).words,
              HasSubstr("unpacks the archive to more than"));
}

TEST(Archive, AGzipWhoseChecksumIsNotThatOfItsBytesIsRefused) {
  const std::string tar = Packed({{.path = "a", .content = std::string(5000, 'a')}});
  const std::string packed = Gzipped(tar);
  EXPECT_EQ(Read(packed).words, "");
  for (const std::size_t from_end : {8U, 5U, 4U, 1U}) {  // the CRC-32, then the length
    std::string wrong = packed;
    wrong[wrong.size() - from_end] ^= 1;
    EXPECT_THAT(Read(wrong).words, HasSubstr("its gzip packing is damaged")) << from_end;
  }
  for (std::size_t size = 2; size < packed.size(); ++size) {
    EXPECT_THAT(Read(packed.substr(0, size)).words, HasSubstr("cut short")) << size;
  }
  // pigz and cat make several members; tapes fill up with zeros.
  const std::string members = Gzipped(tar.substr(0, 3000)) + Gzipped(tar.substr(3000));
  EXPECT_THAT(Read(members + std::string(100, '\0')).files,
              ElementsAre(Pair("a", std::string(5000, 'a'))));
  EXPECT_THAT(Read(packed + "rest").words, HasSubstr("its gzip packing is damaged"));
  // What is behind the tar's end is looked at to the checksum, but not for ever.
  const std::string long_tail = Gzipped(tar + std::string(std::size_t{4} << 20, '\0'));
  EXPECT_EQ(Read(long_tail).words, "");
  EXPECT_THAT(Read(long_tail, ArchiveKind::kTar, {.allowance = 1 << 20}).words,
              HasSubstr("goes on behind its end"));
}

TEST(Archive, AbsurdSizesAreRefusedBeforeAByteIsRead) {
  const std::string terabyte = TarHeader("huge.img", std::uint64_t{1} << 40);
  const Outcome read = Read(terabyte + std::string(4096, 'x'));
  EXPECT_THAT(read.words, AllOf(HasSubstr("entry \"huge.img\""),
                                HasSubstr("says that it has 1099511627776 bytes"),
                                HasSubstr("at most 17179869184")));
  EXPECT_EQ(read.total, 0U);
}

TEST(Archive, EachLimitHoldsAndSaysItsValue) {
  const std::string tar = Packed({{.path = "d", .type = AE_IFDIR},
                                  {.path = "a", .content = std::string(1000, 'a')},
                                  {.path = "b", .content = std::string(1000, 'b')},
                                  {.path = "c", .type = AE_IFLNK, .link = "a"}});
  EXPECT_EQ(Read(tar, ArchiveKind::kTar, {.files = 3, .entries = 4, .file_bytes = 1000}).words, "");
  EXPECT_THAT(Read(tar, ArchiveKind::kTar, {.files = 2}).words,
              AllOf(HasSubstr("\"c\""), HasSubstr("comes after 2 other files")));
  EXPECT_THAT(Read(tar, ArchiveKind::kTar, {.entries = 3}).words,
              AllOf(HasSubstr("\"c\""), HasSubstr("comes after 3 others")));
  EXPECT_THAT(Read(tar, ArchiveKind::kTar, {.file_bytes = 999}).words,
              AllOf(HasSubstr("\"a\""), HasSubstr("says that it has 1000 bytes")));
  EXPECT_THAT(Read(tar, ArchiveKind::kTar, {.bytes = 1999}).words,
              AllOf(HasSubstr("\"b\""), HasSubstr("more than 1999 bytes")));
}

TEST(Archive, WhatIsCutOrIsNoArchiveIsRefused) {
  const std::string tar = Packed({{.path = "a", .content = std::string(5000, 'a')}});
  EXPECT_THAT(Read(tar.substr(0, 2000)).words, HasSubstr("cannot be read as tar"));
  const std::string zst = Packed({{.path = "a", .content = std::string(5000, 'a')}}, "tar", "zstd");
  for (std::size_t size = 1; size < zst.size(); ++size) {
    EXPECT_THAT(Read(zst.substr(0, size)).words, HasSubstr("cannot be read as tar")) << size;
  }
  EXPECT_THAT(Read("no archive at all").words, HasSubstr("cannot be read as tar"));
  const std::string iso = Packed({{.path = "a", .content = std::string(5000, 'a')}}, "iso");
  EXPECT_THAT(Read(tar, ArchiveKind::kIso).words,
              AllOf(HasSubstr("cannot be read as ISO 9660"), HasSubstr("--as ramdisk")));
  EXPECT_THAT(Read(iso.substr(0, 40000), ArchiveKind::kIso).words, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace slipway::control
