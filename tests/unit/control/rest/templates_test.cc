// SPDX-License-Identifier: Apache-2.0
//
// Templates as an operator meets them: by the command line and by REST, down to what the snapshot
// serves.
#include <gmock/gmock.h>

#include "control/access/digest.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

constexpr const char* kFirst = "52:54:00:00:00:01";

class TemplatesTest : public RestTest {
 protected:
  Ran SetText(const std::string& name, const std::string& text, const std::string& more = "") {
    std::ofstream(folder_ / "text") << text;
    return Slipway(Text("template set ", name, " --file ", (folder_ / "text").string(), ' ', more));
  }
  std::string Served(const std::string& path) const {
    const http::Resource* const file = snapshot_->images.Find(path);
    return file == nullptr ? "(none)" : std::string(AsText(file->content));
  }
};

TEST_F(TemplatesTest, ATemplateIsServedAsItsPreviewSays) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine variable 52:54:00:00:00:01 hostname=one").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  const Ran set = SetText("user-data", "#cloud-config\nhostname: {{hostname}}\n# {{image.path}}\n",
                          "--when rack=a1");
  ASSERT_EQ(set.code, 0) << set.text;
  EXPECT_THAT(set.text,
              HasSubstr("user-data: 1 machine has it, as text/plain; anyone on the boot"));
  const std::string served = Served("/machine/52:54:00:00:00:01/user-data");
  EXPECT_THAT(served, testing::StartsWith("#cloud-config\nhostname: one\n# /debian/"));
  EXPECT_EQ(Slipway("template preview user-data --mac 52:54:00:00:00:01").text, served);
  const auto preview = nlohmann::json::parse(
      Slipway("--json template preview user-data --mac 52:54:00:00:00:01").text);
  EXPECT_EQ(preview["path"], "/machine/52:54:00:00:00:01/user-data");
  EXPECT_EQ(preview["digest"], HashOf(served));
  EXPECT_EQ(snapshot_->images.Find("/machine/525400000001/user-data")->etag_digest, HashOf(served));

  ASSERT_EQ(Slipway("machine variable 52:54:00:00:00:01 hostname=two").code, 0);
  EXPECT_THAT(Served("/machine/52:54:00:00:00:01/user-data"), HasSubstr("hostname: two"));
  EXPECT_THAT(Slipway("template list").text, HasSubstr("user-data"));
  EXPECT_THAT(Slipway("template show user-data").text,
              HasSubstr("user-data: text/plain, for rack=a1; 1 machine has it\n\n#cloud-config"));
  EXPECT_EQ(Slipway("template rm user-data").code, 0);
  EXPECT_EQ(Served("/machine/52:54:00:00:00:01/user-data"), "(none)");
}

TEST_F(TemplatesTest, WhatWouldLeaveAMachineWithoutItsDocumentIsRefused) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 role=web").code, 0);
  const Ran refused = SetText("ks.cfg", "x\nhost {{hostname}}\n", "--when role=web");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(
      refused.text,
      HasSubstr("1 document could not be made: ks.cfg of machine 52:54:00:00:00:01, line 2: "
                "\"hostname\" is not known: slipway machine variable 52:54:00:00:00:01"));
  EXPECT_EQ(client_->Get("/api/v1/templates")->body, "[]\n");
  ASSERT_EQ(Slipway("rule set r --image debian:stable --when role=web").code, 0);
  ASSERT_EQ(Slipway("rule variable r hostname=common").code, 0);
  ASSERT_EQ(SetText("ks.cfg", "x\nhost {{hostname}}\n", "--when role=web").code, 0);
  EXPECT_EQ(Served("/machine/52:54:00:00:00:01/ks.cfg"), "x\nhost common\n");

  EXPECT_EQ(Slipway("rule set r --image debian:stable --when role=web --order 3").code, 0)
      << "variables stay";
  for (const char* command : {"rule variable r hostname-", "rule rm r",
                              "rule set r --image debian:stable --when role=db"}) {
    const Ran ran = Slipway(command);
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.text, HasSubstr("ks.cfg of machine 52:54:00:00:00:01, line 2")) << command;
  }
  EXPECT_EQ(Slipway("machine variable 52:54:00:00:00:01 hostname=own").code, 0);
  EXPECT_EQ(Slipway("rule rm r").code, 0) << "the machine has its own now";
  EXPECT_EQ(Slipway("machine variable 52:54:00:00:00:01 hostname-").code, 1);
  EXPECT_EQ(Slipway("machine label 52:54:00:00:00:02 role=web").code, 1) << "variables first";
  EXPECT_EQ(Served("/machine/52:54:00:00:00:01/ks.cfg"), "x\nhost own\n");
}

