// SPDX-License-Identifier: Apache-2.0
#include "control/policy/selector.h"

#include <gmock/gmock.h>

#include "control/text.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

Selector Parsed(std::string_view text) {
  auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.ok()) << text << ": " << selector.status();
  return selector.ok() ? *selector : Selector{};
}

TEST(Selector, IsWrittenAsItWasMeant) {
  const struct {
    const char* text;
    const char* meant;
  } kCases[] = {
      {"", ""},
      {"  ", ""},
      {"arch=x64", "arch=x64"},
      {"arch == amd64", "arch=x64"},
      {"arch in (aa64,  arm)", "arch in (arm64, arm32)"},
      {"mac!=52-54-00-*,rack=a1", "mac!=52:54:00:*, rack=a1"},
      {"rack notin (a1, a2)", "rack notin (a1, a2)"},
      {"!retired , dc/row", "!retired, dc/row"},
      {"client-id=01:52:54", "client-id=015254"},
      {"client-id=01: 52 :54 :", "client-id=015254"},
      {"name=web 1, serial=", "name=web 1, serial="},
      {"rack= =a1", "rack===a1"},
      {"rack!= =a1", "rack!===a1"},
      {"rack in (=a1)", "rack===a1"},
      {"rack in (=a1, =a2)", "rack in (=a1, =a2)"},
      {"rack in (, a1)", "rack in (, a1)"},
      {"rack in (,)", "rack in (, )"},
  };
  for (const auto& each : kCases) {
    const Selector selector = Parsed(each.text);
    EXPECT_EQ(selector.ToString(), each.meant) << each.text;
    EXPECT_EQ(Parsed(selector.ToString()), selector) << each.text;
  }
}

TEST(Selector, AMistakeIsNamedWithItsPlace) {
  const struct {
    const char* text;
    const char* says;
  } kCases[] = {
      {"arch", "'arch' is a fact, not a label; write 'arch=VALUE'"},
      {"!mac", "is a fact, not a label"},
      {"tls-fingerprint", "is a fact, not a label; write 'tls-fingerprint=VALUE'"},
      {"=x", "character 1: write a key"},
      {"rack=a,", "a requirement is missing after ','"},
      {"rack=a,,b", "write a key"},
      {"rack in a", "write '(' and the values"},
      {"rack in (a", "write ')' after the values"},
      {"rack within (a)", "write '=', '!=', 'in (...)'"},
      {"rack ! a", "write '=' or '!='"},
      {"1rack=a", "write a key"},
      {"rack in (a) b", "write ',' between requirements"},
  };
  for (const auto& each : kCases) {
    const auto selector = Selector::Parse(each.text);
    ASSERT_FALSE(selector.ok()) << each.text;
    EXPECT_THAT(std::string(selector.status().message()), HasSubstr(each.says)) << each.text;
  }
  EXPECT_FALSE(Selector::Parse(std::string(3000, 'a')).ok());
}

// The catalog keeps what ToString() says: what could not be read again must not come in.
TEST(Selector, WhatIsTakenIsReadAgainHoweverLongItBecomes) {
  std::string text = "a=b";
  while (text.size() + 4 <= 2048) text += ",a=b";
  const auto selector = Selector::Parse(text);
  ASSERT_FALSE(selector.ok()) << "written as " << selector->ToString().size() << " characters";
  EXPECT_THAT(std::string(selector.status().message()), HasSubstr("shorten it"));
  const Selector shorter = Parsed(text.substr(0, 1499));
  EXPECT_EQ(Parsed(shorter.ToString()), shorter);
}

MachineFacts Known() {
  MachineFacts facts;
  facts.in_catalog = true;
  facts.mac = "52:54:00:00:00:01";
  facts.name = "web1";
  facts.serial = "S1";
  static const std::set<std::string> kGroups = {"web", "lab"};
  static const std::map<std::string, std::string> kLabels = {{"rack", "a1"}, {"empty", ""}};
  facts.groups = &kGroups;
  facts.labels = &kLabels;
  static const std::vector<SeenFirmware> kFirmware = {{{.client = "http",
                                                        .dhcp = "67f18dbc6287be40",
                                                        .tcp = "65535:1460:mss",
                                                        .tls = "fd4508cff06e1bd0"},
                                                       1},
                                                      {{.client = "ipxe",
                                                        .dhcp = "6ee514fe8a8303ad",
                                                        .tcp = "65532:1460:nop-nop-ws9-mss",
                                                        .tls = ""},
                                                       2}};
  facts.firmware = &kFirmware;
  return facts;
}

