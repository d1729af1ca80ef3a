// SPDX-License-Identifier: Apache-2.0
//
// Tags that move, go and come back: by REST and by the command line.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <chrono>
#include <future>
#include <nlohmann/json.hpp>

#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TagsTest : public RegistryTest {
 protected:
  static std::string Path(const std::string& reference) { return "/api/v1/tags/" + reference; }
  nlohmann::json Tag(const std::string& reference) {
    const auto answer = client_->Get(Path(reference));
    return nlohmann::json::parse(answer->body);
  }
  // Of what the tag leads to; "" where there is none.
  std::string Digest(const std::string& reference) { return Tag(reference).value("digest", ""); }
  httplib::Result Put(const std::string& reference, const std::string& digest,
                      const httplib::Headers& headers = {}) {
    const nlohmann::json body = {{"digest", digest}};
    return client_->Put(Path(reference), headers, body.dump(), "application/json");
  }
  std::string Body(const std::string& path) { return client_->Get(path)->body; }
  // The size of what machines get for the tag; 0: nothing.
  std::size_t Served(const std::string& path) {
    const auto* resource = snapshot_->images.Find(path);
    return resource == nullptr || !resource->loaded ? 0 : resource->content.size();
  }
};

TEST_F(TagsTest, ATagMovesInOneStepAndBackAgain) {
  ImportBootFile("debian:stable", 4000);
  ImportBootFile("debian:next", 5000);
  const std::string old = Digest("debian:stable"), next = Digest("debian:next");
  EXPECT_EQ(Tag("debian:stable")["previous"], "");
  const int published = published_;
  const Ran moved = Slipway("image tag debian:next stable");
  EXPECT_EQ(moved.code, 0) << moved.text;
  EXPECT_THAT(moved.text, HasSubstr(Text("debian:stable: leads to ", next.substr(0, 12),
                                         " from now on; back to ", old.substr(0, 12),
                                         ": slipway rollout undo debian:stable")));
  EXPECT_EQ(published_.load(), published + 1) << "one version or the other, and nothing between";
  EXPECT_EQ(Tag("debian:stable"), (nlohmann::json{{"reference", "debian:stable"},
                                                  {"digest", next},
                                                  {"previous", old},
                                                  {"previous_kept", true}}));
  EXPECT_EQ(Served("/debian/stable/boot.efi"), 5000U);
  EXPECT_THAT(Slipway("image list").text, HasSubstr(old.substr(0, 12)));
  EXPECT_THAT(Slipway("image show debian:stable").text,
              HasSubstr("The tag led before to " + old.substr(0, 12)));
  const Ran undone = Slipway("rollout undo debian:stable");
  EXPECT_EQ(undone.code, 0) << undone.text;
  EXPECT_EQ(Digest("debian:stable"), old);
  EXPECT_EQ(Tag("debian:stable")["previous"], next);
  EXPECT_EQ(Served("/debian/stable/boot.efi"), 4000U);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), next) << "and forth";
  EXPECT_EQ(Digest("debian:next"), next) << "the other tag stayed";
}

TEST_F(TagsTest, APromotionAnImportAndAPushAreUndone) {
  ImportBootFile("debian:stable", 4000);
  ImportBootFile("debian:next", 5000);
  const std::string old = Digest("debian:stable"), next = Digest("debian:next");
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next").code, 0);
  ASSERT_EQ(Slipway("rollout promote debian:stable").code, 0);
  ASSERT_EQ(Digest("debian:stable"), next);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), old);
  ImportBootFile("debian:stable", 6000);
  ASSERT_NE(Digest("debian:stable"), old);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), old);
  PushSet("debian", "stable", "boot");
  ASSERT_NE(Digest("debian:stable"), old);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), old);
}

TEST_F(TagsTest, TheWayBackSurvivesARestart) {
  ImportBootFile("debian:stable", 4000);
  const std::string old = Digest("debian:stable");
  ImportBootFile("debian:stable", 5000);
  End();
  RestTest::Begin();
  EXPECT_EQ(Tag("debian:stable")["previous"], old);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), old);
  EXPECT_EQ(Served("/debian/stable/boot.efi"), 4000U);
}

