// SPDX-License-Identifier: Apache-2.0
//
// Verdicts on Debian's real loaders by Microsoft's real db, on images of our own key, and on the
// same with a byte changed wherever one can be.
#include "control/secure_boot/verdict.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "control/secure_boot/authenticode.h"
#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kBoot = "EFI/BOOT/BOOTX64.EFI";
constexpr const char* kNext = "EFI/BOOT/grubx64.efi";

class VerdictTest : public testing::Test {
 protected:
  VerdictTest() : shim_(ReadAll(kShim)), grub_(ReadAll(kGrub)) {
    const std::string volume = ReadAll(kMicrosoftVariables);
    microsoft_.is_known = true;
    microsoft_.db = *ReadDatabase(AsBytes(volume), "db");
    microsoft_.dbx = *ReadDatabase(AsBytes(volume), "dbx");
  }

  static FileVerdict Judge(const std::string& bytes, const FirmwareTrust& trust,
                           const std::string& role = "x64") {
    return JudgeSet({{.path = kBoot, .role = role, .bytes = AsBytes(bytes)}}, trust).files.at(0);
  }
  SetVerdict JudgeShimAndGrub(const FirmwareTrust& trust) const {
    return JudgeSet({{.path = kNext, .bytes = AsBytes(grub_)},
                     {.path = kBoot, .role = "x64", .bytes = AsBytes(shim_)}},
                    trust);
  }
  static FirmwareTrust Trusting(const Signer& signer) {
    const std::string der = ReadAll(signer.der());
    return {.is_known = true, .db = *ReadDatabase(AsBytes(der), "db")};
  }
  static DatabaseEntry DigestEntry(const std::string& bytes) {
    return {.kind = DatabaseEntryKind::kImageDigest,
            .data = ImageDigest(*ParsePe(AsBytes(bytes)), DigestAlgorithm::kSha256)};
  }
  static DatabaseEntry HashEntry(const Certificate& certificate) {
    return {.kind = DatabaseEntryKind::kCertificateHash,
            .data = DigestOf(DigestAlgorithm::kSha256, AsBytes(certificate.to_be_signed))};
  }

  TemporaryFolder folder_;
  std::string shim_;
  std::string grub_;
  FirmwareTrust microsoft_;
};

TEST_F(VerdictTest, DebiansShimIsAcceptedByMicrosoftsAuthorityAndGrubByShim) {
  const SetVerdict set = JudgeShimAndGrub(microsoft_);
  EXPECT_EQ(set.outcome, Outcome::kAccepted) << set.words;
  const FileVerdict& grub = set.files[0];
  const FileVerdict& shim = set.files[1];
  EXPECT_EQ(shim.outcome, Outcome::kAccepted);
  EXPECT_THAT(shim.words, HasSubstr("\"Microsoft Corporation UEFI CA 2011\" in db vouches"));
  EXPECT_TRUE(shim.Has("authority-microsoft-2011"));
  EXPECT_THAT(shim.vendors, ElementsAre("Debian Secure Boot CA"));
  EXPECT_FALSE(shim.sbat.empty());
  EXPECT_EQ(grub.outcome, Outcome::kAcceptedByShim);
  EXPECT_THAT(grub.words, HasSubstr("\"Debian Secure Boot CA\" vouches"));
  EXPECT_THAT(grub.words, HasSubstr("firmware refuses it when it is booted directly"));
}

TEST_F(VerdictTest, ASecondSignatureIsEnoughForFirmwareThatKnowsOnlyItsAuthority) {
  const FileVerdict first = Judge(shim_, microsoft_);
  if (first.signatures.size() < 2) GTEST_SKIP() << "this shim has one signature";
  FirmwareTrust newer{.is_known = true};
  newer.db.push_back({.data = first.signatures[1].chain.back().der});
  const FileVerdict verdict = Judge(shim_, newer);
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted) << verdict.words;
  EXPECT_THAT(verdict.words, HasSubstr("Microsoft UEFI CA 2023"));
  EXPECT_TRUE(verdict.Has("authority-microsoft-2023"));
  EXPECT_TRUE(verdict.signatures[0].accepted_by.empty());
}

