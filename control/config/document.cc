// SPDX-License-Identifier: Apache-2.0
#include "control/config/document.h"

#include <toml++/toml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "control/config/json_document.h"
#include "control/text.h"

namespace slipway::control {
namespace {

Where PlaceOf(const toml::source_region& region) {
  return {static_cast<unsigned>(region.begin.line), static_cast<unsigned>(region.begin.column)};
}

std::string Show(const toml::node& node) {
  if (const auto* text = node.as_string()) return Text('"', text->get(), '"');
  if (const auto* number = node.as_integer()) return Text(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::vector<std::string> parts;
    for (const toml::node& part : *list) parts.push_back(Show(part));
    return Text('[', Join(parts, ", "), ']');
  }
  if (node.is_table()) return "{...}";
  return node.is_floating_point() ? "a fraction" : "a date or time";
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

std::string ShowNumber(const KeySchema& schema, std::int64_t number) {
  if (schema.type == ValueType::kDuration) return Text(number, 's');
  if (schema.type != ValueType::kSize) return Text(number);
  constexpr std::int64_t kMebi = 1 << 20;
  return number % kMebi == 0 ? Text(number / kMebi, " MiB") : Text(number, " B");
}

class DocumentReader {
 public:
  DocumentReader(std::string_view file, std::vector<Problem>& problems)
      : file_(file), problems_(problems) {}

  Section ReadTable(const toml::table& table, const std::string& path) {
    Section section{.path = path, .where = PlaceOf(table.source()), .entries = {}, .children = {}};
    RefuseUnknown(table, path);
    for (const KeySchema& schema : ConfigKeys()) {
      if (schema.table == path) {
        section.entries.emplace(schema.name, ReadKey(table, schema, section.where));
      }
    }
    for (const TableSchema& schema : ConfigTables()) {
      const std::size_t dot = schema.path.rfind('.');
      const std::string_view parent =
          dot == schema.path.npos ? std::string_view{} : schema.path.substr(0, dot);
      if (parent != path) continue;
      const std::string_view name =
          dot == schema.path.npos ? schema.path : schema.path.substr(dot + 1);
      section.children.emplace(name, ReadChildren(table, schema, name));
    }
    return section;
  }

 private:
  void Complain(Where where, std::string what) {
    problems_.push_back({std::string(file_), where, std::move(what)});
  }

  std::vector<Section> ReadChildren(const toml::table& table, const TableSchema& schema,
                                    std::string_view name) {
    std::vector<Section> sections;
    const std::string path(schema.path);
    const toml::node* node = table.get(name);
    const std::string shape = schema.repeated ? Text("[[", path, "]]") : Text('[', path, ']');
    if (node == nullptr) {
      if (!schema.repeated) sections.push_back(ReadTable(toml::table{}, path));
      return sections;
    }
    if (const auto* list = node->as_array(); schema.repeated && list != nullptr) {
      for (const toml::node& element : *list) {
        if (const auto* child = element.as_table()) {
          sections.push_back(ReadTable(*child, path));
        } else {
          Complain(PlaceOf(element.source()),
                   Text(path, " = ", Show(element), ": not a table; write ", shape));
        }
      }
      return sections;
    }
    if (const auto* child = node->as_table(); !schema.repeated && child != nullptr) {
      sections.push_back(ReadTable(*child, path));
      return sections;
    }
    Complain(PlaceOf(node->source()),
             Text(path, " = ", Show(*node), ": not ",
                  schema.repeated ? "a list of tables" : "a single table", "; write ", shape));
    if (!schema.repeated) sections.push_back(ReadTable(toml::table{}, path));
    return sections;
  }

  void RefuseUnknown(const toml::table& table, const std::string& path) {
    std::vector<std::string_view> names;
    for (const KeySchema& schema : ConfigKeys()) {
      if (schema.table == path) names.push_back(schema.name);
    }
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const TableSchema& schema : ConfigTables()) {
      if (!schema.path.starts_with(prefix)) continue;
      const std::string_view name = schema.path.substr(prefix.size());
      if (!name.empty() && name.find('.') == name.npos) names.push_back(name);
    }
    for (const auto& [key, node] : table) {
      if (std::ranges::find(names, key.str()) != names.end()) continue;
      const bool is_table = node.is_table() || node.is_array_of_tables();
      std::string what = Text(prefix, key.str(), is_table ? std::string() : " = " + Show(node),
                              ": unknown ", is_table ? "table" : "key", "; ");
      if (const auto nearest = Nearest(key.str(), names)) {
        what += Text("did you mean ", prefix, *nearest, "?");
      } else {
        std::vector<std::string> known(names.begin(), names.end());
        what += Text(path.empty() ? "the file" : path, " has: ", Join(known, ", "));
      }
      Complain(PlaceOf(key.source()), std::move(what));
    }
  }

  Entry ReadKey(const toml::table& table, const KeySchema& schema, Where table_place) {
    Entry entry{.where = table_place, .shown = {}, .written = false, .values = {}, .places = {}};
    const toml::node* node = table.get(schema.name);
    if (node == nullptr) {
      if (schema.required) {
        Complain(table_place, Text(schema.table, '.', schema.name, ": missing; write ",
                                   schema.list ? "a list of " : "", Expectation(schema.type)));
      }
      if (schema.fallback.empty()) return entry;
      const toml::table fallback = toml::parse(Text("x = ", schema.fallback));
      ReadValues(*fallback.get("x"), schema, entry);
      std::ranges::fill(entry.places, table_place);
      entry.shown = schema.fallback;
      return entry;
    }
    entry.written = true;
    entry.where = PlaceOf(node->source());
    entry.shown = Show(*node);
    ReadValues(*node, schema, entry);
    return entry;
  }

  void ReadValues(const toml::node& node, const KeySchema& schema, Entry& entry) {
    const auto* list = node.as_array();
    if (schema.list != (list != nullptr)) {
      Complain(PlaceOf(node.source()),
               Text(schema.table, '.', schema.name, " = ", Show(node), ": ",
                    schema.list ? "not a list; write it in [brackets]"
                                : "a list where one value stands; write ",
                    schema.list ? std::string_view() : Expectation(schema.type)));
      return;
    }
    if (list == nullptr) {
      ReadOne(node, schema, entry);
      return;
    }
    for (const toml::node& element : *list) ReadOne(element, schema, entry);
  }

  void ReadOne(const toml::node& node, const KeySchema& schema, Entry& entry) {
    std::optional<Value> value;
    if (const auto* truth = node.as_boolean()) {
      if (schema.type == ValueType::kBoolean) value = truth->get();
    } else if (const auto* number = node.as_integer()) {
      if (schema.type == ValueType::kInteger) value = number->get();
    } else if (const auto* text = node.as_string()) {
      value = ParseValue(schema.type, text->get());
    }
    const Where where = PlaceOf(node.source());
    const std::string key = Text(schema.table, '.', schema.name, " = ", Show(node), ": ");
    if (value && schema.type == ValueType::kChoice) {
      const auto words = Words(schema.choices);
      if (std::ranges::find(words, std::get<std::string>(*value)) == words.end()) value.reset();
      if (!value) {
        std::vector<std::string> choices(words.begin(), words.end());
        Complain(where, Text(key, "unknown; write one of ", Join(choices, ", ")));
        return;
      }
    }
    if (!value) {
      Complain(where, Text(key, "not ", Expectation(schema.type)));
      return;
    }
    if (const auto* number = std::get_if<std::int64_t>(&*value);
        number != nullptr && (*number < schema.minimum || *number > schema.maximum)) {
      Complain(where,
               Text(key, *number < schema.minimum ? "too small" : "too large", "; write ",
                    ShowNumber(schema, schema.minimum), " to ", ShowNumber(schema, schema.maximum),
                    schema.type == ValueType::kInteger ? Text(" (", schema.unit, ")") : ""));
      return;
    }
    entry.values.push_back(*std::move(value));
    entry.places.push_back(where);
  }

  std::string_view file_;
  std::vector<Problem>& problems_;
};

// No key of the schema lies deeper; what does is told as the wrong value that it is.
constexpr int kDepthMax = 6;

toml::table TableOf(const nlohmann::json& object, int depth);

struct AppendTo {
  toml::array& list;
  void operator()(auto value) const { list.push_back(std::move(value)); }
};
struct SetIn {
  toml::table& table;
  const std::string& key;
  void operator()(auto value) const { table.insert_or_assign(key, std::move(value)); }
};

// Gives `put` the value as TOML has it; a null is none.
template <class Put>
void Convert(const nlohmann::json& value, int depth, const Put& put) {
  if (depth > kDepthMax) {
    put(std::string("..."));
  } else if (value.is_object()) {
    put(TableOf(value, depth));
  } else if (value.is_array()) {
    toml::array list;
    for (const nlohmann::json& element : value) Convert(element, depth + 1, AppendTo{list});
    put(std::move(list));
  } else if (value.is_string()) {
    put(value.get<std::string>());
  } else if (value.is_boolean()) {
    put(value.get<bool>());
  } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) {
    put(std::int64_t{INT64_MAX});
  } else if (value.is_number_integer()) {
    put(value.get<std::int64_t>());
  } else if (value.is_number()) {
    put(value.get<double>());
  }
}

toml::table TableOf(const nlohmann::json& object, int depth) {
  toml::table table;
  for (const auto& [key, value] : object.items()) Convert(value, depth + 1, SetIn{table, key});
  return table;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Problem::ToString() const {
  if (where.line == 0) return Text(file, ": ", what);
  return Text(file, ':', where.line, ':', where.column, ": ", what);
}

const std::vector<Section>& Section::Children(std::string_view name) const {
  return children.find(name)->second;
}

Section ReadDocument(std::string_view text, std::string_view file, std::vector<Problem>& problems) {
  DocumentReader reader(file, problems);
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    problems.push_back({std::string(file), PlaceOf(error.source()),
                        Text("not TOML: ", error.description(), "; mend this first")});
    std::vector<Problem> ignored;
    return DocumentReader(file, ignored).ReadTable(root, "");
  }
  return reader.ReadTable(root, "");
}

Section ReadJson(const nlohmann::json& document, std::string_view name,
                 std::vector<Problem>& problems) {
  return DocumentReader(name, problems).ReadTable(TableOf(document, 0), "");
}

std::optional<std::string_view> Nearest(std::string_view wrong,
                                        const std::vector<std::string_view>& names) {
  std::optional<std::string_view> best;
  std::size_t limit = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string_view name : names) {
    const std::size_t distance = EditDistance(wrong, name);
    if (distance < limit && distance < name.size()) {
      best = name;
      limit = distance;
    }
  }
  return best;
}

}  // namespace slipway::control
