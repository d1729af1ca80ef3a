// SPDX-License-Identifier: Apache-2.0
//
// Lines of the log: what they say, that they stay whole, and how they reach the journal.
#include "control/log.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "control/moment.h"
#include "control/serve/boot_log.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'790'000'000'123'456'789;
const std::chrono::steady_clock::time_point kStart{std::chrono::hours(1)};
constexpr LogSettings kJson{.format = LogFormat::kJson};

std::string Line(LogLevel level, std::string_view words, const LogSettings& settings,
                 const std::vector<LogField>& fields = {}) {
  return LogLine({.level = level, .words = words, .fields = fields, .unix_nanoseconds = kNow},
                 settings);
}

// What is written while it lives, read from a pipe by a thread.
class Written {
 public:
  explicit Written(LogSettings settings) {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    settings.descriptor = ends_[1];
    OpenLog(settings);
    reader_ = std::thread([this] {
      std::array<char, 4096> some{};
      for (ssize_t size = 1; (size = ::read(ends_[0], some.data(), some.size())) > 0;) {
        text_.append(some.data(), static_cast<std::size_t>(size));
      }
    });
  }
  ~Written() { End(); }
  std::vector<std::string> Lines() {
    End();
    std::vector<std::string> lines;
    std::istringstream stream(text_);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  void End() {
    if (!reader_.joinable()) return;
    OpenLog({});
    ::close(ends_[1]);
    reader_.join();
    ::close(ends_[0]);
  }

  std::array<int, 2> ends_{};
  std::string text_;
  std::thread reader_;
};

TEST(LogLineTest, TextIsTheWordsAndJsonSaysWhatTheyAreAbout) {
  const std::vector<LogField> fields = {{"machine", std::string("52:54:00:00:00:01")},
                                        {"network", std::string()},
                                        {"bytes", std::int64_t{4000}},
                                        {"seconds", 1.5},
                                        {"up", false}};
  EXPECT_EQ(Line(LogLevel::kInfo, "it is so", {}, fields), "slipwayd: it is so\n");
  EXPECT_EQ(Line(LogLevel::kWarning, "it is so", kJson, fields),
            R"({"time":"2026-09-21T14:13:20.123Z","level":"warning","message":"it is so",)"
            R"("machine":"52:54:00:00:00:01","bytes":4000,"seconds":1.5,"up":false})"
            "\n");
}

TEST(LogLineTest, ThePrioritiesOfTheJournalStandBeforeEitherFormat) {
  const std::array<std::string, 4> priorities = {"<3>", "<4>", "<6>", "<7>"};
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    const auto level = static_cast<LogLevel>(i);
    EXPECT_EQ(Line(level, "words", {.is_journal = true}), priorities[i] + "slipwayd: words\n");
    EXPECT_EQ(Line(level, "words", {.format = LogFormat::kJson, .is_journal = true}),
              priorities[i] + Line(level, "words", kJson));
  }
}

// Bytes as a machine, a registry or a path may send them: each of the 256, alone and within words.
TEST(LogLineTest, EveryByteLeavesALineWholeAndValid) {
  for (int value = 0; value < 256; ++value) {
    const std::string words = Text("a", static_cast<char>(value), "b");
    const std::vector<LogField> fields = {{"path", words}};
    const std::string json = Line(LogLevel::kInfo, words, kJson, fields);
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << json;
    EXPECT_THAT(parsed["message"].get<std::string>(), testing::StartsWith("a"));
    EXPECT_THAT(parsed["path"].get<std::string>(), EndsWith("b"));
    for (const std::string& line : {json, Line(LogLevel::kInfo, words, {})}) {
      for (const char each : line.substr(0, line.size() - 1)) {
        EXPECT_TRUE(each >= 0x20 && each < 0x7f) << value << ": " << line;
      }
    }
  }
  EXPECT_EQ(Line(LogLevel::kInfo, "gr\xc3\xbc\xc3\x9f\n<3>no", {}),
            "slipwayd: gr\xc3\xbc\xc3\x9f\\x0a<3>no\n");
  EXPECT_THAT(Line(LogLevel::kInfo, "gr\xc3\xbc\xc3\x9f", kJson), HasSubstr("gr\\u00fc\\u00df"));
}

