// SPDX-License-Identifier: Apache-2.0
//
// The shipped example, written from the schema: what has a default or is part of a small working
// set-up stands plainly, the rest behind a '#' that can be taken away.
#include <algorithm>
#include <string>
#include <string_view>

#include "control/config/schema.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::string_view kHead =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "#\n"
    "# Every table and key that slipwayd knows, with its default, unit and range. Lines that "
    "begin\n"
    "# with '#' and no blank may be uncommented; `slipwayd --check-config` says what does not "
    "fit.\n"
    "# This file sets up one virtual port with a DHCP network.\n";

bool IsSetUp(std::string_view path) {
  const auto tables = ConfigTables();
  const auto table = std::ranges::find(tables, path, &TableSchema::path);
  return !table->repeated || table->example;
}

// "1 MiB" and the like, so that a range reads as it would be written.
std::string Number(ValueType type, std::int64_t number) {
  struct Unit {
    std::int64_t factor;
    std::string_view name;
  };
  constexpr Unit kSizes[] = {{std::int64_t{1} << 40, " TiB"}, {1 << 30, " GiB"}, {1 << 20, " MiB"}};
  constexpr Unit kTimes[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  if (type == ValueType::kSize) {
    for (const Unit& unit : kSizes) {
      if (number % unit.factor == 0) return Text(number / unit.factor, unit.name);
    }
  }
  if (type == ValueType::kDuration) {
    for (const Unit& unit : kTimes) {
      if (number % unit.factor == 0 && number != 0) return Text(number / unit.factor, unit.name);
    }
    return "0s";
  }
  return Text(number);
}

// "# " at the beginning and at most 100 columns.
void AppendComment(std::string& out, std::string_view text) {
  std::size_t column = 1;
  out += '#';
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    if (column + 1 + blank > 100) {
      out += "\n#";
      column = 1;
    }
    out += Text(' ', text.substr(0, blank));
    column += 1 + blank;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  out += '\n';
}

void AppendKey(std::string& out, const KeySchema& key, bool plain) {
  AppendComment(out, key.sentence);
  std::string facts = key.required
                          ? "Required."
                          : Text("Default: ", key.fallback.empty() ? "none" : key.fallback, '.');
  if (!key.unit.empty()) facts += Text(" Unit: ", key.unit, '.');
  if (key.minimum != INT64_MIN) {
    facts +=
        Text(" From ", Number(key.type, key.minimum), " to ", Number(key.type, key.maximum), '.');
  }
  if (!key.choices.empty()) facts += Text(" One of: ", key.choices, '.');
  AppendComment(out, facts);
  const bool has_example = !key.example.empty();
  const bool shown = plain && (key.required || !key.fallback.empty());
  out += Text(shown ? "" : "#", key.name, " = ", has_example ? key.example : key.fallback, "\n");
}

}  // namespace

std::string ExampleConfig() {
  std::string out(kHead);
  for (const TableSchema& table : ConfigTables()) {
    const bool plain = IsSetUp(table.path);
    out += '\n';
    AppendComment(out, table.sentence);
    out += Text(plain ? "" : "#", table.repeated ? "[[" : "[", table.path,
                table.repeated ? "]]" : "]", "\n");
    for (const KeySchema& key : ConfigKeys()) {
      if (key.table == table.path) AppendKey(out, key, plain);
    }
  }
  return out;
}

}  // namespace slipway::control
