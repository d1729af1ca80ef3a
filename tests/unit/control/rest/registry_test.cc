// SPDX-License-Identifier: Apache-2.0
//
// The registry held to distribution-spec 1.1, request by request, over a live server: manifests,
// tags, referrers and who may. Blobs and uploads are in registry_uploads_test.cc.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(RegistryTest, TheRootTellsThatThisIsARegistry) {
  for (const char* path : {"/v2/", "/v2"}) {
    const auto root = client_->Get(path);
    EXPECT_EQ(root->status, 200);
    EXPECT_EQ(root->get_header_value("Docker-Distribution-API-Version"), "registry/2.0");
  }
}

TEST_F(RegistryTest, TheTokenIsAskedForAndTakenAsBearerOrAsAnyUsersPassword) {
  const std::string token = core_->token().text;
  client_->set_bearer_token_auth("");
  const auto refused = client_->Get("/v2/");
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->get_header_value("WWW-Authenticate"), HasSubstr("Basic realm="));
  EXPECT_EQ(ErrorCode(refused), "UNAUTHORIZED");
  httplib::SSLClient basic("127.0.0.1", server_->port());
  basic.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
  basic.set_basic_auth("anybody", token);
  BePatient(basic);
  EXPECT_EQ(basic.Get("/v2/")->status, 200);
  EXPECT_EQ(basic.Get("/api/v1/images")->status, 200);
  for (const auto& [user, password] :
       std::map<std::string, std::string>{{token, ""}, {"", ""}, {"x", token + "x"}, {"y", "y"}}) {
    basic.set_basic_auth(user, password);
    EXPECT_EQ(basic.Get("/v2/")->status, 401) << user;
  }
  for (const char* header :
       {"Basic", "Basic ", "Basic !!!!", "Basic OjA=A", "Basic AA==", "Digest x"}) {
    EXPECT_EQ(client_->Get("/v2/", {{"Authorization", header}})->status, 401) << header;
  }
}

// distribution-spec 1.1.1, "Error Codes": what is JSON of a 4XX "MUST have the following format".
// oras prints no word of another, and crane prints it raw.
TEST_F(RegistryTest, WhoMayNotPushIsToldSoAsTheSpecificationHasErrors) {
  const std::string text = PushSet("debian", "stable", "the boot file");
  const std::string viewer = MakeToken("reader --role viewer");
  const std::string scoped = MakeToken("rack-a --role operator --scope rack=a1");
  const auto refused = [this](const httplib::Result& result, const std::string& why) {
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 403);
    EXPECT_EQ(ErrorCode(result), "DENIED");
    EXPECT_THAT(result->body, HasSubstr(why));
    EXPECT_THAT(result->get_header_value("Content-Type"), StartsWith("application/json"));
  };
  for (const auto& [token, why] : std::map<std::string, std::string>{
           {viewer, "needs operator"}, {scoped, "needs a token without a scope"}}) {
    client_->set_bearer_token_auth(token);
    EXPECT_EQ(client_->Get("/v2/debian/manifests/stable")->body, text);
    refused(client_->Post("/v2/debian/blobs/uploads/", "", kType), why);
    refused(client_->Post("/v2/debian/blobs/uploads/?digest=" + DigestOf("x"), "x", kType), why);
    refused(PutManifest("debian", "other", text), why);
    refused(client_->Delete("/v2/debian/manifests/stable"), why);
    refused(client_->Delete("/v2/debian/blobs/" + DigestOf("the boot file")), why);
  }
  client_->set_bearer_token_auth(core_->token().text);
  EXPECT_EQ(client_->Get("/v2/debian/manifests/other")->status, 404);
  // Whoever tried too many wrong tokens.
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  other.set_bearer_token_auth("wrong");
  BePatient(other);
  httplib::Result locked = other.Get("/v2/");
  for (int i = 0; i < 50 && locked->status == 401; ++i) locked = other.Get("/v2/");
  EXPECT_EQ(locked->status, 429);
  EXPECT_EQ(ErrorCode(locked), "TOOMANYREQUESTS");
}

