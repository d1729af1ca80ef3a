// SPDX-License-Identifier: Apache-2.0
//
// The text of templates: what mustache(5) says, as another reader of it says it too; strictness,
// escaping and bounds.
#include "control/templates/mustache.h"

#include <gmock/gmock.h>

#include <kainjow/mustache.hpp>
#include <map>

#include "control/text.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

using Values = std::map<std::string, std::string>;

Mustache::Rendering RenderWith(const std::string& text, const Values& values,
                               Escape escape = Escape::kNone) {
  const auto mustache = Mustache::Parse(text);
  EXPECT_TRUE(mustache.ok()) << text << ": " << mustache.status();
  if (!mustache.ok()) return {};
  return mustache->Render(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
      },
      escape);
}

// What the other reader makes of it, without its HTML.
std::string Theirs(const std::string& text, const Values& values) {
  kainjow::mustache::mustache mustache(text);
  mustache.set_custom_escape([](const std::string& value) { return value; });
  kainjow::mustache::data data;
  for (const auto& [name, value] : values) data.set(name, value);
  return mustache.render(data);
}

TEST(MustacheTest, TextsBecomeWhatAnotherReaderMakesOfThem) {
  const Values values = {{"a", "one"}, {"b", "two words"}, {"c-d", "x"}};
  for (const char* text :
       {"", "plain\n", "no newline", "{{a}}", "{{ a }}\n{{b}}\n", "x{{{a}}}y{{&b}}z",
        "{{#a}}yes{{/a}}", "{{^a}}no{{/a}}", "{{#z}}yes{{/z}}{{^z}}no{{/z}}",
        "begin\n{{#a}}\nin {{a}}\n{{/a}}\nend\n", "{{#a}}{{#b}}both{{/b}}{{/a}}",
        "{{#a}}{{^b}}one{{/b}}{{#z}}{{#b}}x{{/b}}{{/z}}{{/a}}", "a {{! inside }} b\n",
        "#!ipxe\nkernel k ip=${net0/ip} {{b}}\n\n\n", "{{^z}}\r\ncrlf\r\n{{/z}}\r\n{{a}}\r\n",
        "{ {a} } }} {{c-d}}\n", "{{#a}}\n{{^z}}\n deep\n{{/z}}\n{{/a}}\n"}) {
    const auto ours = RenderWith(text, values);
    EXPECT_TRUE(ours.good()) << text;
    EXPECT_EQ(ours.text, Theirs(text, values)) << text;
  }
}

// Where the other reader leaves a line that mustache's specification takes away (its "Standalone"
// cases): an indented section that is not there, a remark, delimiters.
TEST(MustacheTest, ALineOfNothingButTagsLeavesNone) {
  const Values values = {{"a", "one"}};
  const struct {
    const char* text;
    const char* becomes;
  } kCases[] = {
      {"begin\n  {{#z}}\nin\n  {{/z}}\nend\n", "begin\nend\n"},
      {"a\n{{! a remark }}\nb\n", "a\nb\n"},
      {"  {{! alone }}  \nb", "b"},
      {"a\r\n{{! on\n two lines }}\r\nb", "a\r\nb"},
      {"a\n  {{! at the end }}", "a\n"},
      {"{{=<% %>=}}\n<%a%> {{a}} <%#a%>in<%/a%>\n<%={{ }}=%>\n{{a}}\n", "one {{a}} in\none\n"},
      {"{{#a}} {{/a}}\n", ""},
      {"{{a}}\n{{{a}}}\n", "one\none\n"},
  };
  for (const auto& each : kCases) EXPECT_EQ(RenderWith(each.text, values).text, each.becomes);
}

TEST(MustacheTest, AVariableThatIsNotKnownIsAnErrorWithItsLine) {
  const auto made = RenderWith("a\n{{x}}\n{{#y}}{{z}}{{/y}}\n{{w}} {{x}}\n", {{"w", ""}});
  EXPECT_FALSE(made.good());
  ASSERT_EQ(made.missing.size(), 1u) << "asking for one is no use of it, and empty is known";
  EXPECT_EQ(made.missing[0].name, "x");
  EXPECT_EQ(made.missing[0].line, 2u);
}

