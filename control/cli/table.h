// SPDX-License-Identifier: Apache-2.0
//
// A JSON list as a table for people, and one resource as lines.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/text.h"

namespace slipway::control {

struct Column {
  std::string_view title;
  std::string_view key;
  bool moment = false;  // seconds since 1970, told as a date and time (UTC)
};

inline std::string Moment(std::int64_t unix_seconds) {
  const std::time_t when = unix_seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (gmtime_r(&when, &parts) == nullptr) return std::to_string(unix_seconds);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

// "14:03:12.120", UTC.
inline std::string ClockTime(double unix_seconds) {
  const auto whole = static_cast<std::time_t>(std::floor(unix_seconds));
  std::tm parts{};
  std::array<char, 16> text{};
  if (gmtime_r(&whole, &parts) == nullptr) return {};
  const std::size_t size = std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  const int milliseconds = static_cast<int>((unix_seconds - static_cast<double>(whole)) * 1000);
  std::string digits = std::to_string(milliseconds);
  digits.insert(0, digits.size() < 3 ? 3 - digits.size() : 0, '0');
  return Text(std::string_view(text.data(), size), '.', digits);
}

// What a terminal shows as it is: control characters (C0, DEL, and C1, which are two bytes of
// UTF-8) are written as "\x1b". Much of what is printed was said by others: registries, firmware,
// receivers.
inline std::string Plain(std::string_view text, bool keeps_lines = false) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto value = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : ' ');
    const bool is_line = text[i] == '\n' && keeps_lines;
    const bool is_c1 = value == 0xc2 && next >= 0x80 && next < 0xa0;
    if ((value >= 0x20 && value != 0x7f && !is_c1) || is_line) {
      plain += text[i];
      continue;
    }
    const unsigned char shown = is_c1 ? next : value;
    plain += "\\x";
    plain += kDigits[shown >> 4];
    plain += kDigits[shown & 15];
    if (is_c1) ++i;
  }
  return plain;
}

// One cell as people read it: no quotes, no braces, one line.
inline std::string Cell(const nlohmann::json& row, const Column& column) {
  const auto value = row.find(std::string(column.key));
  if (value == row.end() || value->is_null()) return "";
  if (column.moment && value->is_number_integer()) return Moment(value->get<std::int64_t>());
  if (value->is_string()) return Plain(value->get<std::string>());
  if (value->is_boolean()) return value->get<bool>() ? "yes" : "no";
  if (value->is_number_float()) {
    std::string text = std::to_string(value->get<double>());
    return text.substr(0, text.find('.') + 2);
  }
  if (!value->is_array()) return value->dump();
  std::string text;
  for (const auto& part : *value) {
    if (!text.empty()) text += ' ';
    text += part.is_string() ? Plain(part.get<std::string>()) : part.dump();
  }
  return text;
}

inline std::string Cell(const nlohmann::json& row, std::string_view key) {
  return Cell(row, Column{.title = {}, .key = key});
}

inline std::string Table(const nlohmann::json& rows, const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : columns) cells[0].emplace_back(column.title);
  for (const auto& row : rows) {
    cells.emplace_back();
    for (const Column& column : columns) cells.back().push_back(Cell(row, column));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

// One resource: a line for each column, the title before the cell.
inline std::string Sheet(const nlohmann::json& resource, const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (const Column& column : columns) width = std::max(width, column.title.size());
  std::string text;
  for (const Column& column : columns) {
    const std::string cell = Cell(resource, column);
    text += column.title;
    if (!cell.empty()) text.append(width - column.title.size() + 2, ' ').append(cell);
    text += '\n';
  }
  return text;
}

}  // namespace slipway::control
