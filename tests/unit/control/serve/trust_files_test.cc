// SPDX-License-Identifier: Apache-2.0
//
// What machines trust, out of files that others replace at any moment.
#include "control/serve/trust_files.h"

#include <gmock/gmock.h>

#include "control/whole_file.h"
#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class TrustFilesTest : public testing::Test {
 protected:
  TrustFilesTest() {
    std::string pattern = testing::TempDir() + "slipway_trust_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Write("db", DigestList(1, 'a'));
    Write("dbx", DigestList(2, 'b'));
  }
  ~TrustFilesTest() override { fs::remove_all(folder_); }

  // In place: what reads meanwhile sees a part.
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  SecureBootConfig Named() const {
    return {.policy = SecureBootPolicy::kWarn,
            .db = {folder_ / "db"},
            .dbx = {folder_ / "dbx"},
            .sbat_level = std::nullopt};
  }
  // The digests in dbx as their fill, in order: "bb".
  static std::string Revoked(const TrustFiles& files) {
    std::string fills;
    for (const DatabaseEntry& entry : files.trust()->dbx) fills += entry.data.front();
    return fills;
  }
  // What Read() refused with; empty: nothing.
  static std::string Refusal(TrustFiles& files) {
    const auto read = files.Read();
    return std::string(read.status().message());
  }

  fs::path folder_;
};

TEST_F(TrustFilesTest, WhatChangedIsReadWhenItHasSettledAndNotBefore) {
  TrustFiles files(Named());
  ASSERT_EQ(Refusal(files), "");
  EXPECT_TRUE(files.trust()->is_known);
  EXPECT_EQ(Revoked(files), "bb");
  EXPECT_EQ(files.Look(), TrustLook::kSame);
  const auto before = files.trust();
  // Who writes it in place has come as far as the end of its first list.
  Write("dbx", DigestList(1, 'c'));
  EXPECT_EQ(files.Look(), TrustLook::kUnsettled);
  Write("dbx", DigestList(1, 'c') + DigestList(1, 'd'));
  EXPECT_EQ(files.Look(), TrustLook::kUnsettled) << "it is another than at the look before";
  EXPECT_EQ(files.Look(), TrustLook::kChanged);
  EXPECT_EQ(files.Look(), TrustLook::kChanged) << "until it is read";
  EXPECT_EQ(files.trust(), before);
  ASSERT_EQ(Refusal(files), "");
  EXPECT_EQ(Revoked(files), "cd");
  EXPECT_NE(files.trust()->version, before->version);
  EXPECT_EQ(files.Look(), TrustLook::kSame);
}

TEST_F(TrustFilesTest, AFileThatWasOnlyTouchedIsTheSame) {
  TrustFiles files(Named());
  ASSERT_EQ(Refusal(files), "");
  const std::string version = files.trust()->version;
  Write("dbx", DigestList(2, 'b'));
  EXPECT_NE(files.Look(), TrustLook::kSame);
  ASSERT_EQ(Refusal(files), "");
  EXPECT_EQ(files.trust()->version, version);
}

TEST_F(TrustFilesTest, AFileThatIsReplacedWhileItIsReadIsReadAgain) {
  int reads = 0;
  const auto was_read = [&] {
    if (++reads == 2) Write("dbx", DigestList(3, 'c'));
    if (reads == 4) {  // by a rename
      EXPECT_TRUE(WriteFile(folder_ / "dbx", DigestList(1, 'd'), 0644).ok());
    }
  };
  TrustFiles files(Named(), {.stand_in = {}, .was_read = was_read});
  ASSERT_EQ(Refusal(files), "");
  ASSERT_EQ(reads, 1);
  ASSERT_EQ(Refusal(files), "");
  EXPECT_EQ(reads, 3);
  EXPECT_EQ(Revoked(files), "ccc");
  ASSERT_EQ(Refusal(files), "");
  EXPECT_EQ(reads, 5);
  EXPECT_EQ(Revoked(files), "d");
}

TEST_F(TrustFilesTest, ANewDbIsNotTakenWithTheDbxOfBefore) {
  bool is_between = false;
  const auto was_read = [&] {
    if (!std::exchange(is_between, false)) return;
    Write("dbx", DigestList(1, 'y'));  // the second of a pair: the first was read already
  };
  TrustFiles files(Named(), {.stand_in = {}, .was_read = was_read});
  ASSERT_EQ(Refusal(files), "");
  Write("db", DigestList(1, 'x'));
  is_between = true;
  ASSERT_EQ(Refusal(files), "");
  EXPECT_EQ(files.trust()->db.front().data.front(), 'x');
  EXPECT_EQ(Revoked(files), "y");
}