TEST(MustacheTest, EachNameIsSaidOnceAndNotWithoutEnd) {
  std::string text = "{{x}}{{x}}";
  for (int i = 0; i < 100; ++i) text += Text("\n{{v", i, "}}");
  const auto made = RenderWith(text, {});
  ASSERT_EQ(made.missing.size(), Mustache::kMissingMax);
  EXPECT_EQ(made.missing[1].name, "v0");
  EXPECT_EQ(made.missing[1].line, 2u);
}

TEST(MustacheTest, ValuesAreEscapedAsTheFormAsks) {
  const Values values = {{"v", "a\"b\\c\n<&'>\x01"}};
  EXPECT_EQ(RenderWith("{{v}}", values).text, values.at("v"));
  EXPECT_EQ(RenderWith("\"{{v}}\"", values, Escape::kJson).text,
            "\"a\\\"b\\\\c\\u000a<&'>\\u0001\"");
  EXPECT_EQ(RenderWith("<k>{{v}}</k>", values, Escape::kXml).text,
            "<k>a&#34;b\\c\n&#60;&#38;&#39;&#62;\x01</k>");
  for (const Escape escape : {Escape::kJson, Escape::kXml}) {
    EXPECT_EQ(RenderWith("{{{v}}}{{&v}}", values, escape).text, values.at("v") + values.at("v"));
  }
}

TEST(MustacheTest, WhatCannotBeReadSaysWhereAndWhatWouldBeRight) {
  const struct {
    const char* text;
    const char* says;
  } kCases[] = {
      {"a\n{{x", "line 2: '{{' is not closed; write '}}'"},
      {"{{{x}}", "write '}}}'"},
      {"a\n\n{{#x}}\nb", "line 3: {{#x}} is not closed"},
      {"{{/x}}", "{{/x}} closes nothing"},
      {"{{#x}}\n{{/y}}", "line 2: {{/y}} closes {{#x}}"},
      {"{{> other}}", "no partials"},
      {"{{}}", "\"\" is no variable's name"},
      {"{{a b}}", "\"a b\" is no variable's name"},
      {"{{ ds.meta | upper }}", "{{=<% %>=}}"},
      {"{{=<%=}}", "delimiters are written"},
      {"{{= = = =}}", "delimiters are written"},
  };
  for (const auto& each : kCases) {
    const auto mustache = Mustache::Parse(each.text);
    ASSERT_FALSE(mustache.ok()) << each.text;
    EXPECT_THAT(std::string(mustache.status().message()), HasSubstr(each.says)) << each.text;
  }
}

TEST(MustacheTest, LengthDepthAndTagsAreBounded) {
  EXPECT_TRUE(Mustache::Parse(std::string(kTemplateBytesMax, 'x')).ok());
  EXPECT_FALSE(Mustache::Parse(std::string(kTemplateBytesMax + 1, 'x')).ok());
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "{{#a}}";
    for (int i = 0; i < depth; ++i) text += "{{/a}}";
    return text;
  };
  EXPECT_TRUE(Mustache::Parse(nested(16)).ok());
  EXPECT_FALSE(Mustache::Parse(nested(17)).ok());
  std::string tags;
  for (int i = 0; i < 8193; ++i) tags += "{{a}}";
  EXPECT_FALSE(Mustache::Parse(tags).ok());
  // 200 times 4,096 letters are more than a document may have.
  tags.resize(std::size_t{200} * 5);
  const auto made = RenderWith(tags, {{"a", std::string(4096, 'x')}});
  EXPECT_TRUE(made.too_long);
  EXPECT_LE(made.text.size(), kDocumentBytesMax + 4096);
}

TEST(MustacheTest, NamesAreThoseThatItReadsOrAsksFor) {
  const auto mustache = Mustache::Parse("{{b}}{{#label.a/c}}{{b}}{{/label.a/c}}{{^z}}{{/z}}");
  ASSERT_TRUE(mustache.ok());
  EXPECT_THAT(mustache->names(), testing::ElementsAre("b", "label.a/c", "z"));
}

}  // namespace
}  // namespace slipway::control