TEST_F(RegistryTest, APushedImageSetIsGivenBackByteForByteAndIsBooted) {
  const std::string boot = "the boot file";
  const std::string text = PushSet("debian", "stable", boot);
  for (const std::string& reference : {std::string("stable"), DigestOf(text)}) {
    const std::string path = "/v2/debian/manifests/" + reference;
    const auto got = client_->Get(path);
    ASSERT_EQ(got->status, 200) << reference;
    EXPECT_EQ(got->body, text);
    EXPECT_EQ(got->get_header_value("Content-Type"), kManifestType);
    EXPECT_EQ(got->get_header_value("Docker-Content-Digest"), DigestOf(text));
    const auto head = client_->Head(path);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->get_header_value("Docker-Content-Digest"), DigestOf(text));
    EXPECT_EQ(head->get_header_value("Content-Length"), std::to_string(text.size()));
  }
  const auto blob = client_->Get("/v2/debian/blobs/" + DigestOf(boot));
  EXPECT_EQ(blob->body, boot);
  // It is one of ours now: judged, published, and shown.
  const auto* served = snapshot_->images.Find("/debian/stable/boot.efi");
  ASSERT_NE(served, nullptr);
  EXPECT_EQ(AsText(served->content), boot);
  EXPECT_THAT(Slipway("image show debian:stable").text, HasSubstr("Secure Boot: refused"));
  EXPECT_THAT(Incoming(), IsEmpty());
}

TEST_F(RegistryTest, AnImportedSetIsPulledWithTheSameDigests) {
  ImportBootFile("debian:stable");
  const auto manifest = client_->Get("/v2/debian/manifests/stable");
  ASSERT_EQ(manifest->status, 200);
  EXPECT_EQ(DigestOf(manifest->body), manifest->get_header_value("Docker-Content-Digest"));
  const auto json = nlohmann::json::parse(manifest->body);
  for (const auto& part : {json["config"], json["layers"][0]}) {
    const auto blob = client_->Get("/v2/debian/blobs/" + std::string(part["digest"]));
    ASSERT_EQ(blob->status, 200);
    EXPECT_EQ(DigestOf(blob->body), part["digest"]);
    EXPECT_EQ(blob->body.size(), part["size"]);
  }
}

TEST_F(RegistryTest, ASetThatThePolicyRefusesIsNotTaken) {
  End();
  secure_boot_ = "[secure_boot]\npolicy = \"refuse\"\n";
  RestTest::Begin();
  const std::string boot = "nobody signed this";
  EXPECT_EQ(PushBlob("debian", "{}"), 201);
  EXPECT_EQ(PushBlob("debian", boot), 201);
  const auto refused = PutManifest("debian", "stable", SetManifest(boot));
  EXPECT_EQ(refused->status, 403);
  EXPECT_EQ(ErrorCode(refused), "DENIED");
  EXPECT_THAT(refused->body, HasSubstr("firmware under Secure Boot"));
  EXPECT_EQ(client_->Get("/v2/debian/manifests/stable")->status, 404);
  EXPECT_THAT(*core_->Images(), IsEmpty());
}

