// SPDX-License-Identifier: Apache-2.0
//
// Long work of the command line on a terminal: a bar, and none of it where nobody looks. The
// terminal is script(1)'s.
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kSize = std::size_t{3} << 20;

class ProgressTest : public RestTest {
 protected:
  ProgressTest() { std::ofstream(file_) << std::string(kSize, 'x'); }
  Ran OnTerminal(const std::string& arguments) {
    return Shell(Text("script -qec '", SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
                      " --server 127.0.0.1:", server_->port(), " ", arguments,
                      "' /dev/null </dev/null"));
  }
  const std::string file_ = (folder_ / "big.efi").string();
};

TEST_F(ProgressTest, AnUploadIsABarOnATerminalAlone) {
  const Ran shown = OnTerminal("image import " + file_ + " big:1");
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_THAT(shown.text, HasSubstr("[########################] 100% 3.0 MiB of 3.0 MiB"));
  // It is taken away before what is said next.
  EXPECT_THAT(shown.text, HasSubstr("big:1: 1 files"));
  EXPECT_LT(shown.text.rfind("\r\x1b[K"), shown.text.find("big:1: 1 files"));
  for (const char* json : {"--json ", ""}) {
    const std::string words = Text(json, "image import ", file_, " big:2");
    const Ran hidden = *json == '\0' ? Slipway(words) : OnTerminal(words);
    EXPECT_EQ(hidden.code, 0) << hidden.text;
    EXPECT_THAT(hidden.text, Not(HasSubstr("\x1b["))) << json;
    EXPECT_THAT(hidden.text, Not(HasSubstr("100%"))) << json;
  }
}

TEST_F(ProgressTest, AFolderIsSaidToBeRead) {
  std::filesystem::create_directories(folder_ / "set");
  std::filesystem::copy_file(file_, folder_ / "set/boot.efi");
  const Ran shown = OnTerminal("image import " + (folder_ / "set").string() + " folder:1");
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_THAT(shown.text, HasSubstr("the appliance reads it"));
}

TEST_F(ProgressTest, ABackupIsABarToo) {
  const std::string tar = (folder_ / "backup.tar").string();
  const Ran shown = OnTerminal("backup " + tar);
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_THAT(shown.text, HasSubstr("the appliance puts it together"));
  EXPECT_THAT(shown.text, HasSubstr("[########################] 100% "));
  EXPECT_THAT(Slipway("backup " + tar + "2").text, Not(HasSubstr("100%")));
}

TEST_F(ProgressTest, AnErrorStandsOnALineOfItsOwn) {
  const Ran shown = OnTerminal("image import " + file_ + " a:b:c");
  EXPECT_EQ(shown.code, 1);
  EXPECT_THAT(shown.text,
              testing::AnyOf(HasSubstr("\x1b[Kslipway: "), testing::StartsWith("slipway: ")));
}

}  // namespace
}  // namespace slipway::control
