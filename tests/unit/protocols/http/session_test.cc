// SPDX-License-Identifier: Apache-2.0
//
// The session: what a connection answers, whatever the splitting, pipelining, room and time.
#include "protocols/http/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/protocols/http/support.h"

namespace slipway::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Session, AnswersAGetWithEverythingFirmwareWants) {
  EXPECT_EQ(Ask(Get()),
            "HTTP/1.1 200 OK\r\n"
            "Date: Sun, 22 Nov 2026 20:00:00 GMT\r\n"
            "Content-Type: application/efi\r\n"
            "Content-Length: 10\r\n"
            "Accept-Ranges: bytes\r\n"
            "ETag: \"" +
                kDigest +
                "\"\r\n"
                "Last-Modified: Sun, 22 Nov 2026 19:00:00 GMT\r\n"
                "\r\n"
                "0123456789");
}

TEST(Session, AnswersHeadWithExactlyTheHeaderOfGet) {
  for (const std::string_view path :
       {"/set/hello.efi", "/set/empty.efi", "/set/later.iso", "/set/none.efi", "/set/%00"}) {
    const std::string get = Ask(Get("", path));
    EXPECT_EQ(Ask(Get("", path, "HEAD")), HeadOf(get)) << path;
  }
}

TEST(Session, ServesHeadThenGetOnOneConnectionAsEdk2Asks) {
  const std::string fields =
      " HTTP/1.1\r\nHost: 10.77.0.1\r\nAccept: */*\r\nUser-Agent: UefiHttpBoot/1.0\r\n\r\n";
  Served served;
  EXPECT_FALSE(served.Say("HEAD /set/hello.efi" + fields).close);
  const std::string head = served.Heard();
  EXPECT_EQ(BodyOf(head), "");
  EXPECT_FALSE(served.Say("GET /set/hello.efi" + fields).close);
  EXPECT_EQ(served.Heard(), head + "0123456789");
}

// Each text, and what it is answered with: the status, and whether the connection ends.
struct Case {
  std::string text;
  unsigned status;
  bool close;
};

