// SPDX-License-Identifier: Apache-2.0
#include "control/log.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/image_store/image_set.h"
#include "control/moment.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// An escaped byte takes six at most.
constexpr std::size_t kWordsMax = 4096;
constexpr std::size_t kFieldMax = 512;

struct Sink {
  std::mutex mutex;
  LogSettings settings;
  std::uint64_t lost = 0;  // lines since the last that could be written
};

// How long a reader may hold up whoever logs, once: threads that serve do, with locks held.
constexpr int kPatienceMilliseconds = 100;

// Never destroyed: who ends last may still have something to say.
Sink& TheSink() {
  static Sink& sink = *new Sink;
  return sink;
}

// As sd-daemon(3) and syslog(3) number them.
char PriorityOf(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return '3';
    case LogLevel::kWarning:
      return '4';
    case LogLevel::kInfo:
      return '6';
    case LogLevel::kDebug:
      return '7';
  }
  return '6';
}

std::string Cut(std::string_view text, std::size_t most) {
  return text.size() <= most ? std::string(text) : Text(text.substr(0, most), "...");
}

std::string JsonOf(const LogRecord& record) {
  nlohmann::ordered_json json = {{"time", Rfc3339(record.unix_nanoseconds)},
                                 {"level", Name(record.level)},
                                 {"message", Cut(record.words, kWordsMax)}};
  for (const LogField& field : record.fields) {
    const auto* const text = std::get_if<std::string>(&field.value);
    if (text != nullptr && text->empty()) continue;
    nlohmann::ordered_json& value = json[std::string(field.name)];
    if (text != nullptr) value = Cut(*text, kFieldMax);
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) value = *number;
    if (const auto* number = std::get_if<double>(&field.value)) value = *number;
    if (const auto* truth = std::get_if<bool>(&field.value)) value = *truth;
  }
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

// Whether a line would go out at once: a pager that was stopped, or a full pipe, must stop nothing.
bool IsReady(int descriptor, int milliseconds) {
  pollfd asked{.fd = descriptor, .events = POLLOUT, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&asked, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready != 0;  // what is wrong with it write() finds
}

// What cannot be written is lost: there is nobody to tell.
void Write(int descriptor, std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(descriptor, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kDebug:
      return "debug";
  }
  return "";
}

void OpenLog(const LogSettings& settings) {
  Sink& sink = TheSink();
  const std::scoped_lock lock(sink.mutex);
  sink.settings = settings;
}

void Log(LogLevel level, std::string_view words, std::initializer_list<LogField> fields) {
  Sink& sink = TheSink();
  const std::scoped_lock lock(sink.mutex);  // so that moments rise from line to line as well
  if (level > sink.settings.level) return;
  const std::int64_t now = UnixNanoseconds();
  const LogRecord record{.level = level,
                         .words = words,
                         .fields = std::span(fields.begin(), fields.size()),
                         .unix_nanoseconds = now};
  const int descriptor = sink.settings.descriptor;
  if (!IsReady(descriptor, sink.lost == 0 ? kPatienceMilliseconds : 0)) {
    ++sink.lost;
    return;
  }
  if (const std::uint64_t lost = std::exchange(sink.lost, 0); lost != 0) {
    const std::string gap = Text(lost, " lines of the log are lost: nobody read them");
    Write(
        descriptor,
        LogLine({.level = LogLevel::kWarning, .words = gap, .fields = {}, .unix_nanoseconds = now},
                sink.settings));
  }
  Write(descriptor, LogLine(record, sink.settings));
}

std::string LogLine(const LogRecord& record, const LogSettings& settings) {
  std::string line;
  if (settings.is_journal) line = Text('<', PriorityOf(record.level), '>');
  switch (settings.format) {
    case LogFormat::kText:
      line += Text("slipwayd: ", Printable(Cut(record.words, kWordsMax)));
      break;
    case LogFormat::kJson:
      line += JsonOf(record);
      break;
  }
  line += '\n';
  return line;
}

bool IsJournalStream(int descriptor, std::string_view journal_stream) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return false;
  return journal_stream == Text(facts.st_dev, ':', facts.st_ino);
}

}  // namespace slipway::control
