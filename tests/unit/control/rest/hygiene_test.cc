// SPDX-License-Identifier: Apache-2.0
//
// What every resource has in common: problem documents with a kind, pages, entity tags, fields that
// mean nothing refused. And certificates and backups, end to end.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/backup/backup.h"
#include "control/offline.h"
#include "control/rest/routes.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

using HygieneTest = RestTest;

// With certificates that the daemon issued itself.
class OwnCertificatesTest : public RestTest {
 protected:
  OwnCertificatesTest() {
    End();
    boot_certificates_.clear();
    Begin();
  }
};

TEST_F(HygieneTest, EveryProblemHasAKindThatSaysWhatToDo) {
  const auto problem = client_->Get("/api/v1/images/none:1");
  const auto document = nlohmann::json::parse(problem->body);
  EXPECT_EQ(document["type"], "/problems/not-found");
  EXPECT_EQ(document["status"], 404);
  client_->set_bearer_token_auth("wrong");
  const auto kind = client_->Get(document["type"].get<std::string>());
  EXPECT_EQ(kind->status, 200) << "whoever meets a problem may read of it";
  EXPECT_THAT(nlohmann::json::parse(kind->body)["remedy"].get<std::string>(), HasSubstr("List"));
  EXPECT_EQ(client_->Get("/problems/nothing")->status, 404);
}

TEST_F(HygieneTest, ListsPageAndTheCommandLineFollows) {
  ImportBootFile("debian:testing");
  for (int i = 1; i <= 5; ++i) {
    ASSERT_EQ(Slipway(Text("machine set 52:54:00:00:00:0", i, " debian:testing")).code, 0);
  }
  std::string path = "/api/v1/machines?limit=2";
  std::vector<std::string> macs;
  std::size_t pages = 0;
  while (!path.empty()) {
    const auto page = client_->Get(path);
    const auto list = nlohmann::json::parse(page->body);
    EXPECT_LE(list.size(), 2u);
    for (const auto& machine : list) macs.push_back(machine["mac"]);
    const std::string link = page->get_header_value("Link");
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    ++pages;
    // One that was shown goes: nothing is shown twice or left out.
    if (pages == 1) {
      EXPECT_EQ(Slipway("machine rm 52:54:00:00:00:02").code, 0);
    }
  }
  EXPECT_EQ(pages, 3u);
  EXPECT_THAT(macs,
              testing::ElementsAre("52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03",
                                   "52:54:00:00:00:04", "52:54:00:00:00:05"));
  EXPECT_EQ(client_->Get("/api/v1/machines?limit=0")->status, 400);
  for (int i = 0; i < 250; ++i) core_->Audit(DaemonActor(), Text("change ", i), nullptr, i);
  const Ran all = Slipway("--json audit list --since 1h");
  EXPECT_GT(nlohmann::json::parse(all.text).size(), 250u);
}

TEST_F(HygieneTest, WhoChangesWhatAnotherChangedMeanwhileIsTold) {
  ImportBootFile("debian:testing");
  const std::string path = "/api/v1/machines/52:54:00:00:00:01";
  const std::string body = R"({"image_set": "debian:testing", "name": "one"})";
  const auto put = [&](const httplib::Headers& headers, const std::string& text) {
    return client_->Put(path, headers, text, "application/json");
  };
  EXPECT_EQ(put({{"If-Match", "\"0\""}}, body)->status, 412) << "there is nothing to match";
  const auto made = put({{"If-None-Match", "*"}}, body);
  ASSERT_EQ(made->status, 200);
  EXPECT_EQ(put({{"If-None-Match", "*"}}, body)->status, 412);
  const std::string tag = made->get_header_value("ETag");
  EXPECT_EQ(client_->Get(path)->get_header_value("ETag"), tag);
  EXPECT_EQ(put({}, body)->get_header_value("ETag"), tag) << "the same again changes nothing";
  const auto second = put({{"If-Match", tag}}, R"({"image_set": "debian:testing", "name": "two"})");
  ASSERT_EQ(second->status, 200);
  const auto late = put({{"If-Match", tag}}, body);
  EXPECT_EQ(late->status, 412);
  EXPECT_THAT(late->body, HasSubstr("changed meanwhile"));
  EXPECT_EQ(client_->Delete(path, {{"If-Match", tag}})->status, 412);
  EXPECT_EQ(client_->Delete(path, {{"If-Match", second->get_header_value("ETag")}})->status, 204);
}

