// SPDX-License-Identifier: Apache-2.0
//
// The check at the door as operators meet it: on import, by policy, for a loose file, and again
// when revocations change. Debian's real loaders, OVMF's real db.
#include <nlohmann/json.hpp>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecureBootTest : public RestTest {
 protected:
  void Configure(const std::string& table) {
    End();
    secure_boot_ = "[secure_boot]\n" + table;
    Begin();
  }
  std::filesystem::path Put(const std::string& name, const std::string& bytes) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  nlohmann::json Shown(const std::string& reference) {
    return nlohmann::json::parse(client_->Get("/api/v1/images/" + reference)->body);
  }
  AuditRecord Newest() { return core_->store().Audit({.limit = 1}).value().front(); }
  std::size_t Blobs() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& blob :
         std::filesystem::directory_iterator(folder_ / "state/images/blobs/sha256")) {
      ++count;
    }
    return count;
  }
};

TEST_F(SecureBootTest, AFolderOfShimAndGrubIsAcceptedAndSaysByWhom) {
  Put("tree/EFI/BOOT/BOOTX64.EFI", ReadAll(kShim));
  Put("tree/EFI/BOOT/grubx64.efi", ReadAll(kGrub));
  const Ran import = Slipway("image import " + (folder_ / "tree").string() + " shim:1");
  EXPECT_EQ(import.code, 0) << import.text;
  EXPECT_THAT(import.text, HasSubstr("Secure Boot: accepted"));
  const Ran show = Slipway("image show shim:1");
  EXPECT_THAT(show.text, HasSubstr("Microsoft Corporation UEFI CA 2011"));
  EXPECT_THAT(show.text, HasSubstr("\"Debian Secure Boot CA\" vouches"));
  EXPECT_THAT(Slipway("image list").text, HasSubstr("accepted"));
  const auto json = Shown("shim:1")["secure_boot"];
  EXPECT_EQ(json["outcome"], "accepted");
  EXPECT_EQ(json["is_current"], true);
  EXPECT_EQ(json["files"].size(), 2u);
  // In a list the outcome is enough.
  EXPECT_THAT(client_->Get("/api/v1/images")->body, Not(HasSubstr("signatures")));
}

TEST_F(SecureBootTest, AnUnsignedProgramIsImportedWithAWarning) {
  const auto file = Put("own.efi", PeBuilder{}.Build());
  const Ran import = Slipway("image import " + file.string() + " own:1");
  EXPECT_EQ(import.code, 0) << import.text;
  EXPECT_THAT(import.text, HasSubstr("will not boot under Secure Boot"));
  EXPECT_EQ(Shown("own:1")["secure_boot"]["outcome"], "refused");
  EXPECT_THAT(Slipway("image show own:1").text, HasSubstr("[unsigned]"));
}

TEST_F(SecureBootTest, TextsOfAProgramThatAreNoUtf8AreShownAllTheSame) {
  const PeBuilder uki{.sections = {{".text", "stub"}, {".cmdline", "quiet \xff\xfe\x1b[31m"}}};
  const auto file = Put("uki.efi", uki.Build());
  const Ran import = Slipway("image import " + file.string() + " uki:1");
  EXPECT_EQ(import.code, 0) << import.text;
  const Ran show = Slipway("image show uki:1");
  EXPECT_THAT(show.text, HasSubstr("arguments: quiet"));
  EXPECT_THAT(show.text, Not(HasSubstr("\x1b")));
}

TEST_F(SecureBootTest, UnderThePolicyRefuseItLeavesNothing) {
  Configure("policy = \"refuse\"\n");
  const auto file = Put("own.efi", PeBuilder{}.Build());
  const Ran import = Slipway("image import " + file.string() + " own:1");
  EXPECT_EQ(import.code, 1);
  EXPECT_THAT(import.text, HasSubstr("it is not signed"));
  EXPECT_THAT(import.text, HasSubstr("enrol"));
  EXPECT_EQ(client_->Get("/api/v1/images/own:1")->status, 404);
  EXPECT_EQ(Blobs(), 0u);
  const auto direct =
      client_->Put("/api/v1/images/own:1?file=own.efi", ReadAll(file), "application/octet-stream");
  EXPECT_EQ(direct->status, 409);
  // What is no program is nobody's business here.
  const auto disk = Put("disk.iso", "an image");
  EXPECT_EQ(Slipway("image import " + disk.string() + " disk:1").code, 0);
  EXPECT_EQ(Shown("disk:1")["secure_boot"]["outcome"], "not-judged");
}