TEST_F(TrustFilesTest, WhatIsWrittenWithoutAnEndIsNotTakenAndNoFault) {
  bool goes_on = false;
  char fill = 'c';
  const auto was_read = [&] {
    if (goes_on) Write("dbx", DigestList(1, fill++));
  };
  TrustFiles files(Named(), {.stand_in = {}, .was_read = was_read});
  ASSERT_EQ(Refusal(files), "");
  const auto before = files.trust();
  goes_on = true;
  EXPECT_TRUE(absl::IsUnavailable(files.Read().status()));
  EXPECT_EQ(files.trust(), before);
  EXPECT_EQ(files.refusal(), "");
  EXPECT_NE(files.Look(), TrustLook::kSame) << "it will be read";
  goes_on = false;
  EXPECT_EQ(Refusal(files), "");
  EXPECT_NE(files.trust(), before);
}

TEST_F(TrustFilesTest, WhatIsWrongIsNamedOnceAndWhatWasStays) {
  TrustFiles files(Named());
  ASSERT_EQ(Refusal(files), "");
  const auto before = files.trust();
  const std::string dbx = (folder_ / "dbx").string() + ": ";
  const auto is_refused = [&](const std::string& words) {
    const std::string refusal = Refusal(files);
    EXPECT_THAT(refusal, StartsWith(dbx + words));
    EXPECT_THAT(refusal, HasSubstr("secure_boot.dbx"));
    EXPECT_EQ(files.refusal(), refusal);
    EXPECT_EQ(files.trust(), before);
    EXPECT_EQ(files.Look(), TrustLook::kSame) << "nobody reads it again before it changes";
  };
  const std::string list = DigestList(4, 'c');
  // Wherever it is cut.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{27}, list.size() / 2, list.size() - 1}) {
    Write("dbx", list.substr(0, size));
    is_refused(size == 0 ? "is missing or empty; bring it whole" : "a signature list ");
  }
  fs::remove(folder_ / "dbx");
  is_refused("is missing or empty; bring it whole");
  fs::create_directory(folder_ / "dbx");
  EXPECT_THAT(Refusal(files), HasSubstr(dbx + "is no file"));
  fs::remove(folder_ / "dbx");
  Write("dbx", list);
  EXPECT_EQ(Refusal(files), "");
  EXPECT_EQ(files.refusal(), "");
  EXPECT_EQ(Revoked(files), "cccc");
}

TEST_F(TrustFilesTest, ASecondCertificateThatIsCutShortIsNotLeftOut) {
  const TemporaryFolder keys;
  const Signer own(keys);
  const Signer other(keys, "other");
  const std::string second = ReadAll(other.pem());
  Write("db", ReadAll(own.pem()) + second.substr(0, second.size() / 2));
  TrustFiles files(Named());
  EXPECT_THAT(Refusal(files), HasSubstr("cannot be read, or is cut short"));
  Write("db", ReadAll(own.pem()) + second);
  EXPECT_EQ(Refusal(files), "");
  EXPECT_EQ(files.trust()->db.size(), 2U);
}

TEST_F(TrustFilesTest, ThePackageThatStandsInMayComeAndMayNotGo) {
  const fs::path stand_in = folder_ / "OVMF_VARS.fd";
  SecureBootConfig none;
  TrustFiles files(none, {.stand_in = stand_in, .was_read = {}});
  ASSERT_EQ(Refusal(files), "");
  EXPECT_FALSE(files.trust()->is_known);
  EXPECT_EQ(files.Look(), TrustLook::kSame);
  fs::copy(kMicrosoftVariables, stand_in);
  EXPECT_EQ(files.Look(), TrustLook::kUnsettled);
  EXPECT_EQ(files.Look(), TrustLook::kChanged);
  ASSERT_EQ(Refusal(files), "");
  EXPECT_TRUE(files.trust()->is_known);
  EXPECT_FALSE(files.trust()->dbx.empty());
  fs::remove(stand_in);
  EXPECT_THAT(Refusal(files), HasSubstr("is not there any more, or empty; install Debian's "));
  EXPECT_TRUE(files.trust()->is_known);
}

}  // namespace
}  // namespace slipway::control
