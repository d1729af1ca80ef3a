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

}  // namespace
}  // namespace slipway::http