TEST_F(RegistryTest, WhatIsNoImageSetIsKeptAndNotBooted) {
  const std::string layer = "a layer";
  EXPECT_EQ(PushBlob("tools/busybox", layer), 201);
  EXPECT_EQ(PushBlob("tools/busybox", "{}"), 201);
  const std::string docker = "application/vnd.docker.distribution.manifest.v2+json";
  const std::string text =
      nlohmann::json{
          {"schemaVersion", 2},
          {"mediaType", docker},
          {"config", DescriptorOf("{}", "application/vnd.docker.container.image.v1+json")},
          {"layers", {DescriptorOf(layer, "application/vnd.docker.image.rootfs.diff.tar")}}}
          .dump();
  EXPECT_EQ(PutManifest("tools/busybox", "1.36", text, docker)->status, 201);
  const auto got = client_->Get("/v2/tools/busybox/manifests/1.36");
  EXPECT_EQ(got->body, text);
  EXPECT_EQ(got->get_header_value("Content-Type"), docker);
  EXPECT_THAT(*core_->Images(), IsEmpty());
  // An index of it, pulled by its own type.
  nlohmann::json part = DescriptorOf(text, docker);
  part["platform"] = {{"architecture", "amd64"}, {"os", "linux"}};
  const std::string index =
      nlohmann::json{{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", {part}}}.dump();
  EXPECT_EQ(PutManifest("tools/busybox", "all", index, std::string(kIndexType))->status, 201);
  EXPECT_EQ(client_->Get("/v2/tools/busybox/manifests/all")->get_header_value("Content-Type"),
            kIndexType);
  EXPECT_TRUE(core_->Republish().ok());
}

TEST_F(RegistryTest, ASetWithSlashesInItsNameIsKeptAndShown) {
  const std::string text = PushSet("site/rack1/debian", "stable", "boot");
  EXPECT_EQ(client_->Get("/v2/site/rack1/debian/manifests/stable")->body, text);
  EXPECT_EQ((*core_->Images()).front().reference, "site/rack1/debian:stable");
  EXPECT_THAT(Slipway("image show site/rack1/debian:stable").text, HasSubstr("boot.efi"));
  EXPECT_EQ(Slipway("image rm site/rack1/debian:stable").code, 0);
}

TEST_F(RegistryTest, AManifestMustBeWholeSmallAndWhatItIsCalled) {
  const std::string good = OtherManifest("a", "application/vnd.example");
  const auto code = [&](const std::string& reference, const std::string& text,
                        const std::string& type = std::string(kManifestType)) {
    const auto result = PutManifest("a", reference, text, type);
    return Text(result->status, ' ', result->status == 201 ? "" : ErrorCode(result));
  };
  EXPECT_EQ(code("1", "{"), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("1", "[]"), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("1", R"({"schemaVersion": 1})"), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("1", good, std::string(kIndexType)), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("1", good, "text/plain"), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("-bad", good), "400 MANIFEST_INVALID");
  EXPECT_EQ(code("sha256:" + std::string(64, '0'), good), "400 DIGEST_INVALID");
  EXPECT_EQ(code("sha512:" + std::string(128, '0'), good), "400 DIGEST_INVALID");
  EXPECT_EQ(code("1", std::string((4 << 20) + 1, ' ')), "413 SIZE_INVALID");
  const std::string padded = good + std::string((4 << 20) - good.size(), ' ');
  EXPECT_EQ(code("1", padded), "201 ");
  EXPECT_EQ(code("2", SetManifest("a blob that nobody pushed")), "404 MANIFEST_BLOB_UNKNOWN");
  auto wrong = nlohmann::json::parse(good);
  wrong["config"]["size"] = 3;
  EXPECT_EQ(code("2", wrong.dump()), "400 MANIFEST_INVALID");
  const std::string index =
      nlohmann::json{{"schemaVersion", 2},
                     {"mediaType", kIndexType},
                     {"manifests", {DescriptorOf("not here", std::string(kManifestType))}}}
          .dump();
  EXPECT_EQ(code("2", index, std::string(kIndexType)), "404 MANIFEST_BLOB_UNKNOWN");
  // An image set's own rules: a path that leads out of it.
  EXPECT_EQ(PushBlob("a", "x"), 201);
  auto set = nlohmann::json::parse(SetManifest("x"));
  set["layers"][0]["annotations"]["org.opencontainers.image.title"] = "../x";
  EXPECT_EQ(code("2", set.dump()), "400 MANIFEST_INVALID");
  EXPECT_EQ(client_->Get("/v2/a/manifests/2")->status, 404);
}

TEST_F(RegistryTest, NamesAreOfTheSpecificationsGrammar) {
  for (const char* name : {"A", "a..b", "a/", "/a", "a//b", "-a", "a-", "a___b", "a/B", "a._b"}) {
    EXPECT_EQ(ErrorCode(client_->Get(Text("/v2/", name, "/tags/list"))), "NAME_INVALID") << name;
    const auto begun = client_->Post(Text("/v2/", name, "/blobs/uploads/"), "", kType);
    EXPECT_EQ(begun->status, 400) << name;
  }
  EXPECT_EQ(client_->Get("/v2/unknown/manifests/1")->status, 404);
  EXPECT_EQ(ErrorCode(client_->Get("/v2/unknown/manifests/1")), "MANIFEST_UNKNOWN");
  EXPECT_EQ(ErrorCode(client_->Get("/v2/unknown/tags/list")), "NAME_UNKNOWN");
  EXPECT_EQ(client_->Get("/v2/nothing")->status, 404);
  EXPECT_EQ(client_->Get("/v2/" + std::string(2000, 'a'))->status, 414);
  EXPECT_EQ(ErrorCode(client_->Delete("/v2/a/tags/list")), "UNSUPPORTED");
}

TEST_F(RegistryTest, TheNameOfMachinesDocumentsIsKept) {
  constexpr const char* kWords = "no image set may have the name \\\"machine\\\"";
  const auto begun = client_->Post("/v2/machine/blobs/uploads/", "", kType);
  EXPECT_EQ(begun->status, 400);
  EXPECT_EQ(ErrorCode(begun), "NAME_INVALID");
  EXPECT_THAT(begun->body, HasSubstr(kWords));
  const std::string boot = "boot";
  PushBlob("machines", "{}");
  PushBlob("machines", boot);
  const auto pushed = PutManifest("machine", "525400123456", SetManifest(boot));
  EXPECT_EQ(pushed->status, 400);
  EXPECT_EQ(ErrorCode(pushed), "NAME_INVALID");
  EXPECT_THAT(pushed->body, HasSubstr("give it another name"));
  EXPECT_EQ(PutManifest("machines", "1", SetManifest(boot))->status, 201);
  // By upload, by a path of the server, and by a pull.
  for (const char* reference : {"machine", "machine:525400123456"}) {
    const auto import = client_->Put(Text("/api/v1/images/", reference, "?file=boot.efi"),
                                     std::string(100, 'x'), kType);
    EXPECT_EQ(import->status, 400);
    EXPECT_THAT(import->body, HasSubstr(kWords));
    EXPECT_THAT(import->body, HasSubstr("/machine/MAC/NAME"));
    const nlohmann::json pull = {{"source", "registry.example.net/debian:12"},
                                 {"reference", reference}};
    const auto pulled = client_->Post("/api/v1/images/pull", pull.dump(), "application/json");
    EXPECT_EQ(pulled->status, 400);
    EXPECT_THAT(pulled->body, HasSubstr(kWords));
  }
  std::ofstream(folder_ / "boot.efi") << boot;
  const Ran ran = Slipway("image import " + (folder_ / "boot.efi").string() + " machine:1");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.text, HasSubstr("reference \"machine:1\": no image set may have the name"));
  EXPECT_EQ(Slipway("image list").text.find("machine:"), std::string::npos);
}

TEST_F(RegistryTest, TagsAreListedInPagesByTheirLetters) {
  const std::string text = OtherManifest("a", "application/vnd.example");
  for (const char* tag : {"b", "A", "c", "B2", "a1"}) PutManifest("a", tag, text);
  const auto tags = [&](const std::string& query) {
    const auto got = client_->Get("/v2/a/tags/list" + query);
    const auto json = nlohmann::json::parse(got->body);
    EXPECT_EQ(json["name"], "a");
    return std::pair(json["tags"].get<std::vector<std::string>>(), got->get_header_value("Link"));
  };
  EXPECT_THAT(tags("").first, ElementsAre("A", "a1", "b", "B2", "c"));
  EXPECT_EQ(tags("").second, "");
  EXPECT_THAT(tags("?n=2").first, ElementsAre("A", "a1"));
  EXPECT_EQ(tags("?n=2").second, "</v2/a/tags/list?n=2&last=a1>; rel=\"next\"");
  EXPECT_THAT(tags("?n=2&last=a1").first, ElementsAre("b", "B2"));
  EXPECT_THAT(tags("?n=2&last=B2").first, ElementsAre("c"));
  EXPECT_EQ(tags("?n=2&last=B2").second, "");
  EXPECT_THAT(tags("?last=b").first, ElementsAre("B2", "c"));
  EXPECT_THAT(tags("?n=0").first, IsEmpty());
  EXPECT_EQ(tags("?n=0").second, "");
  EXPECT_EQ(client_->Get("/v2/a/tags/list?n=x")->status, 400);
  PutManifest("b/c", "1", OtherManifest("b/c", "application/vnd.example"));
  const auto catalog = client_->Get("/v2/_catalog?n=1");
  EXPECT_EQ(nlohmann::json::parse(catalog->body)["repositories"], nlohmann::json({"a"}));
  EXPECT_EQ(catalog->get_header_value("Link"), "</v2/_catalog?n=1&last=a>; rel=\"next\"");
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/v2/_catalog?last=a")->body)["repositories"],
            nlohmann::json({"b/c"}));
}