std::vector<Case> Cases() {
  const std::string host = "Host: a\r\n";
  return {
      {Get(), 200, false},
      {Get("", "/set//hello.efi"), 200, false},
      {Get("", "//set/./x/../hello.efi?token=1"), 200, false},
      {Get("", "/%73et/hello%2Eefi"), 200, false},
      {Get("", "http://boot.example:80/set/hello.efi"), 200, false},
      {Get("", "HTTPS://boot.example/set/hello.efi"), 200, false},
      {"\r\n\r\n" + Get(), 200, false},
      {"GET /set/hello.efi HTTP/1.0\r\n\r\n", 200, true},
      {"GET /set/hello.efi HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, false},
      {"GET /set/hello.efi HTTP/1.7\r\n" + host + "\r\n", 200, false},
      {Get("Connection: foo, close\r\n"), 200, true},
      {Get("Content-Length: 5\r\n") + "12345", 200, false},
      {Get("Range: bytes=1-3\r\n"), 206, false},
      {Get("Range: bytes=1-3,5-6\r\n"), 206, false},
      {Get("If-None-Match: *\r\n"), 304, false},
      {Get("", "/set/%2e%2e/set/hello.efi"), 200, false},
      {Get("", "/../set/hello.efi"), 400, false},
      {Get("", "/set%2fhello.efi"), 400, false},
      {Get("", "/set\\hello.efi"), 400, false},
      {Get("", "/set/%5chello.efi"), 400, false},
      {Get("", "/set/%00"), 400, false},
      {Get("", "/set/%zz"), 400, false},
      {Get("", "/set/%2"), 400, false},
      {Get("", "*"), 400, false},
      {Get("", "boot.example:80"), 400, false},
      {Get("", "http://user@boot.example/set/hello.efi"), 400, false},
      {"GET /set/hello.efi HTTP/1.1\r\n\r\n", 400, true},
      {"GET /set/hello.efi HTTP/1.1\r\n" + host + host + "\r\n", 400, true},
      {"GET /set/hello.efi HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true},
      {"GET /set/hello.efi HTTP/1.1\nHost: a\n\n", 400, true},
      {"GET /set/hello.efi HTTP/1.1\r\nHost: a\n\r\n", 400, true},
      {"GET /set/hello.efi HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, true},
      {"GET /set/hello.efi\r\n" + host + "\r\n", 400, true},
      {"GET  /set/hello.efi HTTP/1.1\r\n" + host + "\r\n", 400, true},
      {"GET /set/hello.efi http/1.1\r\n" + host + "\r\n", 400, true},
      {"\x16\x03\x01\x02", 400, true},
      {" GET / HTTP/1.1\r\n\r\n", 400, true},
      {Get("Bad Name: x\r\n"), 400, true},
      {Get("Name : x\r\n"), 400, true},
      {Get("X: a\r\n folded\r\n"), 400, true},
      {Get("X: a\x01\r\n"), 400, true},
      {Get("no colon\r\n"), 400, true},
      {Get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400, true},
      {Get("Content-Length: 5, 5\r\n"), 400, true},
      {Get("Content-Length: -1\r\n"), 400, true},
      {Get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, true},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, true},
      {Get("Transfer-Encoding: chunked\r\n"), 501, true},
      {Get("Content-Length: 16385\r\n"), 413, true},
      {Get("Content-Length: 99999999999999999999999\r\n"), 413, true},
      {Get("", "/set/none.efi"), 404, false},
      {Get("", "/set/later.iso"), 503, false},
      {Get("", "/set/hello.efi", "POST"), 405, false},
      {Get("", "*", "OPTIONS"), 405, false},
      {Get("", "/set/hello.efi", "BREW"), 501, false},
      {Get("", "/set/hello.efi", "get"), 501, false},
      {Get("If-Match: \"x\"\r\n"), 412, false},
      {Get("", "/" + std::string(kTargetMax, 'a')), 414, true},
      {"GET /" + std::string(kRequestLineMax, 'a'), 414, true},
      {Get("Range: bytes=10-\r\n"), 416, false},
      {Get("Expect: 100-continue\r\n"), 200, false},
      {Get("Expect: 100-continue\r\nContent-Length: 1\r\n"), 417, true},
      {Get("Expect: tea\r\n"), 417, false},
      {Get("X: " + std::string(kHeaderMax, 'x') + "\r\n"), 431, true},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, true},
  };
}

TEST(Session, AnswersEachKindOfRequestWithItsStatusAndClosesOnlyWhenItMust) {
  for (const Case& one : Cases()) {
    Served served;
    const Received received = served.Say(one.text);
    const std::string response = served.Heard();
    const std::string shown = one.text.substr(0, 200);
    EXPECT_EQ(StatusOf(response), one.status) << shown;
    EXPECT_EQ(received.close, one.close) << shown;
    EXPECT_EQ(served.session().responses().finished(), one.close) << shown;
    EXPECT_EQ(response.find("\r\nConnection: close\r\n") != response.npos, one.close) << shown;
    EXPECT_EQ(received.consumed, one.text.size()) << shown;
    EXPECT_LT(HeadOf(response).size(), 1024U);
    EXPECT_EQ(response.find("\r\nContent-Length: ") == response.npos, one.status == 304) << shown;
    EXPECT_THAT(response, Not(HasSubstr("Transfer-Encoding")));
  }
}

TEST(Session, AnswersTheSameWhereverTheTextIsSplit) {
  for (const Case& one : Cases()) {
    const std::string whole = Ask(one.text);
    for (std::size_t cut = 0; cut <= one.text.size(); ++cut) {
      Served served;
      static_cast<void>(served.Say(one.text.substr(0, cut)));
      static_cast<void>(served.Say(one.text.substr(cut)));
      ASSERT_EQ(served.Heard(), whole) << cut << " of " << one.text.substr(0, 200);
    }
    Served served;
    for (const char c : one.text) static_cast<void>(served.Say({&c, 1}));
    ASSERT_EQ(served.Heard(), whole) << one.text.substr(0, 200);
  }
}

TEST(Session, AnswersEveryRequestTextSeenInCaptures) {
  for (const std::string_view path : {"/set/hello.efi", "/set/none.efi"}) {
    const std::string line = " " + std::string(path) + " HTTP/1.1\r\n";
    const unsigned status = path == "/set/hello.efi" ? 200 : 404;
    for (const std::string& text :
         {"HEAD" + line + "Host: 10.77.0.1\r\nAccept: */*\r\nUser-Agent: UefiHttpBoot/1.0\r\n\r\n",
          "GET" + line +
              "Connection: keep-alive\r\nUser-Agent: iPXE/1.0.0+git-20190125.36a4c85-5.1\r\n"
              "Host: 10.77.0.1\r\n\r\n",
          "GET" + line +
              "Host: boot.example\r\nAccept: */*\r\nUser-Agent: UefiHttpBoot/1.0\r\n\r\n",
          "GET" + line + "Host: 10.77.0.1\r\nUser-Agent: GRUB 2.06\r\n\r\n"}) {
      EXPECT_EQ(StatusOf(Ask(text)), status) << text;
      EXPECT_THAT(Ask(text), Not(HasSubstr("Connection:"))) << text;
    }
  }
}

// RFC 9110 5.5: every character at every place of a value that takes two words of eight and more.
TEST(Session, RefusesEveryControlCharacterWhereverItStandsInAValue) {
  for (unsigned character = 0; character < 256; ++character) {
    if (character == '\r' || character == '\n') continue;  // a line's end, or proof of a bare one
    const bool allowed = character == '\t' || (character >= 0x20 && character != 0x7f);
    for (std::size_t at = 0; at < 19; ++at) {
      std::string value(19, 'a');
      value[at] = static_cast<char>(character);
      EXPECT_EQ(StatusOf(Ask(Get("X: " + value + "\r\n"))), allowed ? 200U : 400U)
          << character << " at " << at;
    }
  }
}

TEST(Session, TakesAsManyFieldsAsItSaysAndNoMore) {
  std::string fields;  // Host is one of them
  for (std::size_t i = 1; i < kFieldsMax; ++i) fields += "X" + std::to_string(i) + ": a\r\n";
  EXPECT_EQ(StatusOf(Ask(Get(fields))), 200U);
  EXPECT_EQ(StatusOf(Ask(Get(fields + "Y: a\r\n"))), 431U);
}

TEST(Session, KnowsItsFieldsInAnyCaseAndNoOthersOfTheirLength) {
  EXPECT_EQ(StatusOf(Ask(Get("rANGE: bytes=0-1\r\n"))), 206U);
  EXPECT_EQ(StatusOf(Ask(Get("Rango: bytes=0-1\r\n"))), 200U);
  EXPECT_EQ(StatusOf(Ask(Get("hOST: b\r\n"))), 400U) << "a second Host";
  EXPECT_EQ(StatusOf(Ask(Get("Hose: b\r\n"))), 200U);
  EXPECT_EQ(StatusOf(Ask(Get("tRANSFER-ENCODING: chunked\r\n"))), 501U);
  EXPECT_EQ(StatusOf(Ask(Get("Transfer-Encodinx: chunked\r\n"))), 200U);
  EXPECT_EQ(StatusOf(Ask(Get("iF-NONE-MATCH: *\r\n"))), 304U);
  EXPECT_EQ(StatusOf(Ask(Get("if-match: \"x\"\r\n"))), 412U);
  EXPECT_EQ(StatusOf(Ask(Get("if-matcx: \"x\"\r\n"))), 200U);
  EXPECT_EQ(StatusOf(Ask(Get("eXPECT: more\r\n"))), 417U);
  EXPECT_THAT(Ask(Get("cONNECTION: close\r\n")), HasSubstr("\r\nConnection: close\r\n"));
}

TEST(Session, QueuesPipelinedRequestsUpToItsBoundAndGoesOnWhenTheyAreReleased) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += Get();
  const std::string one = Ask(Get());
  Served served;
  const Received received = served.Say(text);
  EXPECT_EQ(received.consumed, text.size()) << "the rest waits in the buffer";
  EXPECT_TRUE(served.session().blocked());
  std::string heard = served.Heard();
  EXPECT_EQ(heard.size(), Session::kQueuedMax * one.size());
  while (served.session().blocked()) {
    static_cast<void>(served.Say(""));
    heard += served.Heard();
  }
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += one;
  EXPECT_EQ(heard, expected);
}