TEST_F(HygieneTest, RulesAndRolloutsHaveEntityTagsToo) {
  ImportBootFile("debian:stable");
  ImportBootFile("debian:next");
  const struct {
    const char* path;
    const char* first;
    const char* second;
  } kCases[] = {
      {"/api/v1/rules/r", R"({"image_set": "debian:stable"})",
       R"({"image_set": "debian:stable", "selector": "rack=a1"})"},
      {"/api/v1/rollouts/debian:stable", R"({"candidate": "debian:next", "percent": 10})",
       R"({"candidate": "debian:next", "percent": 50})"},
  };
  for (const auto& each : kCases) {
    const auto put = [&](const httplib::Headers& headers, const char* body) {
      return client_->Put(each.path, headers, body, "application/json");
    };
    EXPECT_EQ(client_->Get(each.path)->status, 404);
    EXPECT_EQ(put({{"If-Match", "\"0\""}}, each.first)->status, 412) << each.path;
    const auto made = put({{"If-None-Match", "*"}}, each.first);
    ASSERT_EQ(made->status, 200) << made->body;
    EXPECT_EQ(put({{"If-None-Match", "*"}}, each.second)->status, 412) << each.path;
    const std::string tag = made->get_header_value("ETag");
    EXPECT_FALSE(tag.empty());
    EXPECT_EQ(client_->Get(each.path)->get_header_value("ETag"), tag);
    EXPECT_EQ(client_->Get(each.path)->body, made->body);
    const auto second = put({{"If-Match", tag}}, each.second);
    ASSERT_EQ(second->status, 200) << second->body;
    EXPECT_EQ(put({{"If-Match", tag}}, each.first)->status, 412) << each.path;
    EXPECT_EQ(client_->Delete(each.path, {{"If-Match", tag}})->status, 412) << each.path;
    EXPECT_EQ(client_->Get(each.path)->body, second->body);
    const httplib::Headers now = {{"If-Match", second->get_header_value("ETag")}};
    EXPECT_EQ(client_->Delete(each.path, now)->status, 204) << each.path;
  }
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next").code, 0);
  const auto late = client_->Post("/api/v1/rollouts/debian:stable/promote", {{"If-Match", "\"0\""}},
                                  "", "application/json");
  EXPECT_EQ(late->status, 412) << "it is not what was looked at";
}

TEST_F(HygieneTest, AFieldThatMeansNothingIsRefusedByItsName) {
  const auto machine = client_->Put("/api/v1/machines/52:54:00:00:00:01",
                                    R"({"image_set": "a:1", "nmae": "x"})", "application/json");
  EXPECT_EQ(machine->status, 400);
  EXPECT_THAT(machine->body, HasSubstr("nmae")) << machine->body;
  const auto image =
      client_->Put("/api/v1/images/a:1", R"({"path": "/", "treee": true})", "application/json");
  EXPECT_EQ(image->status, 400);
  EXPECT_THAT(image->body, HasSubstr("treee"));
}

TEST_F(OwnCertificatesTest, CertificatesRotateWithoutARefusedConnection) {
  const auto before = core_->certificates().All();
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  std::thread asking([&] {
    while (!stop) {
      httplib::SSLClient other("127.0.0.1", server_->port());
      other.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
      other.enable_server_certificate_verification(true);
      BePatient(other);
      const auto result = other.Get("/api/v1/health");
      ++(result && result->status == 200 ? answered : refused);
    }
  });
  const auto old_tls = snapshot_->tls;
  for (int i = 0; i < 3; ++i) {
    const Ran ran = Slipway("cert rotate");
    EXPECT_EQ(ran.code, 0) << ran.text;
    // Each is met by a connection that began since.
    const int asked = answered + refused;
    while (answered + refused < asked + 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  stop = true;
  asking.join();
  EXPECT_GT(answered, 3);
  EXPECT_EQ(refused, 0);
  const auto after = core_->certificates().All();
  ASSERT_EQ(after.size(), 4u);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].fingerprint == after[i].fingerprint, after[i].name == "ca");
  }
  EXPECT_NE(snapshot_->tls, old_tls);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr(after[1].fingerprint));
  // A connection that began before goes on.
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

