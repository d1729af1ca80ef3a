// SPDX-License-Identifier: Apache-2.0
//
// slipway.toml as typed values with their places: every table and key checked against the schema
// by itself (known, right type, in range, present when required, defaults filled in). What must
// fit between keys is cross_check.h's.
//
// Reading never stops at the first mistake; only text that is not TOML at all gives one alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/schema.h"
#include "control/config/value.h"

namespace slipway::control {

struct Where {
  unsigned line = 0;
  unsigned column = 0;
  friend auto operator<=>(const Where&, const Where&) = default;
};

// One mistake of the operator's.
struct Problem {
  std::string file;
  Where where;
  std::string what;  // "key = value: what is wrong; what would be right"

  // "file:line:column: what"
  std::string ToString() const;
};

struct Entry {
  Where where;        // of the value; of the table when the default stands
  std::string shown;  // as written
  bool written = false;
  std::vector<Value> values;  // empty when it was wrong or is absent; several only for lists
  std::vector<Where> places;  // of each value
};

// One table of the file.
class Section {
 public:
  std::string path;
  Where where;
  std::map<std::string, Entry, std::less<>> entries;
  std::map<std::string, std::vector<Section>, std::less<>> children;

  // The value, written or default; nullopt when there is none or it was wrong.
  template <class T>
  std::optional<T> Get(std::string_view key) const {
    const Entry& entry = At(key);
    if (entry.values.empty()) return std::nullopt;
    return std::get<T>(entry.values.front());
  }
  template <class T>
  std::vector<T> List(std::string_view key) const {
    std::vector<T> list;
    for (const Value& value : At(key).values) list.push_back(std::get<T>(value));
    return list;
  }
  const Entry& At(std::string_view key) const { return entries.find(key)->second; }
  bool Written(std::string_view key) const { return At(key).written; }
  // All tables of this repeated path, in the file's order.
  const std::vector<Section>& Children(std::string_view name) const;
  // The table of this single path, with defaults when it was not written.
  const Section& Child(std::string_view name) const { return Children(name).front(); }
};

// Fills `problems` and returns the root, complete as far as the text allows.
Section ReadDocument(std::string_view text, std::string_view file, std::vector<Problem>& problems);

// The value a text means by the type's own rules; nullopt when it is none.
std::optional<Value> ParseValue(ValueType type, std::string_view text);
// "an IPv4 address such as 10.77.0.1"
std::string_view Expectation(ValueType type);

// The name closest to `wrong`, if any is close enough to be meant.
std::optional<std::string_view> Nearest(std::string_view wrong,
                                        const std::vector<std::string_view>& names);

}  // namespace slipway::control