TEST_F(RegistryTest, ReferrersAreWhatHasTheSubjectInTheRepository) {
  const std::string subject = PushSet("debian", "stable", "boot");
  const nlohmann::json descriptor = DescriptorOf(subject, std::string(kManifestType));
  const std::string signature = OtherManifest("debian", "application/vnd.example.signature",
                                              descriptor, {{"dev.example.key", "k1"}});
  const std::string plain = OtherManifest("debian", "", descriptor);
  for (const std::string& text : {signature, plain}) {
    const auto put = PutManifest("debian", DigestOf(text), text);
    EXPECT_EQ(put->status, 201);
    EXPECT_EQ(put->get_header_value("OCI-Subject"), DigestOf(subject));
  }
  // The same one in another repository is none of this one's.
  OtherManifest("other", "", descriptor);
  EXPECT_EQ(PutManifest("other", "1", signature)->status, 201);
  const std::string path = "/v2/debian/referrers/" + DigestOf(subject);
  const auto all = client_->Get(path);
  EXPECT_EQ(all->get_header_value("Content-Type"), kIndexType);
  EXPECT_FALSE(all->has_header("OCI-Filters-Applied"));
  EXPECT_EQ(nlohmann::json::parse(all->body)["manifests"].size(), 2u);
  const auto some = client_->Get(path + "?artifactType=application/vnd.example.signature");
  EXPECT_EQ(some->get_header_value("OCI-Filters-Applied"), "artifactType");
  const auto list = nlohmann::json::parse(some->body)["manifests"];
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["digest"], DigestOf(signature));
  EXPECT_EQ(list[0]["size"], signature.size());
  EXPECT_EQ(list[0]["artifactType"], "application/vnd.example.signature");
  EXPECT_EQ(list[0]["annotations"]["dev.example.key"], "k1");
  // One without a type has its configuration's.
  const auto typed = client_->Get(path + "?artifactType=application/vnd.oci.empty.v1%2Bjson");
  EXPECT_EQ(nlohmann::json::parse(typed->body)["manifests"][0]["digest"], DigestOf(plain));
  const auto none = client_->Get("/v2/nowhere/referrers/sha256:" + std::string(64, '0'));
  EXPECT_EQ(none->status, 200);
  EXPECT_THAT(nlohmann::json::parse(none->body)["manifests"], IsEmpty());
  EXPECT_EQ(client_->Get("/v2/debian/referrers/sha256:short")->status, 400);
}

