// SPDX-License-Identifier: Apache-2.0
//
// The API's description: complete, well formed, and what docs/api.md says. That the server answers
// by it, every REST test shows: its fixture holds each answer against it.
#include "control/rest/openapi.h"

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "control/rest/schemas.h"
#include "tests/unit/control/rest/rest_fixture.h"
#include "tests/unit/control/rest/schema_checker.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

TEST(OpenApiTest, EveryRouteSaysWhatItTakesAndGives) {
  std::set<std::string> names;
  for (const Schema& schema : Schemas()) EXPECT_TRUE(names.insert(std::string(schema.name)).second);
  const std::regex words("[A-Z][A-Za-z]+");
  for (const Route& route : Routes()) {
    if (IsOfTheRegistry(route.path)) continue;
    const AnswerForm answer = AnswerOf(route);
    const std::string what = Text(route.method, ' ', route.path);
    EXPECT_FALSE(route.answer.empty()) << what;
    EXPECT_TRUE(answer.status != 200 || !answer.media_type.empty()) << what;
    if (answer.media_type == "application/json") {
      EXPECT_FALSE(answer.type.empty()) << what;
    }
    const std::string types = Text(answer.type, " ", route.body.starts_with('@') ? "" : route.body);
    for (auto word = std::sregex_iterator(types.begin(), types.end(), words);
         word != std::sregex_iterator(); ++word) {
      EXPECT_TRUE(names.contains(word->str())) << what << ": " << word->str();
    }
  }
  for (const Schema& schema : Schemas()) {
    const std::string fields(schema.fields);
    for (auto word = std::sregex_iterator(fields.begin(), fields.end(), words);
         word != std::sregex_iterator(); ++word) {
      EXPECT_TRUE(names.contains(word->str())) << schema.name << ": " << word->str();
    }
  }
}

TEST(OpenApiTest, EveryReferenceLeadsSomewhere) {
  const auto document = OpenApi();
  const std::string text = document.dump();
  const std::regex reference("\"\\$ref\":\"#([^\"]+)\"");
  int count = 0;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), reference);
       match != std::sregex_iterator(); ++match, ++count) {
    EXPECT_TRUE(document.contains(nlohmann::json::json_pointer((*match)[1].str())))
        << (*match)[1].str();
  }
  EXPECT_GT(count, 50);
  EXPECT_EQ(document["openapi"], "3.1.0");
}

TEST(OpenApiTest, TheReferenceForPeopleIsWhatTheTableSays) {
  const std::string file = SLIPWAY_SOURCE_ROOT "/docs/api.md";
  if (std::getenv("SLIPWAY_WRITE_EXAMPLE") != nullptr) std::ofstream(file) << ApiDocument();
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_EQ(text.str(), ApiDocument()) << "run this test with SLIPWAY_WRITE_EXAMPLE=1";
}

TEST(OpenApiTest, TheCheckerSeesWhatDoesNotFit) {
  const auto document = OpenApi();
  const SchemaChecker checker(document);
  const nlohmann::json token = {{"name", "a"},  {"role", "viewer"},   {"scope", ""},
                                {"created", 1}, {"expires", nullptr}, {"last_used", 5}};
  const auto list = JsonSchemaOf("[Token]");
  EXPECT_EQ(checker.Mismatch({token, token}, list), std::nullopt);
  const auto fault = [&](const char* name, const nlohmann::json& value) {
    auto changed = token;
    changed[name] = value;
    return checker.Mismatch({token, changed}, list).value_or("none");
  };
  EXPECT_THAT(fault("role", "king"), HasSubstr("/1/role"));
  EXPECT_THAT(fault("created", "1"), HasSubstr("/1/created"));
  EXPECT_THAT(fault("created", nullptr), HasSubstr("/1/created"));
  EXPECT_THAT(fault("secret", 1), HasSubstr("/1/secret: is not described"));
  auto lacking = token;
  lacking.erase("name");
  EXPECT_THAT(checker.Mismatch(nlohmann::json::array({lacking}), list).value_or(""),
              HasSubstr("lacks \"name\""));
  EXPECT_NE(checker.Mismatch(token, list), std::nullopt);
  EXPECT_NE(checker.Mismatch(1, {{"maximum", 0}}), std::nullopt) << "an unknown keyword";
}

using OpenApiServedTest = RestTest;

TEST_F(OpenApiServedTest, TheServerGivesItAndHoldsEveryRouteOfIt) {
  const auto document = nlohmann::json::parse(client_->Get("/api/v1/openapi.json")->body);
  EXPECT_EQ(document, OpenApi());
  std::ptrdiff_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items()) operations += std::ssize(methods);
  EXPECT_EQ(operations, std::ranges::count_if(Routes(), [](const Route& route) {
              return !IsOfTheRegistry(route.path);
            }));
}

TEST_F(OpenApiServedTest, EveryReadingRouteAnswersAsItIsDescribed) {
  // What is asked for here is checked by the fixture; what is counted is that nothing is left out.
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:stable").code, 0);
  dataplane::Event event;
  event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
  event.unix_nanoseconds = 1'790'000'000'000'000'000;
  core_->timelines().Take(event);
  const std::map<std::string, std::string> variables = {{"{reference}", "debian:stable"},
                                                        {"{machine}", "52:54:00:00:00:01"},
                                                        {"{boot}", "52:54:00:00:00:01"},
                                                        {"{kind}", "not-found"}};
  for (const Route& route : Routes()) {
    if (route.method != "GET" || IsOfTheRegistry(route.path)) continue;
    std::string path(route.path);
    for (const auto& [name, value] : variables) {
      if (const auto at = path.find(name); at != path.npos) path.replace(at, name.size(), value);
    }
    if (path.find('{') != path.npos) continue;
    if (path == "/api/v1/events") continue;  // has no end: events_test.cc
    if (path == "/api/v1/explain") path += "?mac=52:54:00:00:00:01";
    const auto answer = client_->Get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, AnswerOf(route).status) << path << ": " << answer->body;
  }
}

}  // namespace
}  // namespace slipway::control
