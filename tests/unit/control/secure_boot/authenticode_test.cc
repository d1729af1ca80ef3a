// SPDX-License-Identifier: Apache-2.0
//
// Signatures of real loaders, and of our own key by sbsign; sbverify is the other opinion.
#include "control/secure_boot/authenticode.h"

#include <gmock/gmock.h>

#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

class Authenticode : public testing::Test {
 protected:
  static absl::StatusOr<AuthenticodeSignature> First(const std::string& bytes) {
    const auto image = ParsePe(AsBytes(bytes));
    if (!image.ok()) return image.status();
    if (image->certificates.empty()) return absl::NotFoundError("not signed");
    return AuthenticodeSignature::Parse(image->certificates.front().content);
  }
  TemporaryFolder folder_;
};

TEST_F(Authenticode, RealLoadersCarryTheDigestThatIsComputed) {
  for (const char* path : {kShim, kMokManager, "/usr/lib/shim/fbx64.efi.signed", kGrub,
                           "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
                           "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"}) {
    const std::string bytes = ReadAll(path);
    ASSERT_FALSE(bytes.empty()) << path << " is missing: shim-signed, grub-efi-amd64-signed";
    const auto image = ParsePe(AsBytes(bytes));
    ASSERT_TRUE(image.ok()) << path << ": " << image.status();
    ASSERT_FALSE(image->certificates.empty()) << path;
    EXPECT_EQ(image->certificate_table_fault, "") << path;
    for (const PeCertificate& certificate : image->certificates) {
      const auto signature = AuthenticodeSignature::Parse(certificate.content);
      ASSERT_TRUE(signature.ok()) << path << ": " << signature.status();
      EXPECT_EQ(signature->algorithm(), DigestAlgorithm::kSha256);
      EXPECT_EQ(Hex(AsBytes(signature->digest())),
                Hex(AsBytes(ImageDigest(*image, signature->algorithm()))))
          << path;
      EXPECT_TRUE(signature->is_recognised_by_firmware()) << path;
      // The chain ends at what is embedded last, and leads there.
      EXPECT_TRUE(signature->LeadsTo(AsBytes(signature->chain().back().der))) << path;
    }
  }
}

TEST_F(Authenticode, SignersAreThoseThatSbverifyNames) {
  for (const char* path : {kShim, kMokManager, kGrub}) {
    const std::string bytes = ReadAll(path);
    const auto image = ParsePe(AsBytes(bytes));
    ASSERT_TRUE(image.ok());
    const std::string said = Shell(Text("sbverify --list ", path)).text;
    for (const PeCertificate& certificate : image->certificates) {
      const auto signature = AuthenticodeSignature::Parse(certificate.content);
      ASSERT_TRUE(signature.ok());
      for (const Certificate& each : signature->chain()) {
        EXPECT_THAT(said, HasSubstr("/CN=" + each.name + "\n")) << path;
      }
    }
  }
}

TEST_F(Authenticode, OurOwnSignatureVerifiesByOurCertificateAlone) {
  const Signer own(folder_);
  const Signer other(folder_, "other");
  ASSERT_TRUE(own.made() && other.made());
  const std::string signed_image = own.Sign(ReadAll(kUnsignedLoader));
  const auto signature = First(signed_image);
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(signature->chain().front().name, "Operator own");
  EXPECT_TRUE(signature->LeadsTo(AsBytes(ReadAll(own.der()))));
  EXPECT_FALSE(signature->LeadsTo(AsBytes(ReadAll(other.der()))));
  EXPECT_FALSE(signature->LeadsTo(AsBytes("no certificate")));
}

TEST_F(Authenticode, AnExpiredCertificateStillVerifiesAsInFirmware) {
  const Signer own(folder_);
  // Valid for one second, which is long over: -days takes no less than a day, so by dates.
  ASSERT_EQ(Shell(Text("openssl x509 -in ", own.pem().string(), " -signkey ", own.key().string(),
                       " -days -1 -out ", own.pem().string(), ".old && mv ", own.pem().string(),
                       ".old ", own.pem().string(), " && openssl x509 -in ", own.pem().string(),
                       " -outform DER -out ", own.der().string()))
                .code,
            0);
  EXPECT_NE(Shell(Text("openssl x509 -checkend 0 -in ", own.pem().string())).code, 0);
  const auto signature = First(own.Sign(ReadAll(kUnsignedLoader)));
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_TRUE(signature->LeadsTo(AsBytes(ReadAll(own.der()))));
}

TEST_F(Authenticode, NoFlippedByteOfASignatureGoesUnnoticed) {
  const Signer own(folder_);
  const std::string bytes = own.Sign(PeBuilder{}.Build());
  const auto image = ParsePe(AsBytes(bytes));
  ASSERT_TRUE(image.ok() && !image->certificates.empty());
  const std::string good(AsText(image->certificates.front().content));
  const std::string trusted = ReadAll(own.der());
  const std::string digest = ImageDigest(*image, DigestAlgorithm::kSha256);
  ASSERT_TRUE(AuthenticodeSignature::Parse(AsBytes(good))->LeadsTo(AsBytes(trusted)));
  // Where a changed byte may leave everything true: what names no fact that is verified (versions,
  // encodings of parameters, the padding). Anything that is signed must be noticed.
  std::size_t unnoticed = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x01);
    const auto signature = AuthenticodeSignature::Parse(AsBytes(flipped));
    if (!signature.ok() || signature->digest() != digest || !signature->LeadsTo(AsBytes(trusted))) {
      continue;
    }
    ++unnoticed;
    // It still says the same: the same digest, and by the same signer.
    EXPECT_EQ(signature->algorithm(), DigestAlgorithm::kSha256) << at;
  }
  EXPECT_LT(unnoticed, good.size() / 20) << "of " << good.size();
}

TEST_F(Authenticode, WhatIsNoSignatureIsRefusedInWords) {
  const auto words = [](std::string_view bytes) {
    const auto signature = AuthenticodeSignature::Parse(AsBytes(bytes));
    return signature.ok() ? std::string() : signature.status().ToString();
  };
  EXPECT_THAT(words(""), HasSubstr("no PKCS#7"));
  EXPECT_THAT(words("0\x82"), HasSubstr("no PKCS#7"));
  const Signer own(folder_);
  const auto text = folder_.Write("text", "not an image");
  const auto out = folder_ / "text.p7";
  ASSERT_EQ(Shell(Text("openssl smime -sign -binary -nodetach -in ", text.string(), " -signer ",
                       own.pem().string(), " -inkey ", own.key().string(), " -outform DER -out ",
                       out.string()))
                .code,
            0);
  EXPECT_THAT(words(ReadAll(out)), HasSubstr("something other than an image"));
  EXPECT_FALSE(ReadCertificate(AsBytes("0")).ok());
}

}  // namespace
}  // namespace slipway::control