TEST_F(VerdictTest, GrubBootedDirectlyIsRefusedAndTheRemedyNamesTheShim) {
  const FileVerdict alone = Judge(grub_, microsoft_);
  EXPECT_EQ(alone.outcome, Outcome::kRefused);
  EXPECT_TRUE(alone.Has("signer-not-in-db"));
  EXPECT_THAT(alone.words, HasSubstr("CN=Debian Secure Boot CA"));
  EXPECT_THAT(alone.findings.back().remedy, HasSubstr("enrol"));
  const SetVerdict both = JudgeSet({{.path = kNext, .role = "x64", .bytes = AsBytes(grub_)},
                                    {.path = "shimx64.efi", .bytes = AsBytes(shim_)}},
                                   microsoft_);
  EXPECT_EQ(both.outcome, Outcome::kRefused);
  EXPECT_TRUE(both.files[0].Has("only-behind-shim"));
  EXPECT_THAT(both.files[0].findings.back().remedy, HasSubstr("--boot x64=shimx64.efi"));
}

TEST_F(VerdictTest, UnsignedIsRefusedUnlessItsDigestIsInDb) {
  const std::string loader = ReadAll(kUnsignedLoader);
  FileVerdict verdict = Judge(loader, microsoft_);
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_TRUE(verdict.Has("unsigned"));
  FirmwareTrust trust = microsoft_;
  trust.db.push_back(DigestEntry(loader));
  verdict = Judge(loader, trust);
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted);
  EXPECT_THAT(verdict.words, HasSubstr("its digest is in db"));
  trust.dbx.push_back(DigestEntry(loader));
  EXPECT_TRUE(Judge(loader, trust).Has("dbx-digest"));
}

TEST_F(VerdictTest, AnOperatorsOwnKeyIsAcceptedWhereItIsEnrolled) {
  const Signer own(folder_);
  const std::string loader = own.Sign(ReadAll(kUnsignedLoader));
  const FileVerdict verdict = Judge(loader, Trusting(own));
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted) << verdict.words;
  EXPECT_TRUE(verdict.Has("authority-own"));
  EXPECT_EQ(Judge(loader, microsoft_).outcome, Outcome::kRefused);
  // Beside a signature that is not known, the one that is makes it good.
  const std::string twice = own.Sign(grub_);
  ASSERT_EQ(Judge(twice, microsoft_).signatures.size(), 2u);
  EXPECT_EQ(Judge(twice, Trusting(own)).outcome, Outcome::kAccepted);
}

TEST_F(VerdictTest, DbxRefusesByDigestByCertificateAndByItsHash) {
  const std::vector<Certificate> chain = Judge(shim_, microsoft_).signatures[0].chain;
  ASSERT_EQ(chain.size(), 2u);
  FirmwareTrust trust = microsoft_;
  trust.dbx.push_back(DigestEntry(shim_));
  EXPECT_TRUE(Judge(shim_, trust).Has("dbx-digest"));
  for (const Certificate& revoked : chain) {
    trust.dbx = {{.data = revoked.der}};
    FileVerdict verdict = Judge(shim_, trust);
    EXPECT_EQ(verdict.outcome, Outcome::kRefused);
    EXPECT_TRUE(verdict.Has("dbx-certificate"));
    EXPECT_THAT(verdict.words, HasSubstr(revoked.name));
    trust.dbx = {HashEntry(revoked)};
    verdict = Judge(shim_, trust);
    EXPECT_TRUE(verdict.Has("dbx-certificate")) << verdict.words;
  }
  // And what is behind a refused shim is not accepted by it.
  const SetVerdict set = JudgeShimAndGrub(trust);
  EXPECT_EQ(set.outcome, Outcome::kRefused);
  EXPECT_EQ(set.files[0].outcome, Outcome::kRefused);
}