TEST_F(OwnCertificatesTest, WhatEndsSoonIsRenewedOrWarnedOf) {
  const auto before = core_->certificates().All();
  EXPECT_THAT(Slipway("cert show").text, HasSubstr("boot-ecdsa"));
  EXPECT_THAT(client_->Get("/metrics")->body,
              testing::ContainsRegex("slipway_certificate_days_left.certificate=\"boot-rsa\". 39"));
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/status")->body)["warnings"].size(), 0u);
  const std::int64_t end = before[1].not_after;
  core_->certificates().Renew(end - 31 * 86400);
  EXPECT_EQ(core_->certificates().All()[1].fingerprint, before[1].fingerprint);
  core_->certificates().Renew(end - 30 * 86400 + 1);
  EXPECT_NE(core_->certificates().All()[1].fingerprint, before[1].fingerprint);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("slipwayd"));
}

TEST_F(HygieneTest, ADamagedManifestLeavesOneImageSetOutAndIsWarnedOf) {
  ImportBootFile("debian:stable");
  ImportBootFile("other:1", 5000);
  const auto image = client_->Get("/api/v1/images/other:1");
  const std::string digest = nlohmann::json::parse(image->body)["digest"];
  const auto manifest = folder_ / "state/images/blobs/sha256" / digest;
  const std::string whole = BytesOf(manifest);
  const auto names = [this] {
    std::vector<std::string> all;
    for (const auto& set : nlohmann::json::parse(client_->Get("/api/v1/images")->body)) {
      all.push_back(set["reference"]);
    }
    return Join(all, " ");
  };
  std::string flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  // A bit too many, what is none of ours under our type, and nothing at all.
  for (const std::string& bytes : {flipped, std::string("{}"), std::string()}) {
    End();
    std::ofstream(manifest, std::ios::binary) << bytes;
    if (bytes.empty()) std::filesystem::remove(manifest);
    Begin();
    ASSERT_NE(snapshot_, nullptr);
    EXPECT_NE(snapshot_->images.Find("/debian/stable/boot.efi"), nullptr);
    EXPECT_EQ(names(), "debian:stable");
    EXPECT_THAT(Slipway("status").text, HasSubstr("image set other:1 is left out: "));
  }
  ImportBootFile("other:1", 5000);
  EXPECT_EQ(names(), "debian:stable other:1");
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/status")->body)["warnings"].size(), 0u);
  // It may be dropped as well.
  End();
  std::ofstream(manifest, std::ios::binary) << flipped;
  Begin();
  const Ran dropped = Slipway("image rm other:1");
  EXPECT_EQ(dropped.code, 0) << dropped.text;
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/status")->body)["warnings"].size(), 0u);
}

TEST_F(HygieneTest, WhatIsThrownIsOursUnlessItIsOfTheBody) {
  const auto answer = [](const std::string& path, const std::string& body, auto thrown) {
    httplib::Request request;
    request.method = "PUT";
    request.path = path;
    request.body = body;
    if (!body.empty()) request.set_header("Content-Length", std::to_string(body.size()));
    httplib::Response response;
    ReplyException(request, response, std::make_exception_ptr(thrown));
    return response;
  };
  const auto type_error = nlohmann::json::type_error::create(302, "no string", nullptr);
  EXPECT_EQ(answer("/api/v1/rules/a", "{}", type_error).status, 400);
  EXPECT_EQ(answer("/api/v1/rules/a", "", type_error).status, 500) << "of a document of our own";
  const auto ours = answer("/api/v1/rules/a", "", std::bad_alloc());
  EXPECT_EQ(ours.status, 500);
  EXPECT_EQ(ours.get_header_value("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer("/api/v1/rules/a", "{}", 1).status, 500);
  for (const auto& registrys : {answer("/v2/a/manifests/b", "", std::bad_alloc()),
                                answer("/v2/a/manifests/b", "{}", std::bad_alloc())}) {
    EXPECT_EQ(registrys.status, 500);
    EXPECT_THAT(registrys.get_header_value("Content-Type"), HasSubstr("application/json"));
    EXPECT_TRUE(registrys.content_provider_) << "as the registry gives all of its answers";
  }
}

TEST_F(HygieneTest, ADiskThatFailsIsNotToldAsAMistakeOfTheRequest) {
  const auto file = folder_ / "state/images/oci-layout";
  std::filesystem::remove(file);
  std::filesystem::create_symlink(file, file);  // nothing can be said of it
  EXPECT_EQ(client_->Get("/api/v1/backup")->status, 500);
  std::filesystem::remove(file);
  EXPECT_EQ(client_->Put("/api/v1/rules/a", R"({"image_set": 7})", "application/json")->status,
            400);
  EXPECT_EQ(client_->Get("/api/v1/backup")->status, 200);
}

// What nothing leads to is not known while a manifest cannot be read; what was removed is all the
// same.
TEST_F(HygieneTest, WhatIsRemovedIsWhileAnotherManifestIsDamaged) {
  ImportBootFile("debian:stable");
  ImportBootFile("other:1", 5000);
  ImportBootFile("third:1", 6000);
  ImportBootFile("fourth:1", 7000);
  const auto digest_of = [this](const char* reference) {
    const auto image = client_->Get(Text("/api/v1/images/", reference));
    return nlohmann::json::parse(image->body)["digest"].get<std::string>();
  };
  const auto damaged = folder_ / "state/images/blobs/sha256" / digest_of("other:1");
  const std::string fourth = digest_of("fourth:1");
  End();
  const std::string whole = BytesOf(damaged);
  std::ofstream(damaged, std::ios::binary) << "{}";
  Begin();
  const auto removed = client_->Delete("/api/v1/images/third:1");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->status, 204) << removed->body;
  const auto deleted = client_->Delete("/v2/fourth/manifests/sha256:" + fourth);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->status, 202) << deleted->body;
  EXPECT_EQ(client_->Get("/api/v1/images/third:1")->status, 404);
  EXPECT_EQ(client_->Get("/v2/fourth/manifests/1")->status, 404);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "state/images/blobs/sha256" / fourth));
  // It goes once it can be told that nothing needs it.
  End();
  std::ofstream(damaged, std::ios::binary) << whole;
  Begin();
  EXPECT_EQ(client_->Delete("/api/v1/images/other:1")->status, 204);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "state/images/blobs/sha256" / fourth));
}