TEST_F(RegistryTest, OneDamagedManifestLeavesTheOthersOfItsRepositoryAsTheyAre) {
  const std::string subject = PushSet("a", "stable", "boot");
  const std::string part = OtherManifest("a", "application/vnd.example.part");
  EXPECT_EQ(PutManifest("a", DigestOf(part), part)->status, 201);
  const std::string index =
      nlohmann::json{{"schemaVersion", 2},
                     {"mediaType", kIndexType},
                     {"manifests", {DescriptorOf(part, std::string(kManifestType))}}}
          .dump();
  EXPECT_EQ(PutManifest("a", "all", index, std::string(kIndexType))->status, 201);
  const nlohmann::json descriptor = DescriptorOf(subject, std::string(kManifestType));
  const std::string signature = OtherManifest("a", "application/vnd.example.signature", descriptor);
  const std::string gone = OtherManifest("a", "application/vnd.example.gone", descriptor);
  for (const std::string& text : {signature, gone}) {
    EXPECT_EQ(PutManifest("a", DigestOf(text), text)->status, 201);
  }
  End();
  const auto file = [this](const std::string& text) {
    return folder_ / "state/images/blobs/sha256" / DigestOf(text).substr(7);
  };
  std::ofstream(file(index), std::ios::binary) << "{}";
  std::filesystem::remove(file(gone));
  RestTest::Begin();
  // The index is looked into first, for what is one of its parts alone.
  const auto whole = client_->Get("/v2/a/manifests/" + DigestOf(subject));
  EXPECT_EQ(whole->status, 200) << whole->body;
  EXPECT_EQ(whole->body, subject);
  const auto referrers = client_->Get("/v2/a/referrers/" + DigestOf(subject));
  ASSERT_EQ(referrers->status, 200) << referrers->body;
  const auto list = nlohmann::json::parse(referrers->body)["manifests"];
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["digest"], DigestOf(signature));
  // What is asked for itself is told to be damaged or gone.
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(index))->status, 500);
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(gone))->status, 404);
}