TEST_F(TagsTest, ANewTagIsMadeOfATagOrADigest) {
  ImportBootFile("debian:next", 5000);
  const std::string next = Digest("debian:next");
  EXPECT_EQ(Slipway("image tag debian:next debian:12.8").code, 0);
  EXPECT_EQ(Digest("debian:12.8"), next);
  EXPECT_EQ(Slipway("image tag debian@sha256:" + next + " 12.9").code, 0);
  EXPECT_EQ(Digest("debian:12.9"), next);
  EXPECT_EQ(Tag("debian:12.9")["previous"], "");
  EXPECT_EQ(Put("debian:13", next)->status, 200) << "the digest alone";
  // Without a tag, "latest" is meant.
  EXPECT_EQ(Slipway("image tag debian:next latest").code, 0);
  EXPECT_EQ(Slipway("image tag debian twin").code, 0);
  EXPECT_EQ(Digest("debian:twin"), next);
}

TEST_F(TagsTest, WhatIsNotHereIsRefusedAndChangesNothing) {
  ImportBootFile("debian:stable", 4000);
  ImportBootFile("grub:1", 5000);
  const std::string none(64, 'a'), grub = Digest("grub:1");
  const std::string before = Body("/api/v1/images");
  for (const auto& [command, says] : std::map<std::string, std::string>{
           {"image tag debian:gone stable", "debian:gone: no such tag; see 'slipway image list'"},
           {"image tag debian@sha256:" + none + " stable", "debian@sha256:" + none + ": no such"},
           {"image tag debian@sha256:" + grub + " stable", "kept for seven days"},
           {"image tag debian@aaa stable", "\"aaa\" is not sha256: and 64 hex digits"},
           {"image tag debian:stable -x", "not name:tag"},
           {"image untag debian:gone", "debian:gone: no such tag"},
           {"rollout undo debian:gone", "debian:gone: no such tag"},
           {"rollout undo debian:stable", "debian:stable: where it led before is not known"}}) {
    const Ran ran = Slipway(command);
    EXPECT_NE(ran.code, 0) << command;
    EXPECT_THAT(ran.text, HasSubstr(says)) << command;
  }
  const Ran other = Slipway("image tag grub:1 debian:stable");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.text, HasSubstr("a version of its own set, which is grub"));
  EXPECT_EQ(Put("debian:stable", "sha256:" + none)->status, 404);
  EXPECT_EQ(Put("debian:stable", "sha256:aaa")->status, 400);
  EXPECT_EQ(Put("machine:1", "sha256:" + none)->status, 400);
  EXPECT_EQ(
      client_->Put(Path("debian:stable"), R"({"from": "grub:1"})", "application/json")->status,
      400);
  EXPECT_EQ(client_->Delete(Path("debian:gone"))->status, 404);
  EXPECT_EQ(Body("/api/v1/images"), before);
}

TEST_F(TagsTest, AVersionThatWasCollectedIsSaidToBeGone) {
  ImportBootFile("debian:stable", 4000);
  const std::string old = Digest("debian:stable");
  ImportBootFile("debian:stable", 5000);
  ASSERT_TRUE(core_->image_store().CollectGarbage({}).ok());
  EXPECT_EQ(Tag("debian:stable")["previous_kept"], true) << "for seven days";
  ASSERT_TRUE(core_->image_store().CollectGarbage({}, {.untagged = -1}).ok());
  EXPECT_EQ(Tag("debian:stable")["previous"], old);
  EXPECT_EQ(Tag("debian:stable")["previous_kept"], false);
  EXPECT_THAT(Slipway("image list").text, HasSubstr(old.substr(0, 12) + " (gone)"));
  const Ran refused = Slipway("rollout undo debian:stable");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("one that no tag leads to is kept for seven days"));
  EXPECT_EQ(Served("/debian/stable/boot.efi"), 5000U);
}

TEST_F(TagsTest, ATagOfARolloutStaysAndItsRolloutIsNamed) {
  ImportBootFile("debian:stable", 4000);
  const std::string old = Digest("debian:stable");
  ImportBootFile("debian:stable", 4500);
  ImportBootFile("debian:next", 5000);
  const std::string stable = Digest("debian:stable");
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --percent 10").code, 0);
  for (const char* command : {"image tag debian:next stable", "rollout undo debian:stable"}) {
    const Ran refused = Slipway(command);
    EXPECT_EQ(refused.code, 1) << command;
    EXPECT_THAT(refused.text,
                AllOf(HasSubstr("debian:stable: its rollout of debian:next is under way"),
                      HasSubstr("'slipway rollout rollback debian:stable'")));
  }
  EXPECT_EQ(Put("debian:stable", old)->status, 409);
  EXPECT_EQ(Digest("debian:stable"), stable);
  ASSERT_EQ(Slipway("rollout rollback debian:stable").code, 0);
  EXPECT_EQ(Slipway("rollout undo debian:stable").code, 0);
  EXPECT_EQ(Digest("debian:stable"), old);
}