TEST_F(SecureBootTest, ALooseFileIsJudgedAndNotKept) {
  const Ran good = Slipway(Text("image check ", kShim));
  EXPECT_EQ(good.code, 0) << good.text;
  EXPECT_THAT(good.text, HasSubstr("Secure Boot: accepted"));
  EXPECT_THAT(good.text, HasSubstr("OVMF_VARS_4M.ms.fd"));
  const Ran grub = Slipway(Text("image check ", kGrub));
  EXPECT_EQ(grub.code, 1);
  EXPECT_THAT(grub.text, HasSubstr("[signer-not-in-db]"));
  const Ran wrong = Slipway(Text("image check --arch aa64 ", kShim));
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text, HasSubstr("boot file for aa64, but a program for x64"));
  EXPECT_EQ(Slipway("image check /etc/hostname").code, 0);
  EXPECT_EQ(Slipway("image check /nowhere").code, 1);
  EXPECT_EQ(Blobs(), 0u);
  EXPECT_EQ(client_->Post("/api/v1/secure-boot/check", "x", "text/plain")->status, 400);
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "state")) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("upload-")));
  }
}

TEST_F(SecureBootTest, AnOperatorsOwnCertificateIsEnough) {
  const TemporaryFolder keys;
  const Signer own(keys);
  Configure(Text("policy = \"refuse\"\ndb = [\"", own.der().string(), "\"]\n"));
  const auto file = Put("own.efi", own.Sign(PeBuilder{}.Build()));
  const Ran import = Slipway("image import " + file.string() + " own:1");
  EXPECT_EQ(import.code, 0) << import.text;
  EXPECT_THAT(import.text, HasSubstr("\"Operator own\" in db vouches"));
  EXPECT_THAT(Slipway("secure-boot show").text, HasSubstr("db: Operator own"));
}

TEST_F(SecureBootTest, WhenRevocationsChangeASetIsJudgedAgain) {
  const TemporaryFolder keys;
  const Signer own(keys);
  const Signer other(keys, "other");
  std::filesystem::copy(other.der(), folder_ / "dbx");
  Configure(Text("db = [\"", own.der().string(), "\"]\ndbx = [\"dbx\"]\n"));
  const auto file = Put("own.efi", own.Sign(PeBuilder{}.Build()));
  ASSERT_EQ(Slipway("image import " + file.string() + " own:1").code, 0);
  ASSERT_EQ(Slipway("image import " + file.string() + " own:2").code, 0);
  EXPECT_EQ(Shown("own:1")["secure_boot"]["outcome"], "accepted");
  EXPECT_EQ(Shown("own:1")["digest"], Shown("own:2")["digest"]);
  EXPECT_THAT(Slipway("secure-boot recheck").text, HasSubstr("no outcome changed"));
  std::filesystem::copy(own.der(), folder_ / "dbx",
                        std::filesystem::copy_options::overwrite_existing);
  const auto recheck = client_->Post("/api/v1/secure-boot/recheck");
  EXPECT_EQ(nlohmann::json::parse(recheck->body)["changed"], (nlohmann::json{"own:1", "own:2"}))
      << "both names of it";
  const auto verdict = Shown("own:1")["secure_boot"];
  EXPECT_EQ(verdict["outcome"], "refused");
  EXPECT_THAT(verdict["words"].get<std::string>(), HasSubstr("dbx revokes"));
  // After a restart with other files the old verdict says that it is old, until it is judged again.
  Configure(Text("db = [\"", own.der().string(), "\"]\n"));
  EXPECT_EQ(Shown("own:1")["secure_boot"]["is_current"], false);
  EXPECT_TRUE(core_->Recheck(DaemonActor(), false).ok());
  EXPECT_EQ(Shown("own:1")["secure_boot"]["outcome"], "accepted");
  // A file that cannot be read changes nothing.
  std::filesystem::remove(own.der());
  EXPECT_EQ(client_->Post("/api/v1/secure-boot/recheck")->status, 409);
  EXPECT_EQ(Shown("own:1")["secure_boot"]["outcome"], "accepted");
}

TEST_F(SecureBootTest, FilesThatAreNotWholeAreNotTakenAndThatIsTold) {
  Put("dbx", DigestList(2, 'a'));
  Configure("dbx = [\"dbx\"]\n");
  const std::string version = core_->trust()->version;
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kSame);
  Put("dbx", DigestList(4, 'b').substr(0, 100));
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kUnsettled);
  EXPECT_THAT(Newest().what, Not(HasSubstr("secure-boot"))) << "nothing was read";
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kChanged);
  EXPECT_EQ(core_->trust()->version, version);
  EXPECT_EQ(Newest().what, "secure-boot refused");
  EXPECT_THAT(Newest().after, HasSubstr((folder_ / "dbx").string() + ": a signature list leads"));
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("\nslipway_secure_boot_files_refused 1\n"));
  EXPECT_THAT(Slipway("status").text, HasSubstr("what machines trust was not read again"));
  EXPECT_THAT(Slipway("secure-boot show").text, HasSubstr("changed since, and not read: "));
  const std::int64_t told = Newest().id;
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kSame);
  EXPECT_EQ(Newest().id, told) << "once";
  const Ran recheck = Slipway("secure-boot recheck");
  EXPECT_EQ(recheck.code, 1);
  EXPECT_THAT(recheck.text, HasSubstr("a signature list leads beyond the file"));
  // Repaired, it is taken by itself.
  Put("dbx", DigestList(4, 'b'));
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kUnsettled);
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kChanged);
  EXPECT_NE(core_->trust()->version, version);
  EXPECT_EQ(Newest().what, "secure-boot");
  EXPECT_THAT(Newest().before, HasSubstr("\"dbx\":2"));
  EXPECT_THAT(Newest().after, HasSubstr("\"dbx\":4"));
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("\nslipway_secure_boot_files_refused 0\n"));
  EXPECT_THAT(Slipway("status").text, Not(HasSubstr("what machines trust")));
}

