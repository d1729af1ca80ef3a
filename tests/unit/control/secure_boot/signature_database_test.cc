// SPDX-License-Identifier: Apache-2.0
//
// db and dbx out of OVMF's variable stores, and of lists and updates that efitools writes.
#include "control/secure_boot/signature_database.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {
namespace {

using testing::Contains;

std::vector<std::string> Names(const SignatureDatabase& database) {
  std::vector<std::string> names;
  for (const DatabaseEntry& entry : database) {
    if (entry.kind != DatabaseEntryKind::kCertificate) continue;
    const auto certificate = ReadCertificate(AsBytes(entry.data));
    names.push_back(certificate.ok() ? certificate->name : "?");
  }
  return names;
}

TEST(SignatureDatabase, OvmfsMicrosoftVariablesHoldMicrosoftsAuthorities) {
  const std::string volume = ReadAll(kMicrosoftVariables);
  ASSERT_FALSE(volume.empty()) << "ovmf is not installed";
  const auto db = ReadDatabase(AsBytes(volume), "db");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_THAT(Names(*db), Contains("Microsoft Corporation UEFI CA 2011"));
  EXPECT_THAT(Names(*db), Contains("Microsoft Windows Production PCA 2011"));
  const auto dbx = ReadDatabase(AsBytes(volume), "dbx");
  ASSERT_TRUE(dbx.ok()) << dbx.status();
  EXPECT_FALSE(dbx->empty());
  EXPECT_TRUE(std::ranges::all_of(*dbx, [](const DatabaseEntry& entry) {
    return entry.kind == DatabaseEntryKind::kImageDigest;
  }));
  const auto snakeoil = ReadDatabase(AsBytes(ReadAll(kSnakeoilVariables)), "db");
  ASSERT_TRUE(snakeoil.ok()) << snakeoil.status();
  EXPECT_NE(Names(*snakeoil), Names(*db));
}

TEST(SignatureDatabase, AVolumeWithoutTheVariableIsAnEmptyDatabase) {
  const std::string volume = ReadAll("/usr/share/OVMF/OVMF_VARS_4M.fd");
  const auto db = ReadDatabase(AsBytes(volume), "db");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_TRUE(db->empty());
}

TEST(SignatureDatabase, ADamagedVolumeIsRefused) {
  const std::string volume = ReadAll(kMicrosoftVariables);
  const auto is_read = [](const std::string& bytes) {
    return ReadDatabase(AsBytes(bytes), "db").ok();
  };
  ASSERT_TRUE(is_read(volume));
  const std::size_t store = 0x48;
  for (const std::size_t at :
       {std::size_t{0x30}, store, store + 15, store + 16 + 3, store + 20, store + 21}) {
    std::string flipped = volume;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x40);
    EXPECT_FALSE(is_read(flipped)) << at;
  }
  for (std::size_t size = 0x2c; size < 0x64; ++size) EXPECT_FALSE(is_read(volume.substr(0, size)));
  std::string huge = volume;  // the first variable's name
  PutLittle(huge, 0x64 + 36, 0xfffffff0, 4);
  EXPECT_FALSE(is_read(huge));
}

TEST(SignatureDatabase, EveryFormAnOperatorHasGivesTheSame) {
  const TemporaryFolder folder;
  const Signer own(folder);
  ASSERT_TRUE(own.made());
  const auto list = folder / "own.esl";
  const auto update = folder / "own.auth";
  ASSERT_EQ(Shell(Text("cert-to-efi-sig-list ", own.pem().string(), " ", list.string())).code, 0);
  ASSERT_EQ(Shell(Text("sign-efi-sig-list -k ", own.key().string(), " -c ", own.pem().string(),
                       " db ", list.string(), " ", update.string()))
                .code,
            0);
  const std::string der = ReadAll(own.der());
  const std::string variable = std::string("\x27\0\0\0", 4) + ReadAll(list);
  for (const std::string& file :
       {ReadAll(list), ReadAll(update), ReadAll(own.pem()), der, variable}) {
    const auto database = ReadDatabase(AsBytes(file), "db");
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_EQ(database->size(), 1u);
    EXPECT_EQ(database->front().kind, DatabaseEntryKind::kCertificate);
    EXPECT_EQ(database->front().data, der);
  }
}

TEST(SignatureDatabase, DigestsAreFoundByAlgorithmAndValue) {
  const TemporaryFolder folder;
  const std::string bytes = PeBuilder{}.Build();
  const auto image = folder.Write("image.efi", bytes);
  const auto list = folder / "image.esl";
  ASSERT_EQ(Shell(Text("hash-to-efi-sig-list ", image.string(), " ", list.string())).code, 0);
  const auto database = ReadDatabase(AsBytes(ReadAll(list)), "dbx");
  ASSERT_TRUE(database.ok()) << database.status();
  const std::string digest = ImageDigest(*ParsePe(AsBytes(bytes)), DigestAlgorithm::kSha256);
  EXPECT_TRUE(HasImageDigest(*database, DigestAlgorithm::kSha256, digest));
  EXPECT_FALSE(HasImageDigest(*database, DigestAlgorithm::kSha384, digest));
  EXPECT_FALSE(HasImageDigest(*database, DigestAlgorithm::kSha256, digest.substr(1)));
}

TEST(SignatureDatabase, CertificateHashesAreOfWhatTheIssuerSigned) {
  const TemporaryFolder folder;
  const Signer own(folder);
  const auto list = folder / "own.hash.esl";
  ASSERT_EQ(Shell(Text("cert-to-efi-hash-list ", own.pem().string(), " ", list.string())).code, 0);
  const auto database = ReadDatabase(AsBytes(ReadAll(list)), "dbx");
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_EQ(database->size(), 1u);
  EXPECT_EQ(database->front().kind, DatabaseEntryKind::kCertificateHash);
  EXPECT_TRUE(HasCertificateHash(*database, *ReadCertificate(AsBytes(ReadAll(own.der())))));
  const Signer other(folder, "other");
  EXPECT_FALSE(HasCertificateHash(*database, *ReadCertificate(AsBytes(ReadAll(other.der())))));
}

TEST(SignatureDatabase, MalformedListsAreRefused) {
  const std::string volume = ReadAll(kMicrosoftVariables);
  const auto value = ReadSecurityVariable(AsBytes(volume), "db");
  ASSERT_TRUE(value.ok() && value->has_value());
  const std::string good = **value;
  ASSERT_TRUE(ParseSignatureLists(AsBytes(good)).ok());
  for (const std::size_t cut :
       {std::size_t{1}, std::size_t{27}, good.size() / 2, good.size() - 1}) {
    EXPECT_FALSE(ParseSignatureLists(AsBytes(good.substr(0, cut))).ok()) << cut;
  }
  for (const std::size_t field : {std::size_t{16}, std::size_t{20}, std::size_t{24}}) {
    for (const std::uint32_t number : {0u, 1u, 17u, 0x7fffffffu, 0xffffffffu}) {
      if (field == 20 && number == 0) continue;  // what it is
      std::string wrong = good;
      PutLittle(wrong, field, number, 4);
      const auto read = ParseSignatureLists(AsBytes(wrong));
      // A header of one byte or entries of 17 may divide by chance, but not into certificates.
      if (read.ok()) {
        EXPECT_NE(*read, *ParseSignatureLists(AsBytes(good)));
      }
      if (number > 17 || number == 0) {
        EXPECT_FALSE(read.ok()) << field << ' ' << number;
      }
    }
  }
}

}  // namespace
}  // namespace slipway::control