TEST_F(TagsTest, WhoUsesATagIsNamedWhereItIsNotTakenAway) {
  for (const char* tag : {"debian:stable", "debian:next", "debian:rule", "debian:machine"}) {
    ImportBootFile(tag, 4000);
  }
  ImportBootFile("debian:free", 5000);
  ImportBootFile("debian:base", 6000);
  ASSERT_EQ(Slipway("rollout start debian:base debian:next").code, 0);
  ASSERT_EQ(Slipway("rule set racks --when rack=a1 --image debian:rule").code, 0);
  for (const char* last : {"01", "02", "03", "04", "05"}) {
    ASSERT_EQ(Slipway(Text("machine set 52:54:00:00:00:", last, " debian:machine")).code, 0);
  }
  for (const auto& [tag, by] : std::map<std::string, std::string>{
           {"debian:stable", "by [boot] of slipway.toml: give them"},
           {"debian:base", "by the rollout of debian:base: give them"},
           {"debian:next", "by the rollout of debian:base: give them"},
           {"debian:rule", "by rule racks: give them"},
           {"debian:machine", "; by 2 more: give them another image set"}}) {
    const auto refused = client_->Delete(Path(tag));
    EXPECT_EQ(refused->status, 409) << tag;
    EXPECT_THAT(refused->body, HasSubstr(tag + ": machines are assigned to it, by ")) << tag;
    EXPECT_THAT(refused->body, HasSubstr(by)) << tag;
    EXPECT_NE(Digest(tag), "") << tag;
  }
  EXPECT_THAT(Slipway("image untag debian:machine").text,
              HasSubstr("by machine 52:54:00:00:00:01; by machine 52:54:00:00:00:02; by machine"));
  // Its version stays, and is found by its digest.
  const std::string free = Digest("debian:free");
  EXPECT_EQ(Slipway("image untag debian:free").code, 0);
  EXPECT_EQ(client_->Get(Path("debian:free"))->status, 404);
  EXPECT_EQ(client_->Get("/v2/debian/manifests/sha256:" + free)->status, 200);
  EXPECT_EQ(Slipway("image tag debian@sha256:" + free + " free").code, 0);
  EXPECT_EQ(Digest("debian:free"), free);
}

TEST_F(TagsTest, WhoReadAnotherStateIsRefused) {
  ImportBootFile("debian:stable", 4000);
  const std::string old = Digest("debian:stable");
  ImportBootFile("debian:stable", 5000);
  const std::string read = client_->Get(Path("debian:stable"))->get_header_value("ETag");
  ASSERT_FALSE(read.empty());
  ImportBootFile("debian:stable", 6000);
  const std::string now = Digest("debian:stable");
  const std::string noted = Body("/api/v1/audit");
  EXPECT_EQ(Put("debian:stable", old, {{"If-Match", read}})->status, 412);
  EXPECT_EQ(Put("debian:stable", old, {{"If-None-Match", "*"}})->status, 412);
  EXPECT_EQ(Put("debian:other", old, {{"If-Match", "*"}})->status, 412);
  EXPECT_EQ(client_->Delete(Path("debian:stable"), httplib::Headers{{"If-Match", read}})->status,
            412);
  EXPECT_EQ(Digest("debian:stable"), now);
  EXPECT_EQ(Body("/api/v1/audit"), noted) << "what was refused is not noted";
  const auto put =
      Put("debian:stable", old,
          {{"If-Match", client_->Get(Path("debian:stable"))->get_header_value("ETag")}});
  EXPECT_EQ(put->status, 200) << put->body;
  // The same again says the same, and loses no way back.
  const auto again = Put("debian:stable", old);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(again->body, put->body);
  EXPECT_EQ(again->get_header_value("ETag"), put->get_header_value("ETag"));
  EXPECT_EQ(Tag("debian:stable")["previous"], now);
  EXPECT_EQ(Put("debian:other", old, {{"If-None-Match", "*"}})->status, 200);
}