TEST_F(SecureBootTest, AnAssignedSetThatIsRefusedFromNowOnStaysServedAndIsMarked) {
  const TemporaryFolder keys;
  const Signer own(keys);
  Put("dbx", DigestList(1, 'a'));
  Configure(Text("db = [\"", own.der().string(), "\"]\ndbx = [\"dbx\"]\n"));
  const auto file = Put("own.efi", own.Sign(PeBuilder{}.Build()));
  ASSERT_EQ(Slipway("image import " + file.string() + " debian:stable").code, 0);
  ASSERT_EQ(Slipway("image import " + file.string() + " debian:kept").code, 0);
  // Refused when it came, which the operator was told then.
  const auto unsigned_file = Put("unsigned.efi", PeBuilder{}.Build());
  ASSERT_EQ(Slipway("image import " + unsigned_file.string() + " unsigned:1").code, 0);
  EXPECT_THAT(Slipway("image list").text, Not(HasSubstr("refused since")));
  core_->AnnounceChanges();
  const std::uint64_t seen = core_->feed().newest();
  Put("dbx", ReadAll(own.der()));
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kUnsettled);
  EXPECT_EQ(core_->LookAtTrust(), TrustLook::kChanged);
  // Whoever brings it once more before that is done takes nothing from what is told.
  ASSERT_EQ(Slipway("image import " + file.string() + " debian:kept").code, 0);
  const auto changed = core_->Recheck(DaemonActor(), false);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_THAT(*changed, testing::UnorderedElementsAre("debian:stable", "debian:kept"));
  const auto shown = Shown("debian:stable");
  EXPECT_EQ(shown["loaded"], true);
  EXPECT_EQ(shown["secure_boot"]["outcome"], "refused");
  EXPECT_EQ(shown["secure_boot"]["is_assigned"], true);
  EXPECT_EQ(Shown("debian:kept")["secure_boot"]["is_assigned"], false);
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:01 --arch x64").text,
              HasSubstr(Text("boots https://boot.slipway.test/debian/",
                             std::string(shown["digest"]).substr(0, 12))));
  const std::string list = Slipway("image list").text;
  EXPECT_THAT(list,
              testing::ContainsRegex("debian:stable .*refused since 20..-..-.., still served"));
  EXPECT_THAT(list, testing::ContainsRegex("debian:kept .*refused since 20..-..-..  "));
  EXPECT_THAT(list, testing::ContainsRegex("unsigned:1 .*refused  "));
  EXPECT_THAT(Slipway("image show debian:stable").text, HasSubstr(", still served\n"));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("\nslipway_assigned_image_sets_refused 1\n"));
  EXPECT_THAT(Slipway("status").text, HasSubstr("are assigned to: debian:stable; 'slipway image"));
  // What webhooks and 'slipway watch' are told.
  core_->AnnounceChanges();
  const auto told = core_->feed().Read(seen, {.mac = std::nullopt, .kinds = {FeedKind::kChange}},
                                       10, EventFeed::Clock::now());
  std::vector<std::string> words;
  for (const auto& event : told.events) words.push_back(DataOf(*event));
  EXPECT_THAT(
      words, testing::UnorderedElementsAre(
                 HasSubstr("\"what\":\"secure-boot\""), HasSubstr("\"what\":\"image debian:kept\""),
                 HasSubstr("\"what\":\"image debian:stable secure-boot refused\""),
                 HasSubstr("\"what\":\"image debian:kept secure-boot refused\"")));
  // The mark outlives a restart, and judging again by the same.
  End();
  Begin();
  EXPECT_EQ(core_->AssignedAndRefused(), std::vector<std::string>{"debian:stable"});
  EXPECT_THAT(Slipway("secure-boot recheck --all").text, HasSubstr("no outcome changed"));
  EXPECT_EQ(core_->AssignedAndRefused(), std::vector<std::string>{"debian:stable"});
  ASSERT_EQ(Slipway("image tag debian:stable again").code, 0);
  EXPECT_EQ(core_->AssignedAndRefused(), std::vector<std::string>{"debian:stable"})
      << "nor does another name of it take it away";
  // It goes when the revocation does.
  Put("dbx", DigestList(1, 'a'));
  EXPECT_THAT(Slipway("secure-boot recheck").text, HasSubstr("debian:stable"));
  EXPECT_EQ(core_->AssignedAndRefused(), std::vector<std::string>());
  EXPECT_FALSE(Shown("debian:stable")["secure_boot"].contains("refused_since"));
}

}  // namespace
}  // namespace slipway::control