TEST_F(TemplatesTest, AMachineThatCountsMadeWithoutVariablesIsToldNotRefused) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("rule set r --image debian:stable --mode once").code, 0);
  ASSERT_EQ(SetText("user-data", "{{hostname}}").code, 0);
  ASSERT_TRUE(core_->CountBoots({{MacAddress{{0x52, 0x54, 0, 0, 0, 1}}, true}}).ok());
  EXPECT_THAT(Slipway("template show user-data").text,
              HasSubstr("not for 52:54:00:00:00:01: line 1: \"hostname\" is not known"));
  EXPECT_THAT(Slipway("status").text, HasSubstr("1 documents of machines cannot be made"));
  EXPECT_EQ(Slipway("machine label 52:54:00:00:00:02 x=y").code, 1) << "this one would be new";
  EXPECT_EQ(Slipway("machine variable 52:54:00:00:00:02 hostname=b").code, 0);
  EXPECT_EQ(Served("/machine/52:54:00:00:00:02/user-data"), "b");
}

TEST_F(TemplatesTest, AChangeIsTriedBeforeItIsMade) {
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 - --name node1").code, 0);
  ASSERT_EQ(SetText("a", "old {{name}}\n").code, 0);
  std::ofstream(folder_ / "text") << "new {{name}}\n";
  const std::string file = (folder_ / "text").string();
  EXPECT_EQ(Slipway("template preview a --mac 52:54:00:00:00:01 --file " + file).text,
            "new node1\n");
  EXPECT_EQ(Slipway("template preview b --mac 52:54:00:00:00:01 --file " + file).text,
            "new node1\n");
  EXPECT_EQ(Served("/machine/52:54:00:00:00:01/a"), "old node1\n");
  const Ran other = Slipway("template preview a --mac 52:54:00:00:00:01 --when name=node2");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.text, HasSubstr("a is not for machine 52:54:00:00:00:01: it needs name=node2"));
}

TEST_F(TemplatesTest, TwoOperatorsDoNotUndoEachOther) {
  const char* const path = "/api/v1/templates/t";
  const auto put = [&](const char* text, const httplib::Headers& headers) {
    return client_->Put(path, headers, nlohmann::json({{"text", text}}).dump(), "application/json");
  };
  EXPECT_EQ(put("a", {{"If-None-Match", "*"}})->status, 200);
  EXPECT_EQ(put("b", {{"If-None-Match", "*"}})->status, 412);
  const std::string tag = client_->Get(path)->get_header_value("ETag");
  EXPECT_EQ(put("b", {{"If-Match", tag}})->status, 200);
  EXPECT_EQ(put("c", {{"If-Match", tag}})->status, 412);
  EXPECT_EQ(client_->Delete(path, httplib::Headers{{"If-Match", tag}})->status, 412);
  EXPECT_EQ(put("b", {})->status, 200) << "again";
  const std::string now = client_->Get(path)->get_header_value("ETag");
  EXPECT_EQ(client_->Delete(path, httplib::Headers{{"If-Match", now}})->status, 204);
  EXPECT_EQ(client_->Delete(path)->status, 404);
}

TEST_F(TemplatesTest, MistakesAreSaidAndChangeNothing) {
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 - --name node1").code, 0);
  ASSERT_EQ(SetText("good", "x").code, 0);
  std::ofstream(folder_ / "bytes") << "\xff\xfe";
  std::ofstream(folder_ / "open") << "a\n{{x";
  const std::string before = client_->Get("/api/v1/templates")->body;
  const struct {
    std::string command;
    const char* says;
    int code = 1;
  } kCases[] = {
      {"template set UPPER --file " + (folder_ / "open").string(), "write small letters"},
      {"template set t --file " + (folder_ / "open").string(), "line 2: '{{' is not closed"},
      {"template set t --file " + (folder_ / "bytes").string(), "no UTF-8"},
      {"template set t --file /nowhere/x", "cannot be read"},
      {"template set t --when rack=a1", "text: missing"},
      {"template set good --when arch=x64", "only when a machine speaks"},
      {"template set good --type text", "without parameters"},
      {"template show t", "t: no such template"},
      {"template rm t", "t: no such template"},
      {"template preview t --mac 52:54:00:00:00:01", "t: no such template"},
      {"template preview good --mac 52:54:00:00:00:09", "no machine of the catalog"},
      {"template preview good --mac nobody", "not a MAC"},
      {"template preview good", "say for which machine", 2},
      {"machine variable 52:54:00:00:00:01 novalue", "neither KEY=VALUE nor KEY-", 2},
      {"rule variable none a=b", "none: no such rule"},
  };
  for (const auto& each : kCases) {
    const Ran ran = Slipway(each.command);
    EXPECT_EQ(ran.code, each.code) << each.command;
    EXPECT_THAT(ran.text, HasSubstr(each.says)) << each.command;
  }
  EXPECT_EQ(client_->Get("/api/v1/templates")->body, before);
}