TEST_F(RegistryTest, ATagIsDeletedAndItsManifestStaysUntilThatIs) {
  const std::string text = PushSet("a", "1", "boot");
  EXPECT_EQ(PutManifest("a", "2", text)->status, 201);
  const std::string by_digest = "/v2/a/manifests/" + DigestOf(text);
  EXPECT_EQ(client_->Delete("/v2/a/manifests/1")->status, 202);
  EXPECT_EQ(client_->Get("/v2/a/manifests/1")->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/manifests/2")->status, 200);
  EXPECT_EQ(client_->Delete("/v2/a/manifests/2")->status, 202);
  EXPECT_EQ(client_->Get(by_digest)->body, text);
  EXPECT_THAT(*core_->Images(), IsEmpty());
  EXPECT_EQ(client_->Get("/v2/a/tags/list")->body, "{\"name\":\"a\",\"tags\":[]}\n");
  EXPECT_EQ(PutManifest("a", "3", text)->status, 201);
  EXPECT_EQ(client_->Delete(by_digest)->status, 202);
  EXPECT_EQ(client_->Get(by_digest)->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/manifests/3")->status, 404);
  EXPECT_EQ(client_->Delete(by_digest)->status, 404);
  EXPECT_EQ(client_->Head("/v2/a/blobs/" + DigestOf("boot"))->status, 404);
  EXPECT_EQ(client_->Delete("/v2/nowhere/manifests/1")->status, 404);
}

TEST_F(RegistryTest, WhatMachinesAreAssignedToIsNotDeleted) {
  const std::string text = PushSet("debian", "stable", "boot");
  for (const std::string& reference : {std::string("stable"), DigestOf(text)}) {
    const auto refused = client_->Delete("/v2/debian/manifests/" + reference);
    EXPECT_EQ(refused->status, 405);
    EXPECT_EQ(ErrorCode(refused), "DENIED");
    EXPECT_THAT(refused->body, HasSubstr("machines are assigned"));
  }
  EXPECT_EQ(client_->Get("/v2/debian/manifests/stable")->status, 200);
}

TEST_F(RegistryTest, WhatMachinesAreAssignedToIsReplacedByAnImageSetOnly) {
  const std::string text = PushSet("debian", "stable", "boot");
  const std::string other = OtherManifest("debian", "application/vnd.example.image");
  const std::string index =
      nlohmann::json{{"schemaVersion", 2},
                     {"mediaType", kIndexType},
                     {"manifests", {DescriptorOf(text, std::string(kManifestType))}}}
          .dump();
  const auto refused = PutManifest("debian", "stable", other);
  EXPECT_EQ(refused->status, 403);
  EXPECT_EQ(ErrorCode(refused), "DENIED");
  EXPECT_THAT(refused->body, HasSubstr("machines are assigned"));
  EXPECT_EQ(PutManifest("debian", "stable", index, std::string(kIndexType))->status, 403);
  EXPECT_EQ(client_->Get("/v2/debian/manifests/stable")->body, text);
  // Under a tag that nobody boots, and by its digest, it is as welcome as anywhere.
  EXPECT_EQ(PutManifest("debian", "other", other)->status, 201);
  EXPECT_EQ(PutManifest("debian", DigestOf(other), other)->status, 201);
  PushSet("debian", "stable", "boot, and newer");
}

TEST_F(RegistryTest, ATagThatMovesIsNotedWithTheDigestItLedToBefore) {
  const std::string other = OtherManifest("a", "application/vnd.example.image");
  ASSERT_EQ(PutManifest("a", "1", other)->status, 201);
  const std::string text = PushSet("a", "1", "boot");
  PushSet("a", "1", "boot, and newer");
  std::vector<nlohmann::json> before;
  for (const auto& each : nlohmann::json::parse(client_->Get("/api/v1/audit")->body)) {
    if (each["what"] == "image a:1") before.push_back(each["before"]);
  }
  ASSERT_EQ(before.size(), 3u);
  EXPECT_EQ(Text("sha256:", before[0].value("digest", "")), DigestOf(text));
  EXPECT_EQ(Text("sha256:", before[1].value("digest", "")), DigestOf(other));
  EXPECT_EQ(before[2], nullptr);
}

TEST_F(RegistryTest, NoTagMovesWithoutARecord) {
  const std::string text = PushSet("a", "1", "boot");
  ImportBootFile("b:1");
  const auto images = client_->Get("/api/v1/images")->body;
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/catalog.db").c_str(), &handle);
  sqlite3_busy_timeout(handle, 5000);
  const auto run = [&](const char* sql) {
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  };
  run("CREATE TRIGGER refuses BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END");
  const std::string other = SetManifest("{}");
  EXPECT_GE(PutManifest("a", "1", other)->status, 400);
  EXPECT_GE(PutManifest("a", "2", OtherManifest("a", "application/vnd.example.other"))->status,
            400);
  EXPECT_GE(client_->Delete("/v2/a/manifests/1")->status, 400);
  EXPECT_GE(client_->Delete("/v2/a/manifests/" + DigestOf(text))->status, 400);
  EXPECT_GE(client_->Delete("/api/v1/images/b:1")->status, 400);
  EXPECT_GE(client_->Put("/api/v1/images/b:1?file=boot.efi", "newer", kType)->status, 400);
  EXPECT_EQ(client_->Get("/api/v1/images")->body, images);
  EXPECT_EQ(client_->Get("/v2/a/manifests/1")->body, text);
  EXPECT_EQ(client_->Get("/v2/a/manifests/2")->status, 404);
  run("DROP TRIGGER refuses");
  sqlite3_close_v2(handle);
  EXPECT_EQ(PutManifest("a", "1", other)->status, 201);
}

TEST_F(RegistryTest, WhatGoesIsNotedWithItsDigestAndTags) {
  const std::string text = PushSet("a", "1", "boot");
  EXPECT_EQ(PutManifest("a", "2", text)->status, 201);
  const auto audit = [this] { return nlohmann::json::parse(client_->Get("/api/v1/audit")->body); };
  const std::string hex = DigestOf(text).substr(7);
  EXPECT_EQ(client_->Delete("/v2/a/manifests/3")->status, 404);
  EXPECT_EQ(audit()[0]["what"], "image a:2") << "what is not there is not noted to have gone";
  EXPECT_EQ(client_->Delete("/v2/a/manifests/1")->status, 202);
  EXPECT_EQ(audit()[0]["what"], "image a:1");
  EXPECT_EQ(audit()[0]["before"]["digest"], hex);
  EXPECT_TRUE(audit()[0]["after"].is_null());
  EXPECT_EQ(PutManifest("a", "3", text)->status, 201);
  EXPECT_EQ(client_->Delete("/v2/a/manifests/" + DigestOf(text))->status, 202);
  EXPECT_EQ(audit()[0]["what"], Text("image a@", DigestOf(text)));
  EXPECT_EQ(audit()[0]["before"], (nlohmann::json{{"digest", hex}, {"tags", {"2", "3"}}}));
}

TEST_F(RegistryTest, WhatCouldNotBeDoneAfterAllIsNotedToo) {
  PushSet("a", "1", "boot");
  const auto incoming = folder_ / "state/images/.incoming";
  std::filesystem::rename(incoming, folder_ / "moved");  // nothing is written without it
  EXPECT_GE(client_->Delete("/v2/a/manifests/1")->status, 400);
  std::filesystem::rename(folder_ / "moved", incoming);
  EXPECT_EQ(client_->Get("/v2/a/manifests/1")->status, 200);
  const auto audit = nlohmann::json::parse(client_->Get("/api/v1/audit")->body);
  EXPECT_EQ(audit[0]["what"], "image a:1");
  EXPECT_EQ(audit[1]["what"], "image a:1");
  EXPECT_TRUE(audit[0]["before"].is_null());
  EXPECT_TRUE(audit[1]["after"].is_null());
  EXPECT_EQ(audit[0]["after"], audit[1]["before"]);
}

TEST_F(RegistryTest, ATagThatMovesLeavesTheOldVersionReachableByItsDigest) {
  const std::string old = PushSet("a", "stable", "old");
  const std::string fresh = PushSet("a", "stable", "new");
  EXPECT_EQ(client_->Get("/v2/a/manifests/stable")->body, fresh);
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(old))->body, old);
  ASSERT_TRUE(core_->image_store().CollectGarbage({}).ok());
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf("old"))->status, 200);
  ASSERT_TRUE(core_->image_store().CollectGarbage({}, {.untagged = -1}).ok());
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(old))->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf("old"))->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf("new"))->status, 200);
}