TEST(Session, TakesNoMoreTextThanItHasRoomFor) {
  std::string text;
  while (text.size() < 5 * kHeaderMax) text += Get();
  Served served;
  std::size_t taken = 0;
  std::size_t answers = 0;
  while (taken < text.size() || served.session().blocked()) {
    const std::size_t room = served.session().Room();
    const Received received = served.Say(std::string_view(text).substr(taken));
    EXPECT_GE(received.consumed, std::min(room, text.size() - taken));
    taken += received.consumed;
    const std::string heard = served.Heard();
    for (std::size_t at = heard.find("HTTP/1.1 200"); at != heard.npos;
         at = heard.find("HTTP/1.1 200", at + 1)) {
      ++answers;
    }
  }
  EXPECT_EQ(answers, text.size() / Get().size());
}

TEST(Session, RecordsWhatWasAskedAndWhenItWasWholeAtThePeer) {
  Served served;
  static_cast<void>(served.Say(Get("Range: bytes=2-4\r\n")));
  const auto started = served.session().TakeStarted();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->path(), "/set/hello.efi");
  EXPECT_EQ(started->status, Status::kPartialContent);
  EXPECT_EQ(started->method, Method::kGet);
  EXPECT_EQ(started->body_bytes, 3U);
  EXPECT_EQ(started->range_first, 2U);
  EXPECT_EQ(started->range_last, 4U);
  EXPECT_EQ(started->end, served.session().responses().length());
  EXPECT_FALSE(served.session().TakeStarted());
  served.session().responses().Release(started->end - 1);
  EXPECT_FALSE(served.session().TakeCompleted());
  EXPECT_NE(served.session().InFlight(), nullptr);
  served.session().responses().Release(started->end);
  EXPECT_TRUE(served.session().TakeCompleted());
  EXPECT_EQ(served.session().InFlight(), nullptr);
}