TEST(LogLineTest, WhatIsLongIsCutSoThatTheJournalDoesNotDivideIt) {
  constexpr std::size_t kJournalLineMax = 48 * 1024;
  const std::string long_text(1 << 20, '\x01');
  const std::vector<LogField> fields = {
      {"path", long_text}, {"machine", long_text}, {"cause", long_text}, {"network", long_text}};
  const std::string json = Line(LogLevel::kError, long_text, kJson, fields);
  EXPECT_LT(json.size(), kJournalLineMax);
  EXPECT_FALSE(nlohmann::json::parse(json, nullptr, false).is_discarded());
  EXPECT_LT(Line(LogLevel::kError, long_text, {}).size(), kJournalLineMax);
  // In the middle of a character.
  std::string umlauts = "a";
  for (int i = 0; i < 5000; ++i) umlauts += "\xc3\xbc";
  EXPECT_FALSE(
      nlohmann::json::parse(Line(LogLevel::kError, umlauts, kJson), nullptr, false).is_discarded());
}

TEST(LogLineTest, NumbersThatJsonDoesNotHaveAreNull) {
  const std::vector<LogField> fields = {{"seconds", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_THAT(Line(LogLevel::kInfo, "words", kJson, fields), HasSubstr(R"("seconds":null)"));
}

TEST(LogTest, WhatIsLessUrgentThanAskedForIsLeftOut) {
  Written written({.level = LogLevel::kWarning});
  LogError("an error");
  LogWarning("a warning");
  LogInfo("some news");
  Log(LogLevel::kDebug, "a detail");
  EXPECT_THAT(written.Lines(), ElementsAre("slipwayd: an error", "slipwayd: a warning"));
}

// Lines longer than what a pipe takes in one piece.
TEST(LogTest, LinesOfManyThreadsTakeTurns) {
  constexpr int kThreads = 8;
  constexpr int kLines = 100;
  std::vector<std::string> lines;
  {
    Written written({.format = LogFormat::kJson});
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([i] {
        const std::string words(4000, static_cast<char>('a' + i));
        const std::string field(500, static_cast<char>('a' + i));
        for (int n = 0; n < kLines; ++n) {
          LogInfo(words, {{"path", field}, {"cause", field}, {"number", std::int64_t{n}}});
        }
      });
    }
    for (std::thread& each : threads) each.join();
    lines = written.Lines();
  }
  ASSERT_THAT(lines, SizeIs(kThreads * kLines));
  std::string before;
  for (const std::string& line : lines) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << line;
    const std::string words = parsed["message"];
    EXPECT_EQ(words, std::string(4000, words.front()));
    EXPECT_EQ(parsed["path"], std::string(500, words.front()));
    EXPECT_GE(parsed["time"].get<std::string>(), before);
    before = parsed["time"];
  }
}

TEST(LogTest, TheJournalIsKnownByItsDeviceAndInode) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  struct stat facts {};
  ASSERT_EQ(::fstat(ends[1], &facts), 0);
  const std::string stream = Text(facts.st_dev, ':', facts.st_ino);
  EXPECT_TRUE(IsJournalStream(ends[1], stream));
  // A shell that was started by systemd keeps the variable when it sends a program's words
  // elsewhere.
  EXPECT_FALSE(IsJournalStream(ends[1], Text(facts.st_dev, ':', facts.st_ino + 1)));
  EXPECT_FALSE(IsJournalStream(ends[1], Text(facts.st_dev + 1, ':', facts.st_ino)));
  EXPECT_FALSE(IsJournalStream(ends[1], ""));
  EXPECT_FALSE(IsJournalStream(ends[1], stream + "0"));
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_FALSE(IsJournalStream(-1, stream));
}

Boot EndedBoot(BootOutcome outcome) {
  Boot boot{.id = 7, .mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}}, .outcome = outcome};
  boot.address = *Ipv4Address::Parse("10.77.0.100");
  boot.words = "loaded /debian/boot.efi";
  boot.bytes = 4000;
  boot.began_unix_nanoseconds = kNow;
  boot.last_unix_nanoseconds = kNow + 9'000'000'000;
  boot.complete_unix_nanoseconds = kNow + 2'500'000'000;
  return boot;
}