TEST_F(TemplatesTest, AViewerReadsAndAnOperatorWritesAndAllOfItIsInTheLog) {
  ASSERT_EQ(Slipway(Text("machine set ", kFirst, " - --name node1")).code, 0);
  ASSERT_EQ(SetText("t", "{{name}}").code, 0);
  const std::string viewer = MakeToken("eyes --role viewer");
  client_->set_bearer_token_auth(viewer);
  EXPECT_EQ(client_->Get("/api/v1/templates/t")->status, 200);
  EXPECT_EQ(client_->Get(Text("/api/v1/templates/t/preview?machine=", kFirst))->status, 200);
  EXPECT_EQ(client_->Put("/api/v1/templates/t", R"({"text": "x"})", "application/json")->status,
            403);
  EXPECT_EQ(client_->Delete("/api/v1/templates/t")->status, 403);
  EXPECT_EQ(Slipway("template rm t").code, 0);
  const auto log = core_->store().Audit({.limit = 10});
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->front().what, "template t");
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("template t"));
  EXPECT_EQ(Slipway("audit verify").code, 0);
}

TEST_F(TemplatesTest, IpxeIsSentToItsMachinesScript) {
  ImportBootFile("debian:stable");
  ImportBootFile("web:1", 3000);
  const auto offered = [this](const std::string& client, const std::string& mac) {
    const Ran ran = Slipway(Text("--json explain --client ", client, " --mac ", mac));
    return nlohmann::json::parse(ran.text).value("uri", "");
  };
  EXPECT_EQ(Slipway("rule set r --image web:1 --script boot.ipxe").code, 1) << "no such template";
  EXPECT_EQ(Slipway("machine script 52:54:00:00:00:01 boot.ipxe").code, 1);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 role=web").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:02 role=db").code, 0);
  ASSERT_EQ(SetText("boot.ipxe", "#!ipxe\necho {{machine.path}}\n", "--when role=web").code, 0);
  const std::string stable = offered("ipxe", kFirst);
  EXPECT_THAT(stable, HasSubstr("/debian/"));
  ASSERT_EQ(Slipway("machine script 52:54:00:00:00:01 boot.ipxe").code, 0);
  const std::string script = offered("ipxe", kFirst);
  EXPECT_THAT(script, testing::EndsWith("/machine/${netX/mac}/boot.ipxe"))
      << "though the configuration decides what it boots";
  EXPECT_EQ(script.substr(0, script.find("/machine")), stable.substr(0, stable.find("/debian")));
  EXPECT_THAT(offered("http", kFirst), HasSubstr("/debian/")) << "firmware is not iPXE";
  ASSERT_EQ(Slipway("machine script 52:54:00:00:00:01 -").code, 0);
  EXPECT_EQ(offered("ipxe", kFirst), stable);

  ASSERT_EQ(Slipway("rule set r --image web:1 --script boot.ipxe").code, 0);
  EXPECT_EQ(offered("ipxe", kFirst), script);
  for (const char* other : {"52:54:00:00:00:02", "52:54:00:00:00:09"}) {
    EXPECT_THAT(offered("ipxe", other), HasSubstr("/web/")) << "has no such document: " << other;
  }
  const Ran kept = Slipway("template rm boot.ipxe");
  EXPECT_EQ(kept.code, 1);
  EXPECT_THAT(kept.text, HasSubstr("boot.ipxe: rule r sends iPXE to it"));
  const std::string uuid = "0a1b2c3d-0001-0203-0405-060708090a0b";
  ASSERT_EQ(Slipway("machine label " + uuid + " role=web").code, 0);
  EXPECT_THAT(offered("ipxe", "52:54:00:00:00:07 --uuid " + uuid),
              testing::EndsWith("/machine/${uuid}/boot.ipxe"));
  EXPECT_EQ(Slipway("rule set r --image web:1").code, 0);
  EXPECT_EQ(offered("ipxe", kFirst), script) << "what is not said stays";
  EXPECT_EQ(Slipway("rule set r --script -").code, 0);
  EXPECT_THAT(offered("ipxe", kFirst), HasSubstr("/web/"));
  EXPECT_EQ(Slipway("rule set h --action hold --script boot.ipxe").code, 1);
  EXPECT_EQ(Slipway("template rm boot.ipxe").code, 0);
}

TEST_F(TemplatesTest, TheyPageAndSurviveARestart) {
  ASSERT_EQ(Slipway(Text("machine set ", kFirst, " - --name node1")).code, 0);
  for (const char* name : {"c", "a", "b"}) ASSERT_EQ(SetText(name, "{{name}}").code, 0);
  const auto page = client_->Get("/api/v1/templates?limit=2");
  EXPECT_EQ(nlohmann::json::parse(page->body)[1]["name"], "b");
  EXPECT_THAT(page->get_header_value("Link"), HasSubstr("~b>"));
  End();
  Begin();
  EXPECT_EQ(Served("/machine/525400000001/c"), "node1");
  for (int i = 3; i < 64; ++i) {
    EXPECT_EQ(client_->Put(Text("/api/v1/templates/n", i), R"({"text": "x"})", "application/json")
                  ->status,
              200);
  }
  const auto full = client_->Put("/api/v1/templates/full", R"({"text": "x"})", "application/json");
  EXPECT_EQ(full->status, 409) << "no disk is full";
  EXPECT_THAT(full->body, HasSubstr("64 templates are the most"));
}

}  // namespace
}  // namespace slipway::control