TEST_F(VerdictTest, AShimKeepsDbxForWhatItLoads) {
  FirmwareTrust trust = microsoft_;
  trust.dbx.push_back(DigestEntry(grub_));
  const SetVerdict set = JudgeShimAndGrub(trust);
  EXPECT_EQ(set.outcome, Outcome::kRefused);
  EXPECT_THAT(set.words, HasSubstr(kNext));
  EXPECT_TRUE(set.files[0].Has("dbx-digest"));
}

TEST_F(VerdictTest, SbatRefusesWhatIsTooOldForTheLevel) {
  FirmwareTrust trust = microsoft_;
  trust.sbat_level = *ParseSbatLevel(AsBytes("sbat,1,9999010100\nshim,9\n"));
  const FileVerdict shim = Judge(shim_, trust);
  EXPECT_EQ(shim.outcome, Outcome::kRefused);
  EXPECT_TRUE(shim.Has("sbat-revoked"));
  EXPECT_THAT(shim.words, HasSubstr("9 is the oldest trusted"));
  trust.sbat_level = *ParseSbatLevel(AsBytes("sbat,1,9999010100\ngrub,9\n"));
  const SetVerdict set = JudgeShimAndGrub(trust);
  EXPECT_EQ(set.outcome, Outcome::kRefused);
  EXPECT_EQ(set.files[1].outcome, Outcome::kAccepted);
  EXPECT_TRUE(set.files[0].Has("sbat-revoked"));
  // An older level than the shim's own changes nothing.
  trust.sbat_level = *ParseSbatLevel(AsBytes("sbat,1,2000010100\ngrub,9\n"));
  EXPECT_EQ(JudgeShimAndGrub(trust).outcome, Outcome::kAccepted);
}

TEST_F(VerdictTest, ShimWantsSbatOfWhatItLoadsItself) {
  const Signer own(folder_);
  FirmwareTrust trust = microsoft_;
  trust.db.push_back(Trusting(own).db.front());
  const std::string next = own.Sign(PeBuilder{}.Build());
  const SetVerdict set = JudgeSet({{.path = kBoot, .role = "x64", .bytes = AsBytes(shim_)},
                                   {.path = kNext, .bytes = AsBytes(next)}},
                                  trust);
  EXPECT_EQ(set.outcome, Outcome::kRefused);
  EXPECT_TRUE(set.files[1].Has("sbat-missing"));
}

TEST_F(VerdictTest, ArchitectureAndSubsystemMustBeThoseOfTheRole) {
  const Signer own(folder_);
  const FirmwareTrust trust = Trusting(own);
  const std::string arm = own.Sign(PeBuilder{.machine = 0xaa64}.Build());
  EXPECT_EQ(Judge(arm, trust, "aa64").outcome, Outcome::kAccepted);
  const FileVerdict wrong = Judge(arm, trust, "x64");
  EXPECT_TRUE(wrong.Has("wrong-architecture"));
  EXPECT_THAT(wrong.words, HasSubstr("boot file for x64, but a program for aa64"));
  const std::string windows = own.Sign(PeBuilder{.subsystem = 3}.Build());
  EXPECT_TRUE(Judge(windows, trust).Has("not-an-efi-program"));
  EXPECT_TRUE(Judge("MZ", trust).Has("malformed"));
  EXPECT_TRUE(Judge("no program", trust).Has("malformed"));
}

