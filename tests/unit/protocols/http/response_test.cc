// SPDX-License-Identifier: Apache-2.0
//
// Preconditions, ranges and dates: RFC 9110's rules, as sentences and as a whole matrix.
#include "protocols/http/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/http/date.h"
#include "protocols/http/range.h"
#include "tests/unit/protocols/http/support.h"

namespace slipway::http {
namespace {

using ::testing::HasSubstr;

TEST(Date, IsWrittenAsTheStandardsExampleAndReadInAllThreeForms) {
  constexpr std::int64_t kExample = 784111777;
  const auto text = FormatDate(kExample);
  EXPECT_EQ(std::string_view(text.data(), text.size()), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const std::string_view form :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(ParseDate(form, kNow), kExample) << form;
    for (std::size_t size = 0; size < form.size(); ++size) {
      EXPECT_FALSE(ParseDate(form.substr(0, size), kNow)) << form.substr(0, size);
    }
  }
  for (const std::string_view bad :
       {"Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST", "now", "0"}) {
    EXPECT_FALSE(ParseDate(bad, kNow)) << bad;
  }
}

TEST(Date, SurvivesWritingAndReadingOnEveryDayOfFourHundredYears) {
  for (std::int64_t day = 0; day < 146097; ++day) {
    const std::int64_t at = day * 86400 + day % 86400;
    const auto text = FormatDate(at);
    ASSERT_EQ(ParseDate({text.data(), text.size()}, kNow), at);
  }
}

// A model for the exhaustive test: what a range of `bytes=first-last` covers, by walking the bytes.
TEST(Range, EverySmallRangeOfEverySmallFileCoversExactlyItsBytes) {
  for (std::uint64_t size = 0; size < 6; ++size) {
    for (std::uint64_t first = 0; first < 8; ++first) {
      for (std::uint64_t last = first; last < 8; ++last) {
        const auto set =
            ParseRange("bytes=" + std::to_string(first) + "-" + std::to_string(last), size);
        if (first >= size) {
          EXPECT_EQ(set.verdict, RangeSet::Verdict::kUnsatisfiable);
          continue;
        }
        ASSERT_EQ(set.count, 1U);
        EXPECT_EQ(set.ranges().front(), (ByteRange{first, std::min(last, size - 1)}));
      }
      const auto suffix = ParseRange("bytes=-" + std::to_string(first), size);
      if (first == 0 || size == 0) {
        EXPECT_EQ(suffix.verdict, RangeSet::Verdict::kUnsatisfiable);
      } else {
        EXPECT_EQ(suffix.ranges().front(), (ByteRange{size - std::min(first, size), size - 1}));
      }
    }
  }
}

TEST(Range, IgnoresWhatIsNoRangeAndRefusesFloods) {
  for (const std::string_view value : {"", "bytes", "bytes=", "bytes=,", "items=0-1", "bytes=a-b",
                                       "bytes=3-1", "bytes=--1", "bytes=1", "bytes=1-2x"}) {
    EXPECT_EQ(ParseRange(value, 10).verdict, RangeSet::Verdict::kWhole) << value;
  }
  EXPECT_EQ(ParseRange("BYTES= 0-1 , ,3-4", 10).count, 2U);
  EXPECT_EQ(ParseRange("bytes=0-1,99-", 10).count, 1U);
  EXPECT_EQ(ParseRange("bytes=0-9,0-9", 10).verdict, RangeSet::Verdict::kUnsatisfiable);
  EXPECT_EQ(ParseRange("bytes=0-99999999999999999999999", 10).ranges().front(), (ByteRange{0, 9}));
  std::string many = "bytes=0-0";
  for (std::size_t i = 1; i < kRangesMax; ++i) many += ",0-0";
  EXPECT_EQ(ParseRange(many, 100).count, kRangesMax);
  EXPECT_EQ(ParseRange(many + ",0-0", 100).verdict, RangeSet::Verdict::kUnsatisfiable);
}

// 13.2.2, stated once more and independently: which of 200, 206, 304, 412, 416 each combination
// of conditions and ranges gets.
TEST(Response, FollowsTheOrderOfPreconditionsForEveryCombination) {
  struct Choice {
    std::string field;
    int holds;  // -1: not sent
  };
  const std::string same = "\"" + kDigest + "\"";
  const std::string then(kChangedText);
  const std::string before = "Sat, 21 Nov 2026 00:00:00 GMT";
  const std::vector<Choice> match = {{"", -1},
                                     {"If-Match: " + same, 1},
                                     {"If-Match: *", 1},
                                     {"If-Match: \"x\", " + same, 1},
                                     {"If-Match: \"x\"", 0},
                                     {"If-Match: W/" + same, 0}};
  const std::vector<Choice> unmodified = {{"", -1},
                                          {"If-Unmodified-Since: " + then, 1},
                                          {"If-Unmodified-Since: " + before, 0},
                                          {"If-Unmodified-Since: never", -1}};
  const std::vector<Choice> none = {{"", -1},
                                    {"If-None-Match: \"x\"", 1},
                                    {"If-None-Match: " + same, 0},
                                    {"If-None-Match: W/" + same, 0},
                                    {"If-None-Match: *", 0}};
  const std::vector<Choice> modified = {{"", -1},
                                        {"If-Modified-Since: " + before, 1},
                                        {"If-Modified-Since: " + then, 0},
                                        {"If-Modified-Since: soon", -1}};
  const std::vector<Choice> if_range = {{"", -1},
                                        {"If-Range: " + same, 1},
                                        {"If-Range: " + then, 1},
                                        {"If-Range: \"x\"", 0},
                                        {"If-Range: W/" + same, 0},
                                        {"If-Range: " + before, 0}};
  const std::vector<Choice> range = {{"", -1},
                                     {"Range: bytes=1-2", 1},
                                     {"Range: bytes=0-1,4-5", 1},
                                     {"Range: bytes=50-", 0},
                                     {"Range: chapters=1", -1}};
  int combinations = 0;
  for (const Choice& a : match)
    for (const Choice& b : unmodified)
      for (const Choice& c : none)
        for (const Choice& d : modified)
          for (const Choice& e : if_range)
            for (const Choice& f : range) {
              unsigned expected = 200;
              if (a.holds == 0 || (a.holds < 0 && b.holds == 0)) {
                expected = 412;
              } else if (c.holds == 0 || (c.holds < 0 && d.holds == 0)) {
                expected = 304;
              } else if (f.holds >= 0 && e.holds != 0) {
                expected = f.holds == 1 ? 206 : 416;
              }
              std::string fields;
              for (const Choice* choice : {&a, &b, &c, &d, &e, &f}) {
                if (!choice->field.empty()) fields += choice->field + "\r\n";
              }
              const std::string response = Ask(Get(fields));
              ASSERT_EQ(StatusOf(response), expected) << fields;
              const unsigned head = expected == 206 || expected == 416 ? 200 : expected;
              ASSERT_EQ(StatusOf(Ask(Get(fields, "/set/hello.efi", "HEAD"))), head) << fields;
              ++combinations;
            }
  EXPECT_EQ(combinations, 6 * 4 * 5 * 4 * 6 * 5);
}

TEST(Response, SendsOneRangeWithItsPlaceAndSeveralAsParts) {
  const std::string one = Ask(Get("Range: bytes=2-4\r\n"));
  EXPECT_THAT(one, HasSubstr("\r\nContent-Range: bytes 2-4/10\r\n"));
  EXPECT_THAT(one, HasSubstr("\r\nContent-Length: 3\r\n"));
  EXPECT_EQ(BodyOf(one), "234");

  const std::string boundary = kDigest.substr(0, 32);
  const std::string two = Ask(Get("Range: bytes=0-1,-2\r\n"));
  EXPECT_THAT(two, HasSubstr("Content-Type: multipart/byteranges; boundary=" + boundary + "\r\n"));
  const std::string body =
      "\r\n--" + boundary +
      "\r\nContent-Type: application/efi\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--" +
      boundary +
      "\r\nContent-Type: application/efi\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--" +
      boundary + "--\r\n";
  EXPECT_EQ(BodyOf(two), body);
  EXPECT_THAT(two, HasSubstr("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_THAT(Ask(Get("Range: bytes=10-\r\n")), HasSubstr("\r\nContent-Range: bytes */10\r\n"));
  EXPECT_THAT(Ask(Get("", "/set/x", "PUT")), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
}

}  // namespace
}  // namespace slipway::http