TEST_F(HygieneTest, WhoeverFollowsABootWaitsForTheMachineAndForNothingElse) {
  const std::string rest =
      Text(SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
           " --server 127.0.0.1:", server_->port(), " boot show 52:54:00:00:00:09 --follow");
  const Ran wrong = Shell("SLIPWAY_TOKEN=wrong timeout 60 " + rest);
  EXPECT_EQ(wrong.code, 1) << wrong.text;
  EXPECT_THAT(wrong.text, HasSubstr("no valid token"));
  EXPECT_EQ(Shell("timeout 1 " + rest).code, 124) << "it may still come";
}

class BackupTest : public RestTest {
 protected:
  std::string Files(const std::filesystem::path& state) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state)) {
      if (entry.is_regular_file()) {
        names.push_back(entry.path().lexically_relative(state).generic_string());
      }
    }
    std::ranges::sort(names);
    return Join(names, " ");
  }
  std::filesystem::path tar_ = folder_ / "backup.tar";
  std::filesystem::path other_ = folder_ / "other";
};

TEST_F(BackupTest, AStateComesBackAsItWas) {
  ImportBootFile("debian:stable", 5000);
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:stable").code, 0);
  const std::string token = MakeToken("ci --role viewer");
  const Ran ran = Slipway("backup --images " + tar_.string());
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("backup"));
  // The server clears an upload away once it has answered.
  const auto uploads = [this] {
    return std::ranges::count_if(
        std::filesystem::directory_iterator(folder_ / "state"),
        [](const auto& entry) { return entry.path().filename().string().starts_with("upload-"); });
  };
  for (int i = 0; i < 3000 && uploads() != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(uploads(), 0);
  const std::string authority = core_->certificates().authorities()->issuing.certificate_pem;
  const std::string first = core_->token().text;
  End();
  std::filesystem::rename(folder_ / "state", folder_ / "lost");
  const auto restored = Restore(tar_, folder_ / "state");
  ASSERT_TRUE(restored.ok()) << restored.status();
  Begin();
  EXPECT_EQ(core_->certificates().authorities()->issuing.certificate_pem, authority);
  EXPECT_EQ(core_->token().text, first);
  EXPECT_THAT(Slipway("machine list").text, HasSubstr("52:54:00:00:00:01"));
  EXPECT_EQ(Slipway("--token " + token + " image list").code, 0);
  EXPECT_NE(snapshot_->images.Find("/debian/stable/boot.efi"), nullptr);
  EXPECT_EQ(Slipway("audit verify").code, 0);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0) << "also to where its tag led before";
  EXPECT_EQ(snapshot_->images.Find("/debian/stable/boot.efi")->content.size(), 5000U);
  const auto mode = std::filesystem::status(folder_ / "state/ca.key").permissions();
  EXPECT_EQ(mode & std::filesystem::perms::all, std::filesystem::perms(0600));
}