// Whoever pushes between the look at the condition and the removal waits for both.
TEST_F(TagsTest, APushWhileATagIsRemovedKeepsItsName) {
  ImportBootFile("debian:free", 4000);
  ImportBootFile("debian:other", 5000);
  const std::string pushed = Digest("debian:other");
  const auto text = ReadFile(core_->image_store().BlobPath(pushed));
  ASSERT_TRUE(text.ok()) << text.status();
  std::future<absl::StatusOr<IndexEntry>> push;
  const auto condition = [&] {
    push = std::async(std::launch::async, [&] {
      return core_->PutManifest({.repository = "debian",
                                 .tag = "free",
                                 .media_type = std::string(kManifestType),
                                 .text = *text,
                                 .check = {},
                                 .note = {}},
                                DaemonActor());
    });
    EXPECT_EQ(push.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout)
        << "it came in between";
    return absl::OkStatus();
  };
  const absl::Status removed = core_->RemoveManifest("debian", "free", DaemonActor(), condition);
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_TRUE(push.get().ok());
  EXPECT_EQ(Digest("debian:free"), pushed);
  // Refused, it leaves everything, and no record.
  const std::string noted = Body("/api/v1/audit");
  const auto refuse = [] { return absl::AbortedError("it has moved"); };
  EXPECT_TRUE(absl::IsAborted(core_->RemoveManifest("debian", "free", DaemonActor(), refuse)));
  EXPECT_EQ(Digest("debian:free"), pushed);
  EXPECT_EQ(Body("/api/v1/audit"), noted);
}

TEST_F(TagsTest, AMoveIsNotedWithBothVersionsBeforeItIsMade) {
  ImportBootFile("debian:stable", 4000);
  ImportBootFile("debian:next", 5000);
  const std::string old = Digest("debian:stable"), next = Digest("debian:next");
  ASSERT_EQ(Slipway("image tag debian:next stable").code, 0);
  ASSERT_EQ(Slipway("image untag debian:next").code, 0);
  const auto log = *core_->store().Audit({.limit = 2});
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].what, "image debian:next");
  EXPECT_EQ(log[0].request, "DELETE /api/v1/tags/debian:next");
  EXPECT_THAT(log[0].before, HasSubstr(next));
  EXPECT_EQ(log[1].what, "image debian:stable");
  EXPECT_EQ(log[1].request, "PUT /api/v1/tags/debian:stable");
  EXPECT_THAT(log[1].before, HasSubstr(old));
  EXPECT_THAT(log[1].after, HasSubstr(next));
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/catalog.db").c_str(), &handle);
  sqlite3_busy_timeout(handle, 5000);
  EXPECT_EQ(sqlite3_exec(handle,
                         "CREATE TRIGGER refuses BEFORE INSERT ON audit BEGIN SELECT "
                         "RAISE(ABORT, 'no room'); END",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_GE(Put("debian:stable", old)->status, 400);
  sqlite3_close_v2(handle);
  EXPECT_EQ(Digest("debian:stable"), next) << "no tag moves without a record";
}

TEST_F(TagsTest, AMoveIsToldAsItHappens) {
  ImportBootFile("debian:stable", 4000);
  ImportBootFile("debian:next", 5000);
  core_->AnnounceChanges();
  const std::uint64_t seen = core_->feed().newest();
  ASSERT_EQ(Slipway("image tag debian:next stable").code, 0);
  core_->AnnounceChanges();
  EXPECT_EQ(core_->feed().newest(), seen + 2) << "a change and its record";
}

TEST_F(TagsTest, OperatorsMoveTagsAndNobodyElseDoes) {
  ImportBootFile("debian:next", 5000);
  const std::string next = Digest("debian:next");
  const std::string viewer = MakeToken("v --role viewer");
  const std::string operators = MakeToken("o --role operator");
  const std::string scoped = MakeToken("s --role operator --scope rack=a1");
  for (const std::string& token : {viewer, scoped}) {
    client_->set_bearer_token_auth(token);
    EXPECT_EQ(client_->Get(Path("debian:next"))->status, 200);
    EXPECT_EQ(Put("debian:mine", next)->status, 403);
    EXPECT_EQ(client_->Delete(Path("debian:next"))->status, 403);
  }
  client_->set_bearer_token_auth(operators);
  EXPECT_EQ(Put("debian:mine", next)->status, 200);
  EXPECT_EQ(client_->Delete(Path("debian:mine"))->status, 204);
}

TEST_F(TagsTest, WhatIsNoImageSetIsTaggedWhereNobodyBootsIt) {
  const std::string other = OtherManifest("debian", "application/vnd.example.image");
  ASSERT_EQ(PutManifest("debian", "other", other)->status, 201);
  PushSet("debian", "stable", "boot");
  const std::string stable = Digest("debian:stable");
  EXPECT_EQ(Slipway("image tag debian:other twin").code, 0);
  EXPECT_EQ(Body("/v2/debian/manifests/twin"), other);
  const Ran refused = Slipway("image tag debian:other stable");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("machines are assigned to it, by [boot]"));
  EXPECT_EQ(Digest("debian:stable"), stable);
}

}  // namespace
}  // namespace slipway::control
