// SPDX-License-Identifier: Apache-2.0
//
// Authorities for an initrd, held against cpio(1) and openssl(1).
#include "control/secure_boot/trust_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TrustArchiveTest : public ::testing::Test {
 protected:
  // A self-signed certificate, its key beside it in the same file.
  std::string Made(const std::string& name, const std::string& more = "") {
    const auto file = folder_ / (name + ".pem");
    const Ran ran = Shell(Text(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=",
        name, "' ", more, " -keyout ", file.string(), ".key -out ", file.string()));
    EXPECT_EQ(ran.code, 0) << ran.text;
    return ReadAll(file.string() + ".key") + ReadAll(file);
  }
  static std::string ErrorOf(const std::string& pem) {
    const auto archive = TrustArchive(AsBytes(pem));
    return {archive.status().message().data(), archive.status().message().size()};
  }
  std::string Shown(const std::string& command) {
    const Ran ran = Shell(Text("cd ", (folder_ / "").string(), " && ", command));
    EXPECT_EQ(ran.code, 0) << ran.text;
    return ran.text;
  }

  TemporaryFolder folder_;
};

TEST_F(TrustArchiveTest, CpioUnpacksWhatOpensslVerifiesBy) {
  const auto archive = TrustArchive(AsBytes(Made("one") + "\nremark\n" + Made("two")));
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_THAT(*archive, Not(HasSubstr("PRIVATE KEY")));
  EXPECT_EQ(archive->size() % 4, 0U);
  folder_.Write("trust.cpio", *archive);
  Shown("mkdir root && cd root && cpio -i --quiet --no-absolute-filenames < ../trust.cpio");
  EXPECT_EQ(Shown("stat -c '%a %F' root/etc root/etc/ssl root/etc/ssl/certs"),
            "755 directory\n755 directory\n755 directory\n");
  for (const std::string name : {"one", "two"}) {
    const std::string verified = Shown(
        Text("openssl verify -no-CAfile -no-CAstore -CApath root/etc/ssl/certs ", name, ".pem"));
    EXPECT_THAT(verified, HasSubstr("OK"));
    const std::string path =
        Text("root/etc/ssl/certs/$(openssl x509 -noout -hash -in ", name, ".pem).0");
    EXPECT_EQ(Shown("stat -c '%a' " + path), "644\n");
    EXPECT_EQ(Shown("cat " + path), ReadAll(folder_ / (name + ".pem")));
  }
}

TEST_F(TrustArchiveTest, TwoOfOneNameLieBesideEachOther) {
  const auto archive = TrustArchive(AsBytes(Made("same") + Made("same")));
  ASSERT_TRUE(archive.ok()) << archive.status();
  folder_.Write("trust.cpio", *archive);
  const std::string names = Shown("cpio -t --quiet < trust.cpio");
  EXPECT_THAT(names, HasSubstr(".0\n"));
  EXPECT_THAT(names, HasSubstr(".1\n"));
}

TEST_F(TrustArchiveTest, WhatIsNoAuthorityIsRefused) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("no certificate is in it"));
  EXPECT_THAT(ErrorOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              HasSubstr("damaged"));
  const std::string cut = Made("whole");
  EXPECT_THAT(ErrorOf(cut.substr(0, cut.size() - 60)), HasSubstr("damaged"));
  EXPECT_THAT(ErrorOf(Made("leaf", "-addext basicConstraints=critical,CA:FALSE")),
              HasSubstr("/CN=leaf is no authority's"));
}

}  // namespace
}  // namespace slipway::control