TEST(LogTest, WhoDoesNotReadHoldsUpNobodyAndIsToldWhatWasLost) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  OpenLog({.descriptor = ends[1]});
  const std::string words(1000, 'x');
  for (int i = 0; i < 200; ++i) LogInfo(words, {});  // three times what a pipe holds
  std::string text(1 << 16, '\0');
  const ssize_t size = ::read(ends[0], text.data(), text.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(text[static_cast<std::size_t>(size) - 1], '\n') << "lines are whole";
  LogInfo("again", {});
  const ssize_t more = ::read(ends[0], text.data(), text.size());
  ASSERT_GT(more, 0);
  EXPECT_THAT(text.substr(0, static_cast<std::size_t>(more)),
              AllOf(HasSubstr(" lines of the log are lost"), HasSubstr("again\n")));
  OpenLog({});
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(BootLogTest, AStormIsCountedNotTold) {
  Written written({});
  BootLog log;
  Boot boot = EndedBoot(BootOutcome::kFailed);
  for (int i = 0; i < 1000; ++i) {
    ++boot.id;
    log.Take(boot, {}, kStart);
  }
  ++boot.id;
  log.Take(boot, {}, kStart + std::chrono::seconds(1));
  const auto lines = written.Lines();
  ASSERT_THAT(lines, SizeIs(252));
  EXPECT_THAT(lines[250], HasSubstr("750 more boots ended"));
}

TEST(BootLogTest, AnotherCauseIsTold) {
  Written written({});
  BootLog log;
  Boot boot = EndedBoot(BootOutcome::kFailed);
  for (const char* cause : {"tls.unknown_ca", "tls.unknown_ca", "tls.no_common_cipher"}) {
    boot.cause = cause;
    log.Take(boot, {}, kStart);
  }
  EXPECT_THAT(written.Lines(), SizeIs(2));
}

TEST(BootLogTest, TheEndOfABootIsALineWithWhatItCameTo) {
  Written written(kJson);
  BootLog log;
  log.Take(EndedBoot(BootOutcome::kComplete), {.image_set = "debian", .network = "racks"}, kStart);
  Boot failed = EndedBoot(BootOutcome::kFailed);
  failed.id = 8;
  failed.address = Ipv4Address();
  failed.cause = "tls.unknown_ca";
  log.Take(failed, {}, kStart);
  const auto lines = written.Lines();
  ASSERT_THAT(lines, SizeIs(2));
  auto complete = nlohmann::json::parse(lines[0]);
  EXPECT_TRUE(complete.erase("time"));
  EXPECT_EQ(complete, nlohmann::json({{"level", "info"},
                                      {"message",
                                       "boot of 52:54:00:00:00:01: complete after 2.5 s: "
                                       "loaded /debian/boot.efi"},
                                      {"machine", "52:54:00:00:00:01"},
                                      {"address", "10.77.0.100"},
                                      {"network", "racks"},
                                      {"image_set", "debian"},
                                      {"boot", 7},
                                      {"outcome", "complete"},
                                      {"seconds", 2.5}}));
  const auto other = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(other["outcome"], "failed");
  EXPECT_EQ(other["cause"], "tls.unknown_ca");
  EXPECT_EQ(other["seconds"], 9.0);
  EXPECT_FALSE(other.contains("address"));
  EXPECT_FALSE(other.contains("network"));
  EXPECT_FALSE(other.contains("image_set"));
}

TEST(BootLogTest, AnOutcomeIsToldOnceAndAnotherOneAnew) {
  Written written({});
  BootLog log;
  Boot boot = EndedBoot(BootOutcome::kUnderWay);
  log.Take(boot, {}, kStart);
  boot.outcome = BootOutcome::kComplete;
  for (int i = 0; i < 3; ++i) log.Take(boot, {}, kStart);  // it loads more files
  boot.outcome = BootOutcome::kFailed;                     // its firmware refused them
  log.Take(boot, {}, kStart);
  boot.outcome = BootOutcome::kComplete;
  ++boot.id;
  log.Take(boot, {}, kStart);
  EXPECT_THAT(written.Lines(),
              ElementsAre(HasSubstr(": complete after 2.5 s"), HasSubstr(": failed after 9.0 s"),
                          HasSubstr(": complete after 2.5 s")));
}

TEST(MomentTest, IsRfc3339WithMilliseconds) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(999'999'999), "1970-01-01T00:00:00.999Z");
  EXPECT_EQ(Rfc3339(kNow), "2026-09-21T14:13:20.123Z");
}

}  // namespace
}  // namespace slipway::control
