// SPDX-License-Identifier: Apache-2.0
//
// HTTP dates: see the header. Parsing is by pattern: a letter of the pattern names what stands
// there, everything else stands for itself.
#include "protocols/http/date.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>

namespace slipway::http {
namespace {

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kLongDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kFirst = -62167219200;  // 0000-01-01 00:00:00
constexpr std::int64_t kLast = 253402300799;   // 9999-12-31 23:59:59

struct Fields {
  int year = 0;
  unsigned month = 0;  // from 1
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

// Of fixed size, so that it is a load and a store: a string_view's copy() would be a call.
void ThreeLetters(char* out, std::string_view name) { std::memcpy(out, name.data(), 3); }

void TwoDigits(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// `count` digits at the front, the first of which may be a space if `padded`.
bool TakeNumber(std::string_view& text, std::size_t count, bool padded, unsigned& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (padded && i == 0 && text[0] == ' ') continue;
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool TakeMonth(std::string_view& text, unsigned& month) {
  const auto* found = std::ranges::find(kMonths, text.substr(0, 3));
  if (found == std::end(kMonths)) return false;
  month = static_cast<unsigned>(found - kMonths) + 1;
  text.remove_prefix(3);
  return true;
}

// d, D: day of 2 digits (D: or a space and one); M: month; y, Y: year of 2 or 4 digits; h, m, s.
bool Match(std::string_view text, std::string_view pattern, Fields& fields) {
  for (const char letter : pattern) {
    unsigned year = 0;
    bool ok = false;
    switch (letter) {
      case 'd':
      case 'D':
        ok = TakeNumber(text, 2, letter == 'D', fields.day);
        break;
      case 'M':
        ok = TakeMonth(text, fields.month);
        break;
      case 'y':
      case 'Y':
        ok = TakeNumber(text, letter == 'y' ? 2 : 4, false, year);
        fields.year = static_cast<int>(year);
        break;
      case 'h':
        ok = TakeNumber(text, 2, false, fields.hour);
        break;
      case 'm':
        ok = TakeNumber(text, 2, false, fields.minute);
        break;
      case 's':
        ok = TakeNumber(text, 2, false, fields.second);
        break;
      default:
        ok = text.starts_with(letter);
        if (ok) text.remove_prefix(1);
    }
    if (!ok) return false;
  }
  return text.empty();
}

std::optional<std::int64_t> Seconds(const Fields& fields) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date(chrono::year(fields.year), chrono::month(fields.month),
                                    chrono::day(fields.day));
  // A leap second, 60, is read as the second after.
  if (!date.ok() || fields.hour > 23 || fields.minute > 59 || fields.second > 60) return {};
  const chrono::sys_seconds at = chrono::sys_days(date) + chrono::hours(fields.hour) +
                                 chrono::minutes(fields.minute) + chrono::seconds(fields.second);
  return at.time_since_epoch().count();
}

int YearOf(std::int64_t unix_seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds at{chrono::seconds(std::clamp(unix_seconds, kFirst, kLast))};
  return static_cast<int>(chrono::year_month_day(chrono::floor<chrono::days>(at)).year());
}

bool TakeDayName(std::string_view& text, const std::string_view (&names)[7]) {
  for (const std::string_view name : names) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return true;
  }
  return false;
}

}  // namespace

std::array<char, kDateSize> FormatDate(std::int64_t unix_seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds at{chrono::seconds(std::clamp(unix_seconds, kFirst, kLast))};
  const chrono::sys_days days = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(days);
  const chrono::hh_mm_ss time(at - days);

  std::array<char, kDateSize> out;
  std::memcpy(out.data(), "___, __ ___ ____ __:__:__ GMT", kDateSize);
  ThreeLetters(&out[0], kDays[chrono::weekday(days).c_encoding()]);
  TwoDigits(&out[5], static_cast<unsigned>(date.day()));
  ThreeLetters(&out[8], kMonths[static_cast<unsigned>(date.month()) - 1]);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  TwoDigits(&out[12], year / 100);
  TwoDigits(&out[14], year % 100);
  TwoDigits(&out[17], static_cast<unsigned>(time.hours().count()));
  TwoDigits(&out[20], static_cast<unsigned>(time.minutes().count()));
  TwoDigits(&out[23], static_cast<unsigned>(time.seconds().count()));
  return out;
}

std::optional<std::int64_t> ParseDate(std::string_view text, std::int64_t now) {
  constexpr std::string_view kZone = " GMT";
  const bool zoned = text.ends_with(kZone);
  const std::string_view local = text.substr(0, text.size() - (zoned ? kZone.size() : 0));
  Fields fields;
  std::string_view rest = local;
  if (zoned && TakeDayName(rest, kLongDays) && Match(rest, ", d-M-y h:m:s", fields)) {
    const int this_year = YearOf(now);
    fields.year += this_year - this_year % 100;
    if (fields.year > this_year + 50) fields.year -= 100;
    return Seconds(fields);
  }
  rest = local;
  if (!TakeDayName(rest, kDays)) return {};
  if (!Match(rest, zoned ? ", d M Y h:m:s" : " M D h:m:s Y", fields)) return {};
  return Seconds(fields);
}

}  // namespace slipway::http
