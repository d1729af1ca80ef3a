// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "control/cli/server_events.h"
#include "control/cli/watch_text.h"

namespace slipway::control {

void PrintTo(const ServerEvent& event, std::ostream* out) {
  *out << event.type << " [" << event.data << "] " << event.id;
}
bool operator==(const ServerEvent& a, const ServerEvent& b) {
  return a.type == b.type && a.data == b.data && a.id == b.id;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ServerEventsTest : public testing::Test {
 protected:
  std::vector<ServerEvent> Parse(std::string_view text, std::size_t piece = 1000) {
    std::vector<ServerEvent> events;
    const auto keep = [&](const ServerEvent& event) { events.push_back(event); };
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
      parser_.Take(text.substr(0, piece), keep);
    }
    return events;
  }
  ServerEventParser parser_;
};

// The examples of WHATWG HTML 9.2.6.
TEST_F(ServerEventsTest, TheStandardsFirstExampleIsOneEvent) {
  EXPECT_THAT(Parse("data: YHOO\ndata: +2\ndata: 10\n\n"),
              ElementsAre(ServerEvent{"message", "YHOO\n+2\n10", ""}));
}

TEST_F(ServerEventsTest, TheStandardsExampleOfIds) {
  EXPECT_THAT(Parse(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
                    "data:  third event\n\n"),
              ElementsAre(ServerEvent{"message", "first event", "1"},
                          ServerEvent{"message", "second event", ""},
                          ServerEvent{"message", " third event", ""}));
}

TEST_F(ServerEventsTest, TheStandardsExampleOfEmptyData) {
  // The last has no blank line behind it.
  EXPECT_THAT(Parse("data\n\ndata\ndata\n\ndata:"),
              ElementsAre(ServerEvent{"message", "", ""}, ServerEvent{"message", "\n", ""}));
}

TEST_F(ServerEventsTest, TheStandardsExampleOfBlanks) {
  EXPECT_THAT(Parse("data:test\n\ndata: test\n\n"),
              ElementsAre(ServerEvent{"message", "test", ""}, ServerEvent{"message", "test", ""}));
}

TEST_F(ServerEventsTest, LinesEndInEachWayAndMayBeCutAnywhere) {
  const std::string text =
      "\xEF\xBB\xBFid: 5\r\nevent: step\r\ndata: {}\r\n\r\n: comment\rdata: a\r\rdata: b\n\n";
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    parser_ = {};
    EXPECT_THAT(Parse(text, piece),
                ElementsAre(ServerEvent{"step", "{}", "5"}, ServerEvent{"message", "a", "5"},
                            ServerEvent{"message", "b", "5"}))
        << piece;
  }
}

TEST_F(ServerEventsTest, ABareIdIsRememberedAndNoEvent) {
  EXPECT_THAT(Parse("retry: 250\nid: 41\n\n"), IsEmpty());
  EXPECT_EQ(parser_.last_id(), "41");
  EXPECT_EQ(parser_.retry_milliseconds(), 250);
  EXPECT_THAT(Parse("retry: soon\nretry: -1\n"), IsEmpty());
  EXPECT_EQ(parser_.retry_milliseconds(), 250);
}

TEST_F(ServerEventsTest, WhatABrokenConnectionCutIsNotTakenForSeen) {
  EXPECT_THAT(Parse("id: 1\ndata: whole\n\nid: 2\ndata: cut"),
              ElementsAre(ServerEvent{"message", "whole", "1"}));
  EXPECT_EQ(parser_.last_id(), "1");
  parser_.Restart();
  EXPECT_THAT(Parse("data: next\n\n"), ElementsAre(ServerEvent{"message", "next", "1"}));
}

TEST(WatchTextTest, SaysWhenWhoAndWhat) {
  const auto line = [](const char* type, const char* data) { return WatchLine({type, data, "1"}); };
  EXPECT_EQ(line("step", R"({"at": 1790000000.25, "mac": "52:54:00:00:00:01", "words": "got it"})"),
            "14:13:20.250  52:54:00:00:00:01  got it");
  EXPECT_EQ(line("boot", R"({"began": 1790000000.0, "seconds": 4.5, "mac": "52:54:00:00:00:01",
                             "outcome": "failed", "words": "no trust", "cause": "untrusted"})"),
            "14:13:24.500  52:54:00:00:00:01  failed after 4.5 s: no trust  [untrusted]");
  EXPECT_EQ(line("boot", R"({"began": 1790000000.0, "seconds": 4.5, "mac": "52:54:00:00:00:01",
                             "outcome": "complete", "words": "has it", "cause": "complete"})"),
            "14:13:24.500  52:54:00:00:00:01  complete after 4.5 s: has it");
  EXPECT_EQ(line("link", R"({"at": 1790000000.0, "port": "net0", "up": false})"),
            "14:13:20.000  port net0          link is down");
  EXPECT_EQ(line("change", R"({"at": 1790000000, "resource": "rule", "what": "rule a"})"),
            "14:13:20.000                     rule a: was changed");
  EXPECT_EQ(line("held", R"({"at": 1790000000.0, "mac": "52:54:00:00:00:01", "rule": "ask",
                             "untold": 0})"),
            "14:13:20.000  52:54:00:00:00:01  waits to be approved, held by rule ask");
  EXPECT_EQ(line("held", R"({"at": 1790000000.0, "mac": "52:54:00:00:00:01", "rule": "ask",
                             "untold": 7})"),
            "14:13:20.000  52:54:00:00:00:01  waits to be approved, held by rule ask; 7 more began "
            "to: slipway machine held");
  EXPECT_EQ(line("gap", R"({"lost": 12})"), "--- 12 events were missed ---");
  EXPECT_EQ(line("gap", R"({"lost": null})"),
            "--- slipwayd started anew: what happened meanwhile is not known ---");
  EXPECT_EQ(line("future", "no object"), "future: no object");
}

TEST(WatchTextTest, IsOneObjectALineForPrograms) {
  const std::string text = WatchJson({"step", R"({"words": "a\nb"})", "7"});
  EXPECT_EQ(text.find('\n'), text.npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["id"], "7");
  EXPECT_EQ(json["event"], "step");
  EXPECT_EQ(json["data"]["words"], "a\nb");
}

}  // namespace
}  // namespace slipway::control
