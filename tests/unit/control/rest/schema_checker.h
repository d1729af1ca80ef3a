// SPDX-License-Identifier: Apache-2.0
//
// Holds JSON against the part of JSON Schema that the API's description uses. A keyword that it
// does not know is a mistake, so that none is passed over.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace slipway::control {

class SchemaChecker {
 public:
  explicit SchemaChecker(const nlohmann::json& document) : document_(document) {}

  // Where and why the value does not fit; nullopt when it does.
  std::optional<std::string> Mismatch(const nlohmann::json& value, const nlohmann::json& schema,
                                      const std::string& where = "") const {
    for (const auto& [keyword, argument] : schema.items()) {
      std::optional<std::string> fault;
      if (keyword == "$ref") {
        fault = Mismatch(value, document_.at(Pointer(argument)), where);
      } else if (keyword == "type") {
        if (!IsAny(value, argument))
          fault = where + ": " + value.dump() + " is not " + argument.dump();
      } else if (keyword == "enum") {
        if (std::find(argument.begin(), argument.end(), value) == argument.end()) {
          fault = where + ": " + value.dump() + " is none of " + argument.dump();
        }
      } else if (keyword == "anyOf") {
        fault = where + ": fits none of " + argument.dump();
        for (const auto& each : argument) {
          if (!Mismatch(value, each, where)) fault.reset();
        }
      } else if (keyword == "items") {
        for (std::size_t i = 0; value.is_array() && i < value.size() && !fault; ++i) {
          fault = Mismatch(value[i], argument, where + "/" + std::to_string(i));
        }
      } else if (keyword == "required") {
        for (const auto& name : argument) {
          if (value.is_object() && !value.contains(name.get<std::string>())) {
            fault = where + ": lacks " + name.dump();
          }
        }
      } else if (keyword == "properties" || keyword == "additionalProperties") {
        fault = Members(value, schema, where);
      } else if (keyword != "description") {
        fault = "the checker does not know " + keyword;
      }
      if (fault) return fault;
    }
    return std::nullopt;
  }

 private:
  static nlohmann::json::json_pointer Pointer(const nlohmann::json& reference) {
    return nlohmann::json::json_pointer(reference.get<std::string>().substr(1));
  }
  static bool IsAny(const nlohmann::json& value, const nlohmann::json& types) {
    if (types.is_string()) return Is(value, types);
    return std::any_of(types.begin(), types.end(),
                       [&](const auto& type) { return Is(value, type); });
  }
  static bool Is(const nlohmann::json& value, const std::string& type) {
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == value.type_name();
  }
  std::optional<std::string> Members(const nlohmann::json& value, const nlohmann::json& schema,
                                     const std::string& where) const {
    if (!value.is_object()) return std::nullopt;
    const auto properties = schema.value("properties", nlohmann::json::object());
    const auto others = schema.value("additionalProperties", nlohmann::json(true));
    for (const auto& [name, member] : value.items()) {
      const std::string place = where + "/" + name;
      if (properties.contains(name)) {
        if (auto fault = Mismatch(member, properties[name], place)) return fault;
      } else if (others == false) {
        return place + ": is not described";
      } else if (others.is_object()) {
        if (auto fault = Mismatch(member, others, place)) return fault;
      }
    }
    return std::nullopt;
  }

  const nlohmann::json& document_;
};

}  // namespace slipway::control