TEST_F(RegistryTest, PartsOfAnIndexAndSignaturesStayAsLongAsWhatTheyBelongTo) {
  const std::string part = OtherManifest("a", "application/vnd.example.part");
  EXPECT_EQ(PutManifest("a", DigestOf(part), part)->status, 201);
  const std::string index =
      nlohmann::json{{"schemaVersion", 2},
                     {"mediaType", kIndexType},
                     {"manifests", {DescriptorOf(part, std::string(kManifestType))}}}
          .dump();
  EXPECT_EQ(PutManifest("a", "all", index, std::string(kIndexType))->status, 201);
  const std::string signature = OtherManifest("a", "application/vnd.example.signature",
                                              DescriptorOf(part, std::string(kManifestType)));
  EXPECT_EQ(PutManifest("a", DigestOf(signature), signature)->status, 201);
  const std::string stray = OtherManifest("a", "application/vnd.example.stray");
  EXPECT_EQ(PutManifest("a", DigestOf(stray), stray)->status, 201);
  ASSERT_TRUE(core_->image_store().CollectGarbage({}, {.untagged = -1}).ok());
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(part))->status, 200);
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(signature))->status, 200);
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(stray))->status, 404);
  EXPECT_EQ(client_->Delete("/v2/a/manifests/" + DigestOf(index))->status, 202);
  ASSERT_TRUE(core_->image_store().CollectGarbage({}, {.untagged = -1}).ok());
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(part))->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/manifests/" + DigestOf(signature))->status, 404);
}

}  // namespace
}  // namespace slipway::control
