// SPDX-License-Identifier: Apache-2.0
//
// pcapng: the bytes of every block, by the draft's own diagrams; and what tshark makes of a file.
#include "control/capture/pcapng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "control/cli/capture_file.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

// "01 02 'ab'" as bytes.
std::string B(std::string_view words) {
  std::string bytes;
  for (std::size_t i = 0; i < words.size();) {
    if (words[i] == ' ') {
      ++i;
    } else if (words[i] == '\'') {
      const std::size_t end = words.find('\'', i + 1);
      bytes += words.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      bytes += static_cast<char>(std::stoi(std::string(words.substr(i, 2)), nullptr, 16));
      i += 2;
    }
  }
  return bytes;
}

constexpr std::int64_t kNow = 0x18EAC15DAE2300AA;

dataplane::CapturedFrame Frame(std::size_t size, bool sent) {
  dataplane::CapturedFrame frame;
  frame.unix_nanoseconds = kNow;
  frame.sent = sent;
  frame.size = static_cast<std::uint32_t>(size);
  frame.bytes = {0x52, 0x54, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  frame.bytes.resize(size, 0xee);
  return frame;
}

TEST(PcapngTest, BeginsWithASectionAndItsInterfaces) {
  const PcapngInterface interfaces[] = {{"tap0", ""}};
  const std::string application = "slipwayd " SLIPWAY_VERSION;
  const std::string begin = BeginPcapng(
      {.hardware = "x86_64", .operating_system = "Linux", .comment = "why", .bytes_max = 64},
      interfaces);
  const std::size_t padding = (4 - application.size() % 4) % 4;
  const auto length =
      static_cast<char>(24 + 12 + 12 + 4 + application.size() + padding + 8 + 4 + 4);
  const std::string section =
      B("0a 0d 0d 0a") + length + B("00 00 00  4d 3c 2b 1a  01 00 00 00  ff ff ff ff ff ff ff ff") +
      B("02 00 06 00 'x86_64' 00 00  03 00 05 00 'Linux' 00 00 00  04 00") +
      static_cast<char>(application.size()) + B("00") + application + std::string(padding, '\0') +
      B("01 00 03 00 'why' 00  00 00 00 00") + length + B("00 00 00");
  const std::string interface =
      B("01 00 00 00 28 00 00 00  01 00 00 00  40 00 00 00  02 00 04 00 'tap0'"
        "09 00 01 00 09 00 00 00  00 00 00 00  28 00 00 00");
  EXPECT_EQ(begin.size(), section.size() + interface.size());
  EXPECT_EQ(begin, section + interface);
}

TEST(PcapngTest, WritesAFrameWithDirectionLossAndComment) {
  std::string text;
  AppendFrame(Frame(15, false), 2, 0, text);
  EXPECT_EQ(text, B("06 00 00 00 3c 00 00 00  02 00 00 00  5d c1 ea 18 aa 00 23 ae"
                    "0f 00 00 00 0f 00 00 00  52 54 00 00 00 01 02 00 00 00 00 01 88 b5 ee 00"
                    "02 00 04 00 05 00 00 00  00 00 00 00  3c 00 00 00"));
  dataplane::CapturedFrame cut = Frame(16, true);
  cut.bytes[0] = 0xff;
  cut.size = 1600;
  text.clear();
  AppendFrame(cut, 0, 7, text);
  EXPECT_EQ(text.substr(16 + 4), B("10 00 00 00 40 06 00 00") + text.substr(28));
  EXPECT_THAT(text, HasSubstr(B("02 00 04 00 0a 00 00 00  04 00 08 00 07 00 00 00 00 00 00 00")))
      << "sent, to a group; seven lost before it";
  for (auto& octet : {0, 1, 2, 3, 4, 5}) cut.bytes[static_cast<std::size_t>(octet)] = 0xff;
  cut.segment_text_max = 1460;
  text.clear();
  AppendFrame(cut, 0, 0, text);
  EXPECT_THAT(text, HasSubstr(B("02 00 04 00 0e 00 00 00  01 00")));
  EXPECT_THAT(text, HasSubstr("segments of at most 1460 bytes"));
}

TEST(PcapngTest, EndsWithWhatEachInterfaceLost) {
  const PcapngStatistics statistics[] = {{.began_unix_nanoseconds = kNow,
                                          .ended_unix_nanoseconds = kNow + 1,
                                          .frames = 300,
                                          .lost = 5}};
  EXPECT_EQ(EndPcapng(statistics),
            B("05 00 00 00 4c 00 00 00  00 00 00 00  5d c1 ea 18 ab 00 23 ae"
              "02 00 08 00 5d c1 ea 18 aa 00 23 ae  03 00 08 00 5d c1 ea 18 ab 00 23 ae"
              "04 00 08 00 2c 01 00 00 00 00 00 00  05 00 08 00 05 00 00 00 00 00 00 00"
              "00 00 00 00  4c 00 00 00"));
  EXPECT_EQ(PcapngPause(), B("04 00 00 00 10 00 00 00 00 00 00 00 10 00 00 00"));
}

std::string WholeFile() {
  const PcapngInterface interfaces[] = {{"tap0 worker 0", "port 0"}, {"tap0 worker 1", "port 0"}};
  std::string text = BeginPcapng({.hardware = "x86_64"}, interfaces);
  for (std::size_t i = 0; i < 40; ++i) {
    AppendFrame(Frame(60 + i, i % 2 == 1), i % 2, i == 30 ? 4 : 0, text);
    if (i == 20) text += PcapngPause();
  }
  const PcapngStatistics statistics[] = {{kNow, kNow + 9, 24, 4}, {kNow, kNow + 9, 20, 0}};
  return text + EndPcapng(statistics);
}

TEST(CaptureFileTest, PassesWholeBlocksOnHoweverTheyCome) {
  const std::string whole = WholeFile();
  for (const std::size_t piece : {1UL, 3UL, 7UL, 100UL, whole.size()}) {
    CaptureFile file;
    std::string out;
    for (std::size_t i = 0; i < whole.size(); i += piece) {
      EXPECT_FALSE(file.complete() && out.size() == whole.size());
      EXPECT_TRUE(file.Take(std::string_view(whole).substr(i, piece), [&](std::string_view blocks) {
        out += blocks;
        return true;
      }));
      EXPECT_EQ(file.bytes(), out.size());
      EXPECT_TRUE(whole.starts_with(out));
    }
    EXPECT_EQ(out, whole);
    EXPECT_EQ(file.frames(), 40u);
    EXPECT_EQ(file.lost(), 4u);
    EXPECT_TRUE(file.complete());
  }
}

TEST(CaptureFileTest, RefusesWhatIsNoBlockAndStopsWhereNobodyWrites) {
  const auto ignore = [](std::string_view) { return true; };
  EXPECT_FALSE(CaptureFile().Take("HTTP/1.1 200 OK\r\n", ignore));
  EXPECT_FALSE(CaptureFile().Take(B("06 00 00 00 08 00 00 00 00 00 00 00"), ignore));
  EXPECT_FALSE(CaptureFile().Take(PcapngPause(), [](std::string_view) { return false; }));
  CaptureFile half;
  EXPECT_TRUE(half.Take(WholeFile().substr(0, 900), ignore));
  EXPECT_LT(half.bytes(), 900u);
  EXPECT_FALSE(half.complete());
}

std::string OutputOf(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return text;
  for (int letter = std::fgetc(pipe); letter != EOF; letter = std::fgetc(pipe)) {
    text += static_cast<char>(letter);
  }
  ::pclose(pipe);
  return text;
}

TEST(PcapngTest, IsReadByTsharkWithoutAWarning) {
  if (std::system("command -v tshark capinfos > /dev/null") != 0) GTEST_SKIP() << "no tshark here";
  const std::string path = testing::TempDir() + "slipway_pcapng_test.pcapng";
  std::ofstream(path, std::ios::binary) << WholeFile();
  const std::string frames = OutputOf("tshark -n -r " + path +
                                      " -T fields -E separator=, -e frame.interface_name"
                                      " -e frame.packet_flags_direction -e frame.len"
                                      " -e frame.time_epoch");
  EXPECT_THAT(frames, HasSubstr("tap0 worker 0,0x00000001,60,"));
  EXPECT_THAT(frames, HasSubstr("tap0 worker 1,0x00000002,61,"));
  EXPECT_THAT(frames, HasSubstr("," + std::to_string(kNow / 1'000'000'000) + '.'));
  std::size_t lines = 0;  // but the one that says who runs it
  for (std::size_t at = frames.find("tap0 "); at != frames.npos;
       at = frames.find("tap0 ", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 40u);
  const std::string infos = OutputOf("capinfos " + path);
  EXPECT_THAT(infos, HasSubstr("pcapng"));
  EXPECT_THAT(infos, HasSubstr("slipwayd"));
  EXPECT_THAT(infos, HasSubstr("nanoseconds"));
  EXPECT_THAT(infos + frames, Not(HasSubstr("arning")));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace slipway::control