TEST_F(BackupTest, ARestoredAuditLogThatIsNotWholeIsAFailure) {
  for (int i = 1; i <= 5; ++i) core_->Audit(DaemonActor(), Text("change ", i), nullptr, i);
  const auto restore = [this](std::string state) {
    std::string option = "--restore";
    std::string tar = tar_.string();
    std::string where = "--state";
    const std::array<char*, 4> words = {option.data(), tar.data(), where.data(), state.data()};
    return RunOffline(words);
  };
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  EXPECT_EQ(restore(other_.string()), 0);
  {
    const auto store = OpenSqliteStore(other_ / "catalog.db");
    ASSERT_TRUE(store.ok()) << store.status();
    const AuditRecord noted = (*store)->Audit({.limit = 1})->front();
    EXPECT_EQ(noted.what, "restore") << "that the log goes on from there";
    EXPECT_EQ(noted.request, "slipwayd --restore " + tar_.string());
    EXPECT_THAT(noted.after, HasSubstr("backup_of"));
  }
  End();
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/catalog.db").c_str(), &handle);
  ASSERT_EQ(sqlite3_exec(handle,
                         "DROP TRIGGER audit_keeps; "
                         "UPDATE audit SET who='token mallory' WHERE id=3",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close_v2(handle);
  Begin();
  std::filesystem::remove(tar_);
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  EXPECT_EQ(restore((folder_ / "third").string()), 1);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "third/catalog.db")) << "it is there all the same";
}

TEST_F(BackupTest, WithoutImagesTheirIndexSaysWhatIsMissing) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  std::uint64_t told = 0;
  const auto tell = [&](std::uint64_t bytes) {
    EXPECT_GE(bytes, told);
    told = bytes;
  };
  ASSERT_TRUE(Restore(tar_, other_, tell).ok());
  EXPECT_GT(told, 0u);
  EXPECT_LE(told, std::filesystem::file_size(tar_));
  EXPECT_THAT(Files(other_), HasSubstr("images/index.json"));
  const auto image = core_->Images()->front();
  EXPECT_TRUE(std::filesystem::exists(other_ / "images/blobs/sha256" / image.digest));
  EXPECT_FALSE(std::filesystem::exists(other_ / "images/blobs/sha256" / image.files[0].digest));
}

TEST_F(BackupTest, ADirectoryThatIsNotEmptyIsLeftAlone) {
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  std::filesystem::create_directories(other_);
  EXPECT_TRUE(Restore(tar_, other_).ok()) << "an empty one is taken";
  const auto again = Restore(tar_, other_);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Files(other_), HasSubstr("ca.key"));
}

TEST_F(BackupTest, ADamagedOrForeignTarIsRefusedAndLeavesNothing) {
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  const std::string whole = BytesOf(tar_);
  const auto refused = [&](const std::string& bytes) {
    std::ofstream(folder_ / "bad.tar", std::ios::binary) << bytes;
    const bool good = Restore(folder_ / "bad.tar", other_).ok();
    return !good && !std::filesystem::exists(other_) &&
           !std::filesystem::exists(other_.string() + ".restoring");
  };
  EXPECT_TRUE(refused("")) << "empty";
  EXPECT_TRUE(refused("no tar at all"));
  for (std::size_t cut = 512; cut + 2048 < whole.size(); cut += whole.size() / 9) {
    EXPECT_TRUE(refused(whole.substr(0, cut))) << cut;
  }
  // A bit of a file's content: the first block behind the header that names it.
  for (const char* name : {"ca.key", "token", "catalog.db", "images/index.json"}) {
    std::string changed = whole;
    const std::size_t header = changed.rfind(name);
    ASSERT_NE(header, std::string::npos);
    changed[header / 512 * 512 + 512 + 20] ^= 1;
    EXPECT_TRUE(refused(changed)) << name;
  }
}

