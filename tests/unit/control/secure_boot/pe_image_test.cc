// SPDX-License-Identifier: Apache-2.0
//
// PE/COFF: images built by hand with every field wrong in turn, and real loaders, whose digests
// efitools' hash-to-efi-sig-list knows too.
#include "control/secure_boot/pe_image.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& bytes) {
  const auto image = ParsePe(AsBytes(bytes));
  return image.ok() ? ""
                    : std::string(image.status().message().data(), image.status().message().size());
}

TEST(PeImage, BothFormatsAndEveryArchitectureAreRead) {
  const std::pair<std::uint16_t, const char*> machines[] = {
      {0x8664, "x64"},     {0x014c, "ia32"},        {0xaa64, "aa64"},
      {0x5064, "riscv64"}, {0x6264, "loongarch64"}, {0x01f0, ""}};
  for (const auto& [machine, name] : machines) {
    for (const bool plus : {false, true}) {
      const std::string bytes = PeBuilder{.machine = machine, .pe32_plus = plus}.Build();
      const auto image = ParsePe(AsBytes(bytes));
      ASSERT_TRUE(image.ok()) << image.status();
      EXPECT_EQ(image->architecture, name);
      EXPECT_EQ(image->is_pe32_plus, plus);
      EXPECT_TRUE(image->has_efi_subsystem());
      EXPECT_FALSE(image->is_signed());
    }
  }
}

TEST(PeImage, SectionsEndWhereTheirVirtualSizeEnds) {
  const std::string bytes =
      PeBuilder{.sections = {{".text", "code"}, {".osrel", "ID=debian\n"}, {".sbat", "sbat,1\n"}}}
          .Build();
  const auto image = ParsePe(AsBytes(bytes));
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_NE(image->Find(".osrel"), nullptr);
  EXPECT_EQ(AsText(image->Find(".osrel")->content), "ID=debian\n");
  EXPECT_EQ(image->Find(".osrel")->raw.size(), 0x200u);
  EXPECT_EQ(image->Find(".linux"), nullptr);
}

TEST(PeImage, TheDigestLeavesOutTheChecksumAndTheCertificateEntryAlone) {
  const PeBuilder builder;
  const std::string bytes = builder.Build();
  const auto digest = [](const std::string& of) {
    return ImageDigest(*ParsePe(AsBytes(of)), DigestAlgorithm::kSha256);
  };
  std::string expected = bytes;
  expected.erase(builder.CertificateEntry(), 8);
  expected.erase(PeBuilder::kOptional + 64, 4);
  EXPECT_EQ(digest(bytes), DigestOf(DigestAlgorithm::kSha256, AsBytes(expected)));
  EXPECT_NE(digest(bytes + "tail"), digest(bytes));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    const auto image = ParsePe(AsBytes(flipped));
    if (!image.ok()) continue;
    const bool left_out =
        at - (PeBuilder::kOptional + 64) < 4 || at - builder.CertificateEntry() < 8;
    EXPECT_EQ(ImageDigest(*image, DigestAlgorithm::kSha256) == digest(bytes), left_out) << at;
  }
}

TEST(PeImage, SectionsAreHashedInTheOrderOfTheFile) {
  PeBuilder builder{.sections = {{".a", "first"}, {".b", "second"}}};
  const std::string bytes = builder.Build();
  std::string swapped = bytes;  // the headers, not the sections
  swapped.replace(builder.SectionTable(), 40, bytes.substr(builder.SectionTable() + 40, 40));
  swapped.replace(builder.SectionTable() + 40, 40, bytes.substr(builder.SectionTable(), 40));
  std::string expected = swapped;
  expected.erase(builder.CertificateEntry(), 8);
  expected.erase(PeBuilder::kOptional + 64, 4);
  const auto image = ParsePe(AsBytes(swapped));
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->sections.front().name, ".b");
  EXPECT_EQ(ImageDigest(*image, DigestAlgorithm::kSha256),
            DigestOf(DigestAlgorithm::kSha256, AsBytes(expected)));
}

TEST(PeImage, WhatIsNotWellFormedIsRefusedInWords) {
  const PeBuilder builder{.sections = {{".a", "first"}, {".b", "second"}}};
  const std::string good = builder.Build();
  struct Wrong {
    std::size_t offset;
    std::uint32_t value;
    std::size_t size;
    const char* words;
  };
  const std::size_t pe = PeBuilder::kPe;
  const std::size_t optional = PeBuilder::kOptional;
  const std::size_t second = builder.SectionTable() + 40;
  for (const Wrong& wrong :
       {Wrong{0, 0x4141, 2, "\"MZ\""}, Wrong{0x3c, 0xfffffff0, 4, "no PE header"},
        Wrong{pe, 0x4551, 4, "no PE header"}, Wrong{pe + 6, 0xffff, 2, "section headers"},
        Wrong{pe + 20, 0xffff, 2, "section headers"}, Wrong{pe + 20, 16, 2, "NumberOfRvaAndSizes"},
        Wrong{optional, 0x107, 2, "PE32"}, Wrong{optional + 60, 0, 4, "SizeOfHeaders"},
        Wrong{optional + 60, 0xffffffff, 4, "SizeOfHeaders"},
        Wrong{builder.Directories() - 4, 17, 4, "NumberOfRvaAndSizes"},
        Wrong{builder.Directories() - 4, 0xffffffff, 4, "NumberOfRvaAndSizes"},
        Wrong{builder.CertificateEntry() + 4, 0xffffff00, 4, "cut short"},
        Wrong{builder.CertificateEntry() + 4, 8, 4, "within its headers"},
        Wrong{second + 16, 0x10000, 4, ".b leads beyond the file"},
        Wrong{second + 20, 0xfffffe00, 4, ".b leads beyond the file"},
        Wrong{second + 20, 0x500, 4, "overlap"}, Wrong{second + 20, 0x10, 4, "overlap"}}) {
    std::string bytes = good;
    PutLittle(bytes, wrong.offset, wrong.value, wrong.size);
    EXPECT_THAT(ErrorOf(bytes), HasSubstr(wrong.words)) << wrong.offset;
  }
}

