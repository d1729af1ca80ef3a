// SPDX-License-Identifier: Apache-2.0
//
// Bodies that are not what they seem: nested without end. The server goes on.
#include "control/image_store/image_set.h"
#include "control/image_store/index.h"
#include "control/parse_json.h"
#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

std::string Nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

using BodiesTest = RegistryTest;

TEST_F(BodiesTest, JsonIsNestedNoDeeperThanAnythingHereIs) {
  EXPECT_FALSE(ParseJson(Nested(kJsonDepthMax)).is_discarded());
  EXPECT_TRUE(ParseJson(Nested(kJsonDepthMax + 1)).is_discarded());
  // Brackets in texts nest nothing.
  const std::string text = "\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + '"';
  EXPECT_FALSE(ParseJson(text).is_discarded());
}

TEST_F(BodiesTest, EveryBodyThatIsNestedWithoutEndIsRefused) {
  const std::string deep = Nested(200'000);
  const std::string machine = "/api/v1/machines/52:54:00:00:00:01";
  const std::pair<std::string, const char*> members[] = {
      {machine, "groups"},
      {machine, "labels"},
      {"/api/v1/rules/a", "mode"},
      {"/api/v1/rules/a", "selector"},
      {"/api/v1/networks/second", "subnet"},
      {"/api/v1/networks/second/reservations/10.78.0.2", "mac"},
      {"/api/v1/rollouts/debian:stable", "candidate"},
      {"/api/v1/templates/a", "text"},
      {"/api/v1/tokens/a", "role"},
      {"/api/v1/webhooks/a", "url"},
      {"/api/v1/images/a:b", "labels"}};
  for (const auto& [path, member] : members) {
    const std::string body = Text("{\"", member, "\":", deep, "}");
    const auto answer = client_->Put(path, body, "application/json");
    ASSERT_TRUE(answer) << path << ' ' << member;
    EXPECT_EQ(answer->status, 400) << path << ' ' << member << ' ' << answer->body;
  }
  const auto pull = client_->Post("/api/v1/images/pull", "{\"from\":" + deep + "}", kType);
  EXPECT_EQ(pull->status, 400);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

TEST_F(BodiesTest, AManifestThatIsNestedWithoutEndIsRefused) {
  const std::string deep = Nested(200'000);
  EXPECT_EQ(PushBlob("a", "{}"), 201);
  EXPECT_EQ(PushBlob("a", "boot"), 201);
  std::string text = SetManifest("boot");
  const std::string_view place = "\"annotations\":{\"org";
  ASSERT_NE(text.find(place), text.npos);
  text.insert(text.find(place) + place.size() - 4, "\"deep\":" + deep + ",");
  const auto refused = PutManifest("a", "b", text);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(ErrorCode(refused), "MANIFEST_INVALID");
  EXPECT_FALSE(ParseManifest(text, "test").ok());
  EXPECT_FALSE(ParseIndex("{\"manifests\":[{\"annotations\":" + deep + "}]}", "test").ok());
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

}  // namespace
}  // namespace slipway::control
