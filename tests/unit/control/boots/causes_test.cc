// SPDX-License-Identifier: Apache-2.0
//
// The table, and the document that is made of it.
#include "control/boots/causes.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace slipway::control {
namespace {

constexpr std::string_view kDocument = SLIPWAY_SOURCE_ROOT "/docs/troubleshooting.md";

TEST(CausesTest, TheTroubleshootingDocumentIsWhatTheTableSays) {
  if (std::getenv("SLIPWAY_WRITE_EXAMPLE") != nullptr) {
    std::ofstream(std::string(kDocument)) << TroubleshootingDocument();
  }
  std::ifstream stream{std::string(kDocument)};
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_EQ(text.str(), TroubleshootingDocument()) << "run this test with SLIPWAY_WRITE_EXAMPLE=1";
}

TEST(CausesTest, EveryCauseHasAnIdOfItsOwnWordsAndARemedy) {
  std::set<std::string_view> ids;
  std::size_t failures = 0;
  for (const Cause& cause : Causes()) {
    EXPECT_TRUE(ids.insert(cause.id).second) << cause.id;
    EXPECT_THAT(std::string(cause.id), testing::MatchesRegex("[a-z_]+\\.[a-z_]+"));
    EXPECT_FALSE(cause.sentence.empty()) << cause.id;
    EXPECT_FALSE(cause.sentence.ends_with('.')) << cause.id;
    EXPECT_TRUE(cause.seen.ends_with('.')) << cause.id;
    EXPECT_FALSE(cause.remedy.empty()) << cause.id;
    failures += cause.verdict == Verdict::kFailed ? 1 : 0;
  }
  EXPECT_GE(failures, 40U);
}

}  // namespace
}  // namespace slipway::control
