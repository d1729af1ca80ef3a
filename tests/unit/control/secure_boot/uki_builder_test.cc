// SPDX-License-Identifier: Apache-2.0
//
// Unified kernel images and signatures of our own making, held against binutils and sbsigntool.
#include "control/secure_boot/uki_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/secure_boot/authenticode.h"
#include "control/secure_boot/image_signer.h"
#include "control/secure_boot/signature_database.h"
#include "control/secure_boot/uki.h"
#include "control/secure_boot/verdict.h"
#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t PeOffset(const std::string& file) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(file[0x3c])) |
         static_cast<std::size_t>(static_cast<std::uint8_t>(file[0x3d])) << 8;
}

constexpr const char* kStub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

class UkiBuilder : public ::testing::Test {
 protected:
  static std::string WordsOf(const absl::Status& status) {
    return {status.message().data(), status.message().size()};
  }
  std::string Built(const std::string& kernel, const std::string& initrd = "cpio archive") {
    const auto image = BuildUki({.stub = AsBytes(stub_),
                                 .kernel = AsBytes(kernel),
                                 .initrd = AsBytes(initrd),
                                 .command_line = "quiet console=ttyS0",
                                 .os_release = "ID=own\nPRETTY_NAME=\"Own 1\"\n"});
    return image.ok() ? *image : WordsOf(image.status());
  }
  absl::StatusOr<ImageSigner> Opened(const Signer& own) {
    return ImageSigner::Open(AsBytes(ReadAll(own.key())), AsBytes(ReadAll(own.pem())));
  }

  TemporaryFolder folder_;
  const std::string stub_ = ReadAll(kStub);
  const std::string kernel_ = PeBuilder{.sections = {{".text", std::string(70001, 'k')}}}.Build();
};

TEST_F(UkiBuilder, TheImageHasTheStubAndEachPartAsBinutilsSeeIt) {
  ASSERT_FALSE(stub_.empty());
  const std::string built = Built(kernel_);
  const auto image = ParsePe(AsBytes(built));
  ASSERT_TRUE(image.ok()) << built.substr(0, 200);
  const auto file = folder_.Write("uki.efi", built);
  const auto stub = ParsePe(AsBytes(stub_));
  for (const PeSection& section : stub->sections) {
    EXPECT_TRUE(Equal(image->Find(section.name)->raw, section.raw)) << section.name;
  }
  const auto extracted = [&](const std::string& section) {
    const auto out = folder_ / "section";
    const Ran ran = Shell(Text("objcopy --dump-section ", section, "=", out.string(), " ",
                               file.string(), " ", (folder_ / "copy").string()));
    EXPECT_EQ(ran.code, 0) << ran.text;
    return ReadAll(out);
  };
  EXPECT_TRUE(extracted(".linux").substr(0, kernel_.size()) == kernel_);
  EXPECT_EQ(extracted(".initrd").substr(0, 12), "cpio archive");
  EXPECT_TRUE(AsText(image->Find(".linux")->content) == kernel_);
  EXPECT_EQ(AsText(image->Find(".initrd")->content), "cpio archive");
  EXPECT_EQ(image->sections.back().name, ".linux");
  std::uint64_t end = 0;
  for (const PeSection& section : image->sections) {
    EXPECT_GE(section.virtual_address, end) << section.name << " overlaps what is before it";
    end = section.virtual_address + section.content.size();
  }
  const auto uki = ReadUki(*image);
  ASSERT_TRUE(uki);
  EXPECT_EQ(uki->fault, "");
  EXPECT_EQ(uki->system, "Own 1");
  EXPECT_EQ(uki->command_line, "quiet console=ttyS0");
  EXPECT_TRUE(uki->has_initrd);
  // Without an initrd there is no empty section of it.
  const std::string bare = Built(kernel_, "");
  EXPECT_EQ(ParsePe(AsBytes(bare))->Find(".initrd"), nullptr);
}

TEST_F(UkiBuilder, OurSignatureIsAcceptedBySbverifyAndByTheVerdict) {
  const Signer own(folder_);
  const auto signer = Opened(own);
  ASSERT_TRUE(signer.ok()) << signer.status();
  const auto image = signer->Sign(Built(kernel_));
  ASSERT_TRUE(image.ok()) << image.status();
  const auto file = folder_.Write("signed.efi", *image);
  const Ran verify = Shell(Text("sbverify --cert ", own.pem().string(), " ", file.string()));
  EXPECT_EQ(verify.code, 0) << verify.text;
  EXPECT_THAT(verify.text, HasSubstr("Signature verification OK"));
  EXPECT_THAT(verify.text, Not(HasSubstr("warning")));

  FirmwareTrust trust{.is_known = true};
  trust.db = *ReadDatabase(AsBytes(ReadAll(own.der())), "db");
  const SetVerdict verdict =
      JudgeSet({{.path = "linux.efi", .role = "x64", .bytes = AsBytes(*image)}}, trust);
  EXPECT_EQ(verdict.outcome, Outcome::kAccepted) << verdict.words;
  const Signer other(folder_, "other");
  const Ran wrong = Shell(Text("sbverify --cert ", other.pem().string(), " ", file.string()));
  EXPECT_NE(wrong.code, 0);
  for (const std::size_t at : {std::size_t{0x500}, image->size() / 2, image->size() - 3000}) {
    std::string changed = *image;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const SetVerdict judged =
        JudgeSet({{.path = "linux.efi", .role = "x64", .bytes = AsBytes(changed)}}, trust);
    EXPECT_EQ(judged.outcome, Outcome::kRefused) << at;
  }
  EXPECT_THAT(WordsOf(signer->Sign(*image).status()), HasSubstr("signed already"));
}