TEST_F(VerdictTest, UnifiedKernelImagesAreShownAndMustHaveTheirKernel) {
  const Signer own(folder_);
  const FirmwareTrust trust = Trusting(own);
  const std::string kernel = PeBuilder{}.Build();
  PeBuilder uki{.sections = {{".text", "stub"},
                             {".linux", kernel},
                             {".initrd", "cpio"},
                             {".osrel", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n"},
                             {".uname", "6.1.0-56-amd64"},
                             {".cmdline", "quiet root=/dev/vda\n"}}};
  const FileVerdict verdict = Judge(own.Sign(uki.Build()), trust);
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted) << verdict.words;
  ASSERT_TRUE(verdict.uki);
  EXPECT_EQ(verdict.uki->system, "Debian 12");
  EXPECT_EQ(verdict.uki->kernel, "6.1.0-56-amd64");
  EXPECT_EQ(verdict.uki->command_line, "quiet root=/dev/vda");
  uki.sections[1].second = PeBuilder{.machine = 0xaa64}.Build();
  EXPECT_THAT(Judge(own.Sign(uki.Build()), trust).words, HasSubstr("its kernel is for aa64"));
  uki.sections[1].second = "no kernel";
  EXPECT_THAT(Judge(own.Sign(uki.Build()), trust).words, HasSubstr("no EFI program"));
  uki.sections.erase(uki.sections.begin() + 1);
  const FileVerdict without = Judge(own.Sign(uki.Build()), trust);
  EXPECT_EQ(without.outcome, Outcome::kRefused);
  EXPECT_TRUE(without.Has("uki"));
}

TEST_F(VerdictTest, WithoutADbNothingIsSaidToBeAccepted) {
  const FileVerdict verdict = Judge(shim_, {});
  EXPECT_EQ(verdict.outcome, Outcome::kUnknown);
  EXPECT_TRUE(verdict.Has("no-db"));
  EXPECT_FALSE(verdict.signatures.empty());
}

TEST_F(VerdictTest, NoChangedByteOfASignedImageIsAccepted) {
  const Signer own(folder_);
  const FirmwareTrust trust = Trusting(own);
  const PeBuilder builder;
  const std::string good = own.Sign(builder.Build());
  ASSERT_EQ(Judge(good, trust).outcome, Outcome::kAccepted);
  const std::size_t table = GetLittle32(good, builder.CertificateEntry());
  for (std::size_t at = 0; at < table + 8; ++at) {
    // Authenticode leaves the checksum out, and firmware does not check it; a revision it ignores.
    if (at - (PeBuilder::kOptional + 64) < 4 || at - (table + 4) < 2) continue;
    std::string flipped = good;
    // One byte more or less of the entry's length may be padding, for firmware too.
    flipped[at] = static_cast<char>(flipped[at] ^ (at == table ? 0x40 : 0x01));
    const FileVerdict verdict = Judge(flipped, trust);
    EXPECT_EQ(verdict.outcome, Outcome::kRefused) << at << ": " << verdict.words;
    EXPECT_TRUE(std::ranges::any_of(verdict.findings, [](const Finding& finding) {
      return !finding.remedy.empty();
    })) << at;
  }
}

TEST_F(VerdictTest, WhatSbverifyRefusesIsRefused) {
  const Signer own(folder_);
  const std::string good = own.Sign(ReadAll(kUnsignedLoader));
  const auto sbverify = [&](const std::string& bytes) {
    const auto file = folder_.Write("checked.efi", bytes);
    return Shell(Text("sbverify --cert ", own.pem().string(), " ", file.string())).code == 0;
  };
  ASSERT_TRUE(sbverify(good));
  for (std::size_t at = 0x200; at < good.size() - 0x800; at += good.size() / 23) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x80);
    EXPECT_EQ(Judge(flipped, Trusting(own)).outcome == Outcome::kAccepted, sbverify(flipped)) << at;
  }
  const Signer other(folder_, "other");
  EXPECT_EQ(Judge(good, Trusting(other)).outcome, Outcome::kRefused);
}

TEST_F(VerdictTest, ASetWithoutProgramsIsNotJudged) {
  const SetVerdict set = JudgeSet({{.path = "debian.iso", .role = "any", .bytes = AsBytes("iso")},
                                   {.path = "readme", .bytes = AsBytes("text")}},
                                  microsoft_);
  EXPECT_EQ(set.outcome, Outcome::kNotJudged);
  EXPECT_TRUE(set.files.empty());
}

TEST_F(VerdictTest, AShimWithoutGrubBesideItIsTold) {
  const FileVerdict verdict = Judge(shim_, microsoft_);
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted);
  EXPECT_TRUE(verdict.Has("no-second-stage"));
}

}  // namespace
}  // namespace slipway::control