TEST_F(BackupTest, OneOfANewerSlipwaydIsToldFromADamagedOne) {
  ImportBootFile("debian:stable", 5000);
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("backup " + tar_.string()).code, 0);
  const std::string tar = BytesOf(tar_);
  constexpr std::string_view kVersion = "\"version\": 2";
  const std::size_t at = tar.find(kVersion);
  ASSERT_NE(at, tar.npos);
  EXPECT_NE(tar.find("images/previous.json"), tar.npos) << "which an older one does not know";
  const auto restored = [&](char version) {
    std::string bytes = tar;
    bytes[at + kVersion.size() - 1] = version;
    std::filesystem::remove_all(other_);
    std::ofstream(folder_ / "versioned.tar", std::ios::binary) << bytes;
    return Restore(folder_ / "versioned.tar", other_).status();
  };
  EXPECT_TRUE(restored('1').ok()) << restored('1') << "of a release before";
  EXPECT_TRUE(restored('2').ok()) << restored('2');
  EXPECT_THAT(Files(other_), HasSubstr("images/previous.json"));
  const absl::Status newer = restored('3');
  EXPECT_EQ(newer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(newer.message()),
              HasSubstr("versioned.tar: a newer slipwayd wrote it: its backups have the version 3, "
                        "and this one reads those up to 2; restore it with that one"));
  EXPECT_FALSE(std::filesystem::exists(other_)) << "and nothing is left behind";
  const absl::Status damaged = restored('0');
  EXPECT_EQ(damaged.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.message()), HasSubstr("backup.json is damaged"));
}

TEST_F(BackupTest, OneThatHasNoRoomIsRefusedBeforeItBegins) {
  ImportBootFile("debian:stable");
  const auto images = nlohmann::json::parse(client_->Get("/api/v1/images")->body);
  const std::string digest = images[0]["files"][0]["digest"];
  const auto blob = folder_ / "state/images/blobs/sha256" / digest;
  // More than there is, on paper: the file has a hole.
  const std::uint64_t free = std::filesystem::space(folder_).available;
  std::filesystem::resize_file(blob, free + (std::uint64_t{1} << 30));
  const auto refused = client_->Get("/api/v1/backup?images=true");
  EXPECT_EQ(refused->status, 409);
  EXPECT_THAT(refused->body, HasSubstr("a backup needs "));
  EXPECT_THAT(refused->body, HasSubstr(" are free; make room"));
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "state")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("upload-")) << "it had begun";
  }
  EXPECT_EQ(client_->Get("/api/v1/backup")->status, 200);
}

TEST_F(BackupTest, ARestoreThatIsKilledLeavesNoDirectoryOrAWholeOne) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("backup --images " + tar_.string()).code, 0);
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove_all(other_);
    const pid_t child = ::fork();
    if (child == 0) {
      const bool good = Restore(tar_, other_).ok();
      ::_exit(good ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(round * 1500));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (!std::filesystem::exists(other_)) continue;
    EXPECT_THAT(Files(other_), HasSubstr("token"));
    EXPECT_THAT(Files(other_), HasSubstr("images/index.json"));
  }
  // And the next one is not in its way.
  std::filesystem::remove_all(other_);
  EXPECT_TRUE(Restore(tar_, other_).ok());
}

TEST_F(BackupTest, ABackupThatIsKilledLeavesTheOneBeforeOrAWholeOne) {
  ImportBootFile("debian:stable");
  const std::string state = (folder_ / "state").string();
  const std::string server = Text("127.0.0.1:", server_->port());
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl(SLIPWAY_PROGRAM, "slipway", "--state", state.c_str(), "--server", server.c_str(),
              "backup", tar_.c_str(), "--images", nullptr);
      ::_exit(127);
    }
    ::usleep(static_cast<useconds_t>(round * 10'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (!std::filesystem::exists(tar_)) continue;
    std::filesystem::remove_all(other_);
    EXPECT_TRUE(Restore(tar_, other_).ok()) << "round " << round;
  }
  EXPECT_EQ(Slipway("backup " + tar_.string()).code, 0);
}

TEST_F(BackupTest, ABackupIsOneMomentWhileOthersWrite) {
  ImportBootFile("debian:stable");
  std::atomic<bool> stop{false};
  std::thread writing([&] {
    for (int i = 0; !stop; ++i) core_->Audit(DaemonActor(), Text("change ", i), nullptr, i);
  });
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Slipway("backup " + tar_.string()).code, 0);
    std::filesystem::remove_all(other_);
    ASSERT_TRUE(Restore(tar_, other_).ok());
    const auto head = VerifyAuditFile(other_ / "catalog.db", std::nullopt);
    EXPECT_TRUE(head.ok()) << head.status();
  }
  stop = true;
  writing.join();
}

}  // namespace
}  // namespace slipway::control