TEST_F(UkiBuilder, OurSignatureNamesTheSameDigestAsSbsigns) {
  const Signer own(folder_);
  for (const std::string& plain : {Built(kernel_), ReadAll(kUnsignedLoader)}) {
    const auto ours = Opened(own)->Sign(plain);
    ASSERT_TRUE(ours.ok()) << ours.status();
    const std::string theirs = own.Sign(plain);
    const auto digest = [](const std::string& bytes) {
      const auto image = ParsePe(AsBytes(bytes));
      const auto signature = AuthenticodeSignature::Parse(image->certificates.front().content);
      EXPECT_TRUE(signature.ok()) << signature.status();
      EXPECT_TRUE(signature->is_recognised_by_firmware());
      EXPECT_EQ(signature->digest(), ImageDigest(*image, DigestAlgorithm::kSha256));
      return Hex(AsBytes(signature->digest()));
    };
    EXPECT_EQ(digest(*ours), digest(theirs));
  }
}

TEST_F(UkiBuilder, SectionsDoNotOverlapWhateverTheStubSaysOfItsSize) {
  const auto stub = ParsePe(AsBytes(stub_));
  ASSERT_TRUE(stub.ok());
  std::string lying = stub_;
  const std::size_t size_of_image = PeOffset(stub_) + 24 + 56;
  lying.replace(size_of_image, 4, std::string_view("\0\x10\0\0", 4));
  for (const std::string& each : {stub_, lying}) {
    const auto built = BuildUki({.stub = AsBytes(each), .kernel = AsBytes(kernel_)});
    ASSERT_TRUE(built.ok()) << built.status();
    const auto image = ParsePe(AsBytes(*built));
    ASSERT_TRUE(image.ok());
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (const PeSection& section : image->sections) {
      places.emplace_back(section.virtual_address,
                          section.virtual_address + section.content.size());
    }
    std::ranges::sort(places);
    for (std::size_t i = 1; i < places.size(); ++i) {
      EXPECT_GE(places[i].first, places[i - 1].second) << "section " << i;
    }
  }
}

// ARM64's stub of systemd 252 has .sdmagic and .sbat in the file, but not in its headers.
TEST_F(UkiBuilder, TheMarkOfAStubMayStandBehindItsSections) {
  const std::string mark = "#### LoaderInfo: systemd-stub 252.39-1~deb12u2 ####";
  const PeBuilder program{.machine = 0xaa64, .sections = {{".text", "stub"}, {".data", "words"}}};
  const std::string stub = program.Build() + mark;
  const std::string kernel =
      PeBuilder{.machine = 0xaa64, .sections = {{".text", std::string(70001, 'k')}}}.Build();
  const auto built =
      BuildUki({.stub = AsBytes(stub), .kernel = AsBytes(kernel), .command_line = "quiet"});
  ASSERT_TRUE(built.ok()) << built.status();
  const auto image = ParsePe(AsBytes(*built));
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->architecture, "aa64");
  EXPECT_EQ(AsText(image->Find(".linux")->content), kernel);
  // What no section holds is hashed differently by tools: it does not come along.
  EXPECT_EQ(built->find(mark), std::string::npos);
  const auto unmarked =
      BuildUki({.stub = AsBytes(program.Build()), .kernel = AsBytes(kernel)}).status();
  EXPECT_THAT(WordsOf(unmarked), HasSubstr("not systemd's; name linuxaa64.efi.stub"));
}

TEST_F(UkiBuilder, WrongPartsAreRefusedInWords) {
  EXPECT_THAT(Built("no program"), HasSubstr("the kernel is no EFI program"));
  EXPECT_THAT(Built(PeBuilder{.machine = 0xaa64}.Build()),
              HasSubstr("the kernel is for aa64, the stub for x64"));
  const auto with_stub = [&](const std::string& stub) {
    return WordsOf(BuildUki({.stub = AsBytes(stub), .kernel = AsBytes(kernel_)}).status());
  };
  EXPECT_THAT(with_stub("nothing"), HasSubstr("the stub: "));
  EXPECT_THAT(with_stub(kernel_), HasSubstr("not systemd's"));
  EXPECT_THAT(with_stub(Built(kernel_)), HasSubstr("has a kernel already"));
  EXPECT_THAT(with_stub(Signer(folder_).Sign(stub_)), HasSubstr("signed already"));
}

TEST_F(UkiBuilder, KeysThatDoNotFitAreRefusedInWords) {
  const Signer own(folder_);
  const Signer other(folder_, "other");
  const auto opened = [](const std::string& key, const std::string& certificate) {
    return WordsOf(ImageSigner::Open(AsBytes(key), AsBytes(certificate)).status());
  };
  EXPECT_EQ(opened(ReadAll(own.key()), ReadAll(own.der())), "") << "DER is taken as well";
  EXPECT_THAT(opened(ReadAll(own.key()), ReadAll(other.pem())), HasSubstr("another key's"));
  EXPECT_THAT(opened(ReadAll(own.pem()), ReadAll(own.pem())), HasSubstr("no private key"));
  EXPECT_THAT(opened(ReadAll(own.key()), "text"), HasSubstr("neither PEM nor DER"));
  const auto curve = folder_ / "curve.key";
  ASSERT_EQ(Shell("openssl ecparam -name prime256v1 -genkey -noout -out " + curve.string()).code,
            0);
  EXPECT_THAT(opened(ReadAll(curve), ReadAll(own.pem())), HasSubstr("not RSA"));
}

}  // namespace
}  // namespace slipway::control
