// SPDX-License-Identifier: Apache-2.0
//
// The daemon's log: one line on standard error for each thing that an operator should hear of, as
// words for people or as a JSON object for programs. What is told of a machine is told by events
// (events/feed.h); packets are counted, and never logged.
//
// A line is whole: control characters and what is not UTF-8 are escaped, what is long is cut (a
// line stays below journald's LineMax of 48 KiB), and lines of several threads take turns. Where
// standard error is the journal, a line begins with its priority (sd-daemon(3)), whatever its
// format: the journal takes that away.
//
// Until OpenLog() words are written, from kInfo on. Calls may come from any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace slipway::control {

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };
std::string_view Name(LogLevel level);

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogSettings {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;  // what is less urgent is left out
  bool is_journal = false;           // what reads the descriptor
  int descriptor = 2;
};
// Before any thread begins that may have something to say.
void OpenLog(const LogSettings& settings);

// What the words say as well, for programs: text has the words alone. A name has one type
// everywhere, and is one of the project's words: machine (MAC), network, image_set, cause, boot...
// An empty text is left out: it is not known.
struct LogField {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
};

// `words` as a person reads them behind "slipwayd: ", without an end of line.
void Log(LogLevel level, std::string_view words, std::initializer_list<LogField> fields = {});
inline void LogError(std::string_view words, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, words, fields);
}
inline void LogWarning(std::string_view words, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, words, fields);
}
inline void LogInfo(std::string_view words, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, words, fields);
}

// What Log() makes of its arguments; a line with its end.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string_view words;
  std::span<const LogField> fields{};
  std::int64_t unix_nanoseconds = 0;
};
std::string LogLine(const LogRecord& record, const LogSettings& settings);

// Whether the descriptor is what systemd connected to the journal; `journal_stream`: the variable
// JOURNAL_STREAM, "device:inode" (systemd.exec(5)).
bool IsJournalStream(int descriptor, std::string_view journal_stream);

}  // namespace slipway::control
