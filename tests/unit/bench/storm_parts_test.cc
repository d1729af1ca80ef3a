// SPDX-License-Identifier: Apache-2.0
//
// The parts of slipway-storm that need no wire: numbers, texts, the library of known bodies, the
// firmware's receive ring, the command line, captures.
#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>

#include "bench/storm/captures.h"
#include "bench/storm/command_line.h"
#include "bench/storm/firmware_receiver.h"
#include "bench/storm/library.h"
#include "bench/storm/statistics.h"
#include "bench/storm/web_text.h"
#include "protocols/base/entropy.h"
#include "tests/support/pcap.h"

namespace slipway::storm {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::DoubleNear;

TEST(Statistics, JainsIndexIsOneForEqualsAndOneNthForAMonopoly) {
  EXPECT_DOUBLE_EQ(JainIndex(std::vector<double>{3, 3, 3, 3}), 1);
  EXPECT_DOUBLE_EQ(JainIndex(std::vector<double>{8, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(JainIndex(std::vector<double>{1, 2, 3}), 36.0 / (3 * 14));
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
}

TEST(Statistics, PercentilesAreTheNearestRank) {
  const std::vector<double> sorted{15, 20, 35, 40, 50};
  EXPECT_EQ(Percentile(sorted, 5), 15);
  EXPECT_EQ(Percentile(sorted, 30), 20);
  EXPECT_EQ(Percentile(sorted, 40), 20);
  EXPECT_EQ(Percentile(sorted, 50), 35);
  EXPECT_EQ(Percentile(sorted, 100), 50);
  EXPECT_EQ(Percentile({}, 50), 0);
}

TEST(Statistics, AHistogramReadsBackWithin32nds) {
  Histogram histogram;
  EXPECT_EQ(histogram.Percentile(50), Duration{});
  for (int i = 1; i <= 1000; ++i) histogram.Add(microseconds(i));
  EXPECT_EQ(histogram.count(), 1000U);
  for (const double percent : {1.0, 25.0, 50.0, 99.0}) {
    const double exact = percent * 10e3;
    EXPECT_THAT(static_cast<double>(histogram.Percentile(percent).count()),
                DoubleNear(exact, exact / 31))
        << percent;
  }
  EXPECT_EQ(histogram.Percentile(100), milliseconds(1));
  Histogram edges;  // every power of two has its bucket
  for (int bit = 0; bit < 63; ++bit) edges.Add(Duration(std::int64_t{1} << bit));
  EXPECT_EQ(edges.Percentile(100), Duration(std::int64_t{1} << 62));
}

TEST(Url, IsReadInItsParts) {
  const auto url = Url::Parse("https://boot.test:8443/a/b.efi");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "boot.test");
  EXPECT_FALSE(url->address);
  EXPECT_EQ(url->port, Port(8443));
  EXPECT_EQ(url->path, "/a/b.efi");
  EXPECT_EQ(url->Beside("c.img").path, "/a/c.img");
  EXPECT_EQ(url->Beside("/c.img").path, "/c.img");
  EXPECT_EQ(Url::Parse("http://10.0.0.1")->address, Ipv4Address(10, 0, 0, 1));
  EXPECT_EQ(Url::Parse("http://10.0.0.1")->port, Port(80));
  for (const char* wrong :
       {"", "ftp://a/b", "https://", "https:///x", "https://a:0/", "http://a:b/"}) {
    EXPECT_FALSE(Url::Parse(wrong)) << wrong;
  }
}

TEST(Request, IsWhatUefiSends) {
  std::string text = "old";
  WriteRequest(PersonalityOf(Firmware::kUefi), *Url::Parse("http://10.77.0.1/notfound"), true, {},
               text);
  EXPECT_EQ(text,
            "HEAD /notfound HTTP/1.1\r\nHost: 10.77.0.1\r\nAccept: */*\r\n"
            "User-Agent: UefiHttpBoot/1.0\r\n\r\n");
}

constexpr std::string_view kResponse =
    "HTTP/1.1 206 Partial Content\r\ncontent-length: 100\r\nContent-Range: bytes 900-999/1000\r\n"
    "ETag: \"abc\"\r\nConnection: close\r\n\r\nbody";

TEST(ResponseHead, IsReadHoweverItIsCut) {
  for (std::size_t cut = 0; cut <= kResponse.size(); ++cut) {
    ResponseHead head;
    Bytes first = AsBytes(kResponse.substr(0, cut));
    auto progress = head.Receive(first);
    std::string body(AsText(first));
    if (progress == ResponseHead::Progress::kMore) {
      Bytes second = AsBytes(kResponse.substr(cut));
      progress = head.Receive(second);
      body = AsText(second);
    } else {
      body += kResponse.substr(cut);
    }
    ASSERT_EQ(progress, ResponseHead::Progress::kDone) << cut;
    EXPECT_EQ(body, "body") << cut;
    EXPECT_EQ(head.status(), 206);
    EXPECT_EQ(head.length(), 100U);
    EXPECT_EQ(head.first(), 900U);
    EXPECT_EQ(head.total(), 1000U);
    EXPECT_EQ(head.tag(), "abc");
    EXPECT_TRUE(head.closes());
  }
}

TEST(ResponseHead, WithoutALengthOrWithChunksIsRefused) {
  for (const char* wrong :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"}) {
    ResponseHead head;
    Bytes text = AsBytes(wrong);
    EXPECT_EQ(head.Receive(text), ResponseHead::Progress::kMalformed) << wrong;
  }
}

std::vector<std::uint8_t> Body(std::size_t size) {
  std::vector<std::uint8_t> body(size);
  SeededEntropy(5).Fill(body);
  return body;
}

TEST(Library, LearnsFromWhoComesFirstAndComparesTheOthers) {
  const auto body = Body(1000);
  Library library;
  auto* file = library.Find("/a", 1000, DigestOf(body));
  ASSERT_NE(file, nullptr);
  // Two readers that overtake each other, each in pieces of its own.
  for (std::size_t at = 0; at < 1000; at += 100) {
    EXPECT_EQ(library.Check(*file, at, Bytes(body).subspan(at, 100)), Failure::kNone);
    if (at >= 200) {
      EXPECT_EQ(library.Check(*file, at - 200, Bytes(body).subspan(at - 200, 250)), Failure::kNone);
    }
  }
  EXPECT_TRUE(file->whole());
  EXPECT_EQ(Library::Verdict(*file), Failure::kNone);
  EXPECT_EQ(library.unchecked_bytes(), 0U);
  auto wrong = body;
  wrong[999] ^= 1;
  EXPECT_EQ(library.Check(*file, 0, wrong), Failure::kBodyDiffers);
  EXPECT_EQ(library.Check(*file, 1, body), Failure::kLengthDiffers);
}

TEST(Library, FindsOutThatAllReceivedTheSameWrongBytes) {
  auto body = Body(100);
  const std::string digest = DigestOf(body);
  body[50] ^= 1;
  Library library;
  auto* file = library.Find("/a", 100, digest);
  EXPECT_EQ(library.Check(*file, 0, body), Failure::kNone);
  EXPECT_EQ(Library::Verdict(*file), Failure::kDigestDiffers);
  Library told;  // by the operator, against what the server says
  told.ExpectDigest(DigestOf(Body(7)));
  EXPECT_EQ(Library::Verdict(*told.Find("/a", 100, digest)), Failure::kDigestDiffers);
}

TEST(Library, ComparesRangesOfWhatItWasToldAndCountsTheOthers) {
  const auto body = Body(1000);
  Library library;
  library.Add("/a", body);
  auto* known = library.Find("/a", 1000, DigestOf(body));
  EXPECT_EQ(library.Check(*known, 300, Bytes(body).subspan(300, 50)), Failure::kNone);
  EXPECT_EQ(library.Check(*known, 301, Bytes(body).subspan(300, 50)), Failure::kBodyDiffers);
  EXPECT_EQ(library.Find("/a", 999, DigestOf(body)), nullptr);
  EXPECT_EQ(library.Find("/a", 1000, "other"), nullptr);
  auto* unknown = library.Find("/b", 1000, "any");
  EXPECT_EQ(library.Check(*unknown, 300, Bytes(body).subspan(300, 50)), Failure::kNone);
  EXPECT_EQ(library.unchecked_bytes(), 50U);
}

TEST(FirmwareReceiver, TakesOneFrameATurnAndLosesTheSixtyFifth) {
  FirmwareReceiver receiver(microseconds(10));
  const Time start(seconds(1));
  int taken = 0;
  for (std::uint32_t i = 0; i < FirmwareReceiver::kRing; ++i) EXPECT_TRUE(receiver.Put({}, start));
  EXPECT_FALSE(receiver.Put({}, start));
  EXPECT_EQ(receiver.dropped(), 1U);
  const auto take_all = [&](Time now) {
    for (std::uint64_t before = receiver.taken();; before = receiver.taken()) {
      static_cast<void>(receiver.Take(now));
      if (receiver.taken() == before) return;
      ++taken;
    }
  };
  take_all(start + microseconds(35));
  EXPECT_EQ(taken, 4);  // at 0, 10, 20 and 30 microseconds
  receiver.BeDeaf(milliseconds(10));
  take_all(start + milliseconds(9));
  EXPECT_EQ(taken, 4);
  take_all(start + milliseconds(11));
  EXPECT_TRUE(receiver.empty());
  EXPECT_TRUE(receiver.Put({}, start + seconds(9)));
  take_all(start + seconds(9));  // it had polled in vain all the while
  EXPECT_TRUE(receiver.empty());
}

TEST(CommandLine, ReadsAMixWithRatesAndNumbers) {
  const auto line = ParseCommandLine({"--port", "net_ring0", "--mix=boot:9000,synflood:1.5Mpps",
                                      "--personality", "uefi:2,linux", "--loss=1%", "--verify",
                                      "sample:1/10", "--power-on", "250ms", "--range=1MiB"});
  ASSERT_TRUE(line.ok()) << line.status();
  ASSERT_EQ(line->farm.workloads.size(), 2U);
  EXPECT_EQ(line->farm.workloads[0].machines, 9000U);
  EXPECT_EQ(line->farm.workloads[1].mode, Mode::kSynFlood);
  EXPECT_EQ(line->farm.workloads[1].frames_per_second, 1.5e6);
  EXPECT_EQ(line->farm.personalities.size(), 2U);
  EXPECT_DOUBLE_EQ(line->farm.loss, 0.01);
  EXPECT_EQ(line->farm.verify_every, 10U);
  EXPECT_EQ(line->farm.power_on, milliseconds(250));
  EXPECT_EQ(line->farm.range_bytes, 1U << 20);
}

TEST(CommandLine, RefusesWhatItDoesNotUnderstand) {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{},
                                             {"--mode=boot"},
                                             {"--port=a"},
                                             {"--port=a", "--mode=walk"},
                                             {"--port=a", "--mode=boot", "--machines=0"},
                                             {"--port=a", "--mix=synflood:3"},
                                             {"--port=a", "--mix=boot:1Mpps"},
                                             {"--port=a", "--mode=boot", "--power-on=3"},
                                             {"--port=a", "--mode=boot", "--loss=200%"},
                                             {"--port=a", "--mode=boot", "--verify=sample:1/0"},
                                             {"--port=a", "--mode=boot", "--digest=abc"},
                                             {"--port=a", "--mode=boot", "--wat", "1"}}) {
    EXPECT_FALSE(ParseCommandLine(wrong).ok()) << ::testing::PrintToString(wrong);
  }
}

TEST(Captures, AreReadBackAsFramesOfTheirKind) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / ("storm-" + std::to_string(getpid()) + ".pcap");
  for (const char* kind : {"dhcp", "synflood", "arp", "garbage"}) {
    const auto line = ParseCommandLine(
        {"--write-pcap", path, "--capture", kind, "--frames", "10", "--server", "10.77.0.1"});
    ASSERT_TRUE(line.ok()) << line.status();
    ASSERT_TRUE(WriteCapture(*line).ok());
    const auto frames = support::ReadPcap(path);
    ASSERT_EQ(frames.size(), 10U) << kind;
    EXPECT_NE(frames[0], frames[1]) << kind;
    EXPECT_GE(frames[0].size(), 60U);
    ASSERT_TRUE(WriteCapture(*line).ok());
    EXPECT_EQ(support::ReadPcap(path), frames) << "the same seed writes the same frames";
  }
  std::filesystem::remove(path);
  const auto unknown = ParseCommandLine({"--write-pcap", path, "--capture", "love"});
  EXPECT_FALSE(WriteCapture(*unknown).ok());
}

}  // namespace
}  // namespace slipway::storm
