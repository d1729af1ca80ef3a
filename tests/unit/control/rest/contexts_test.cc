// SPDX-License-Identifier: Apache-2.0
//
// The command line finds its appliance by name, at a real one.
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

class ContextTest : public RestTest {
 protected:
  // Without a state directory: what is not said must come of the context.
  Ran Plain(const std::string& words, const std::string& environment = "") {
    return Shell(Text(
        "env -u SLIPWAY_STATE -u SLIPWAY_TOKEN XDG_CONFIG_HOME=", (folder_ / "config").string(),
        ' ', environment, ' ', SLIPWAY_PROGRAM, ' ', words));
  }
  std::string Ca() const { return (folder_ / "state/ca.pem").string(); }
  std::string Server() const { return Text("127.0.0.1:", server_->port()); }
};

TEST_F(ContextTest, NamesAddressCaAndToken) {
  Ran ran = Shell(Text("echo ", core_->token().text,
                       " | XDG_CONFIG_HOME=", (folder_ / "config").string(), ' ', SLIPWAY_PROGRAM,
                       " context set lab --token - --server ", Server(), " --ca ", Ca()));
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.text, "context lab: written, and in use\n");
  ran = Plain("whoami");
  EXPECT_EQ(ran.code, 0) << ran.text;

  const std::string token = MakeToken("viewer --role viewer");
  ran = Plain(Text("context set reading --token ", token, " --server ", Server(), " --ca ", Ca()));
  EXPECT_EQ(ran.text, "context reading: written\n");
  ran = Plain("--context reading --json whoami");
  EXPECT_THAT(ran.text, HasSubstr("\"viewer\"")) << ran.text;
  // The one of the option is meant, whatever the environment holds of another.
  EXPECT_EQ(Plain("--context reading whoami", "SLIPWAY_TOKEN=wrong SLIPWAY_SERVER=192.0.2.1").code,
            0);
  EXPECT_THAT(Plain("--json whoami", "SLIPWAY_CONTEXT=reading SLIPWAY_TOKEN=wrong").text,
              HasSubstr("\"viewer\""));
  EXPECT_THAT(Plain("--json whoami").text, Not(HasSubstr("\"viewer\"")));
  EXPECT_EQ(Plain("context use reading").code, 0);
  EXPECT_THAT(Plain("--json whoami").text, HasSubstr("\"viewer\""));
  EXPECT_THAT(Plain("context list").text, HasSubstr("*  reading"));
  // Nor goes a token of the environment to the one in use.
  EXPECT_EQ(Plain("whoami", "SLIPWAY_TOKEN=wrong").code, 0);
  // One that was removed by hand is told as what it is.
  std::filesystem::remove_all(folder_ / "config/slipway/contexts/reading");
  EXPECT_THAT(Plain("whoami").text, HasSubstr("slipway context use -"));
}

TEST_F(ContextTest, ANarrowingOptionIsOfListsAlone) {
  for (const char* words : {"rollout start a:b a:c --selector rack=a1", "rule set x --selector a=b",
                            "token create ci --role operator --selector a=b",
                            "boot list --search x", "machine list --outcome failed"}) {
    const Ran ran = Slipway(words);
    EXPECT_EQ(ran.code, 2) << words;
    EXPECT_THAT(ran.text, HasSubstr(": is of lists")) << words;
  }
}

TEST_F(ContextTest, AStateDirectoryThatCannotBeReadIsSaid) {
  // As one that this user may not look into, which there is none of for root.
  const auto loop = folder_ / "loop";
  std::filesystem::create_symlink(loop, loop);
  const Ran ran = Shell(Text(SLIPWAY_PROGRAM, " --state ", loop.string(), " status"));
  EXPECT_EQ(ran.code, 1) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("loop: Too many levels of symbolic links; be who may read it"));
}

TEST_F(ContextTest, OneThatIsNotThereIsNamed) {
  Ran ran = Plain("--context east whoami");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.text, HasSubstr("context 'east'"));
  EXPECT_THAT(ran.text, HasSubstr("slipway context list"));
  ran = Plain(Text("--context east --state ", (folder_ / "state").string(), " whoami"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.text, HasSubstr("give one of them"));
  ran = Plain("context set lab --server 127.0.0.1");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.text, HasSubstr("--ca FILE"));
}

}  // namespace
}  // namespace slipway::control