TEST(Session, NamesTheFileThatHasToBeLoaded) {
  Served served;
  static_cast<void>(served.Say(Get("", "/set/later.iso")));
  const auto record = served.session().TakeStarted();
  ASSERT_TRUE(record && record->resource != nullptr);
  EXPECT_EQ(record->drop, Drop::kHttpNotLoaded);
  EXPECT_EQ(record->resource->path, "/set/later.iso");
  EXPECT_THAT(served.Heard(), HasSubstr("\r\nRetry-After: 1\r\n"));
}

TEST(Session, HoldsABlockOnlyWhileARequestIsUnfinished) {
  Served served;
  EXPECT_EQ(served.blocks().available(), 1U);
  static_cast<void>(served.Say(Get()));
  EXPECT_EQ(served.blocks().available(), 1U);
  static_cast<void>(served.Say("GET /"));
  EXPECT_EQ(served.blocks().available(), 0U);
  static_cast<void>(served.Say("x HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(served.blocks().available(), 1U);
}

TEST(Session, AnswersAWholeRequestThoughOthersHoldAllBlocks) {
  InputBlocks blocks(1, kHeaderMax);
  Served holder(blocks);
  static_cast<void>(holder.Say("G"));
  ASSERT_EQ(blocks.available(), 0U);
  for (const std::string& text :
       {Get(), "\r\n" + Get(), Get() + Get(), Get("Content-Length: 2\r\n")}) {
    Served served(blocks);
    EXPECT_FALSE(served.Say(text).close) << text;
    EXPECT_EQ(StatusOf(served.Heard()), 200U) << text;
  }
  EXPECT_FALSE(holder.Say("ET /set/hello.efi HTTP/1.1\r\nHost: a\r\n\r\n", At(1)).close);
  EXPECT_EQ(StatusOf(holder.Heard()), 200U);
}

TEST(Session, TheOldestHalfRequestGivesWayToANewerOne) {
  InputBlocks blocks(2, kHeaderMax);
  Served oldest(blocks);
  Served older(blocks);
  Served newest(blocks);
  static_cast<void>(oldest.Say("GET /", At(1)));
  static_cast<void>(older.Say("GET /", At(2)));
  static_cast<void>(oldest.Say("s", At(3)));  // it has had its block for longest all the same
  EXPECT_FALSE(newest.Say("GET /", At(4)).close);
  EXPECT_EQ(blocks.available(), 0U);

  EXPECT_LE(oldest.session().Deadline(), At(4)) << "it is told at once";
  const auto record = oldest.session().TakeStarted();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->drop, Drop::kHttpNoRoom);
  const Expired expired = oldest.session().Expire(At(4));
  EXPECT_TRUE(expired.close);
  EXPECT_EQ(expired.drop, Drop::kNone) << "its record carries it";
  EXPECT_TRUE(oldest.session().responses().finished());
  EXPECT_EQ(oldest.session().Deadline(), At(64)) << "until its answer is taken";
  EXPECT_TRUE(oldest.Say("et/hello.efi HTTP/1.1\r\n", At(5)).close) << "and reads nothing more";
  EXPECT_EQ(StatusOf(oldest.Heard()), 408U);
  EXPECT_EQ(oldest.session().Deadline(), kNever);

  for (Served* served : {&older, &newest}) {
    EXPECT_FALSE(served->Say("set/hello.efi HTTP/1.1\r\nHost: a\r\n\r\n", At(5)).close);
    EXPECT_EQ(StatusOf(served->Heard()), 200U);
  }
  EXPECT_EQ(blocks.available(), 2U);
}

// Its answers are waiting for the peer, so there is no room for one more: counted, not told.
TEST(Session, ARequestThatWaitsForRoomGivesWayToo) {
  InputBlocks blocks(1, kHeaderMax);
  Served waiting(blocks);
  std::string text;
  for (std::size_t i = 0; i <= Session::kQueuedMax; ++i) text += Get();
  static_cast<void>(waiting.Say(text));
  ASSERT_TRUE(waiting.session().blocked());
  Served newer(blocks);
  EXPECT_FALSE(newer.Say("GET /", At(1)).close);
  const Expired expired = waiting.session().Expire(At(1));
  EXPECT_TRUE(expired.close);
  EXPECT_EQ(expired.drop, Drop::kHttpNoRoom);
  EXPECT_FALSE(waiting.session().blocked());
  EXPECT_EQ(waiting.Heard().size(), Session::kQueuedMax * Ask(Get()).size());
}

TEST(Session, GivesItsBlockBackWhenItDies) {
  InputBlocks blocks(1, kHeaderMax);
  {
    Session session(Served::Config(), TestCatalog(), blocks, At(0));
    static_cast<void>(session.Receive(AsBytes("GET"), At(0)));
    EXPECT_EQ(blocks.available(), 0U);
  }
  EXPECT_EQ(blocks.available(), 1U);
}

TEST(Session, SaysRequestTimeoutWhenAHeaderDoesNotEndHoweverItTrickles) {
  Served served;
  for (int second = 0; second < 30; ++second) static_cast<void>(served.Say("G", At(second)));
  EXPECT_EQ(served.session().Deadline(), At(30));
  EXPECT_FALSE(served.session().Expire(At(29)).close);
  EXPECT_TRUE(served.session().Expire(At(30)).close);
  EXPECT_EQ(StatusOf(served.Heard()), 408U);
  EXPECT_EQ(served.session().Deadline(), kNever);
}

TEST(Session, StaysOpenWhenIdleForAtLeastAMinuteAfterTheLastByteWasTaken) {
  Served served;
  static_cast<void>(served.Say(Get()));
  Session& session = served.session();
  for (std::int64_t second = 10; second <= 50; second += 10) {
    session.responses().Release(static_cast<std::uint64_t>(second));
  }
  EXPECT_FALSE(session.Expire(At(60)).abort) << "there was progress";
  EXPECT_EQ(StatusOf(served.Heard()), 0U);  // taken at 60
  Time now = At(60);
  Expired expired;
  while (!expired.close) {
    now = session.Deadline();
    ASSERT_NE(now, kNever);
    expired = session.Expire(now);
  }
  EXPECT_GE(now, At(120));
  EXPECT_FALSE(expired.abort);
  EXPECT_TRUE(session.responses().finished());
}

TEST(Session, GivesUpAReceiverThatTakesNothing) {
  Served served;
  static_cast<void>(served.Say(Get(), At(5)));
  EXPECT_EQ(served.session().Deadline(), At(65));
  const Expired expired = served.session().Expire(At(65));
  EXPECT_TRUE(expired.abort);
  EXPECT_EQ(expired.drop, Drop::kHttpStalled);
}

TEST(Session, AnswersWhatWasWholeWhenThePeerFinishes) {
  Served served;
  static_cast<void>(served.Say(Get() + "GET /half"));
  served.session().PeerFinished(At(0));
  EXPECT_TRUE(served.session().responses().finished());
  EXPECT_EQ(served.Heard(), Ask(Get()));
}

TEST(Session, ReadsNothingAfterAnErrorThatLostTheFraming) {
  Served served;
  EXPECT_TRUE(served.Say(Get("Transfer-Encoding: chunked\r\n") + Get()).close);
  EXPECT_EQ(served.Say(Get()).consumed, Get().size());
  const std::string heard = served.Heard();
  EXPECT_EQ(StatusOf(heard), 501U);
  EXPECT_EQ(heard.find("HTTP/1.1", 1), heard.npos);
}

}  // namespace
}  // namespace slipway::http