// "no": known to fail. "yes": known to hold. "?": the message decides.
std::string Answer(const char* text, const MachineFacts& facts) {
  const Selector selector = Parsed(text);
  const Remainder remainder = Apply(selector, facts);
  if (remainder.failed != nullptr) return "no";
  return remainder.terms.empty() ? "yes" : "?";
}

TEST(Selector, WhatIsKnownIsDecidedAndTheRestIsLeft) {
  const struct {
    const char* text;
    const char* known;
    const char* unknown;
  } kCases[] = {
      {"", "yes", "yes"},
      {"mac=52:54:*", "yes", "?"},
      {"mac!=52:54:*", "no", "?"},
      {"uuid=*", "?", "?"},
      {"arch=x64", "?", "?"},
      {"arch=x64, rack=b1", "no", "no"},
      {"arch=x64, rack=A1", "?", "no"},
      {"rack", "yes", "no"},
      {"empty", "yes", "no"},
      {"!rack", "no", "yes"},
      {"rack!=a1", "no", "yes"},
      {"rack!=b1", "yes", "yes"},
      {"rack in (b1, a*)", "yes", "no"},
      {"rack notin (b1, a*)", "no", "yes"},
      {"group=web", "yes", "no"},
      {"group in (x, lab)", "yes", "no"},
      {"group!=web", "no", "yes"},
      {"name=WEB*", "yes", "no"},
      {"serial=S2", "no", "no"},
      {"tcp-fingerprint=65535:1460:mss", "yes", "no"},
      {"tcp-fingerprint=65532:*", "yes", "no"},
      {"tcp-fingerprint=64240:*", "no", "no"},
      {"tcp-fingerprint!=65532:*", "no", "yes"},
      {"tcp-fingerprint in (1:0:none, *-ws9-mss)", "yes", "no"},
      {"tls-fingerprint=FD4508CFF06E1BD0", "yes", "no"},
      {"tls-fingerprint=*", "yes", "no"},
      {"tls-fingerprint=", "no", "no"},
      {"tls-fingerprint notin (fd45*, ff73*)", "no", "yes"},
      {"dhcp-fingerprint=67f18dbc6287be40", "?", "?"},
  };
  for (const auto& each : kCases) {
    EXPECT_EQ(Answer(each.text, Known()), each.known) << each.text;
    EXPECT_EQ(Answer(each.text, MachineFacts{}), each.unknown) << each.text;
  }
}

TEST(Selector, OfAListAsksWhatBootsShowedAndNotWhatAMessageSays) {
  EXPECT_EQ(NeedsMessage(Parsed("tcp-fingerprint=*, tls-fingerprint!=x")), nullptr);
  const Selector message = Parsed("rack=a1, dhcp-fingerprint=67f18dbc6287be40");
  ASSERT_NE(NeedsMessage(message), nullptr);
  EXPECT_EQ(*NeedsMessage(message), "dhcp-fingerprint");
  EXPECT_TRUE(NeedsSeenFirmware(Parsed("rack=a1, tcp-fingerprint!=x")));
  EXPECT_TRUE(NeedsSeenFirmware(Parsed("tls-fingerprint in (x, y)")));
  EXPECT_FALSE(NeedsSeenFirmware(message));
}

TEST(Selector, AFormOfASynIsOneValue) {
  const char* text = "tcp-fingerprint=65532:1460:nop-nop-ts-nop-nop-sack-nop-ws9-mss, rack=a1";
  const Selector selector = Parsed(text);
  ASSERT_EQ(selector.requirements().size(), 2u);
  EXPECT_EQ(selector.ToString(), text);
}

}  // namespace
}  // namespace slipway::control