TEST(PeImage, ACutFileIsRefusedWhereverItIsCut) {
  const std::string good = PeBuilder{}.Build();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string cut = good.substr(0, size);
    EXPECT_NE(ErrorOf(cut), "") << size;
  }
}

TEST(PeImage, TheCertificateTableIsWalkedAsFirmwareDoes) {
  const PeBuilder builder;
  const auto with = [&](const std::string& table) {
    std::string bytes = builder.Build();
    PutLittle(bytes, builder.CertificateEntry(), bytes.size(), 4);
    PutLittle(bytes, builder.CertificateEntry() + 4, table.size(), 4);
    return bytes + table;
  };
  const auto entry = [](std::uint32_t length, std::uint16_t type) {
    std::string bytes(std::size_t{(std::max(length, 8u) + 7) / 8} * 8, '\xaa');
    PutLittle(bytes, 0, length, 4);
    PutLittle(bytes, 4, 0x200, 2);
    PutLittle(bytes, 6, type, 2);
    return bytes;
  };
  const std::string two = with(entry(13, kWinCertTypePkcs) + entry(24, kWinCertTypeGuid));
  const auto image = ParsePe(AsBytes(two));
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->certificates.size(), 2u);
  EXPECT_EQ(image->certificates[0].content.size(), 5u);
  EXPECT_EQ(image->certificates[1].type, kWinCertTypeGuid);
  EXPECT_EQ(image->certificate_table_fault, "");
  EXPECT_EQ(ImageDigest(*image, DigestAlgorithm::kSha256),
            ImageDigest(*ParsePe(AsBytes(builder.Build())), DigestAlgorithm::kSha256));
  for (const std::uint32_t length : {0u, 7u, 8u, 17u, 0xffffffffu}) {
    std::string table = entry(16, kWinCertTypePkcs);
    PutLittle(table, 0, length, 4);
    const std::string bytes = with(table);
    const auto wrong = ParsePe(AsBytes(bytes));
    ASSERT_TRUE(wrong.ok()) << wrong.status();
    EXPECT_THAT(wrong->certificate_table_fault, HasSubstr("impossible length")) << length;
  }
}

TEST(PeImage, WithoutACertificateDirectoryTheWholeHeaderIsHashed) {
  const PeBuilder builder{.directories = 4};
  const std::string bytes = builder.Build();
  const auto image = ParsePe(AsBytes(bytes));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE(image->certificate_entry_offset.has_value());
  std::string expected = bytes;
  expected.erase(PeBuilder::kOptional + 64, 4);
  EXPECT_EQ(ImageDigest(*image, DigestAlgorithm::kSha256),
            DigestOf(DigestAlgorithm::kSha256, AsBytes(expected)));
}

TEST(PeImage, UnsignedLoadersHaveTheDigestThatEfitoolsComputes) {
  const TemporaryFolder folder;
  for (const char* path : {kUnsignedLoader, "/usr/lib/shim/shimx64.efi", "/usr/lib/shim/mmx64.efi",
                           "/usr/lib/shim/fbx64.efi", "/usr/lib/systemd/boot/efi/linuxx64.efi.stub",
                           "/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi", "/boot/ipxe.efi"}) {
    std::string bytes = ReadAll(path);
    if (bytes.empty()) continue;
    // Signers pad a file to eight bytes before they hash it, firmware takes it as it is.
    bytes.resize((bytes.size() + 7) / 8 * 8);
    const auto padded = folder.Write("padded.efi", bytes);
    const Ran ran =
        Shell(Text("hash-to-efi-sig-list ", padded.string(), " ", (folder / "list").string()));
    const auto image = ParsePe(AsBytes(bytes));
    ASSERT_TRUE(image.ok()) << path << ": " << image.status();
    const std::string digest = ImageDigest(*image, DigestAlgorithm::kSha256);
    EXPECT_THAT(ran.text, HasSubstr("HASH IS " + Hex(AsBytes(digest)))) << path;
  }
  EXPECT_FALSE(ReadAll(kUnsignedLoader).empty()) << "systemd-boot-efi is not installed";
}

TEST(PeImage, ShimsLongSectionNamesAreResolved) {
  const std::string bytes = ReadAll(kShim);
  ASSERT_FALSE(bytes.empty()) << "shim-signed is not installed";
  const auto image = ParsePe(AsBytes(bytes));
  ASSERT_TRUE(image.ok()) << image.status();
  for (const char* name : {".vendor_cert", ".sbatlevel", ".sbat", ".data.ident"}) {
    EXPECT_NE(image->Find(name), nullptr) << name;
  }
  EXPECT_TRUE(AsText(image->Find(".sbat")->content).starts_with("sbat,1,"));
  EXPECT_EQ(image->architecture, "x64");
  EXPECT_GE(image->certificates.size(), 1u);
}

TEST(PeImage, ManySectionsOverTheSameBytesAreNotHashed) {
  // Each more would be 40 bytes of header for as much hashing as the whole file.
  PeBuilder builder;
  builder.directories = 0;
  builder.sections.assign(15, {".x", "."});
  std::string bytes = builder.Build();
  for (std::size_t i = 0; i < 15; ++i) {
    PutLittle(bytes, builder.SectionTable() + i * 40 + 20, 0x400, 4);
  }
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("overlap"));
}

}  // namespace
}  // namespace slipway::control
