// SPDX-License-Identifier: Apache-2.0
//
// The JSON that the REST interface takes and gives, named and described once. The API's description
// (openapi.h) is made of it, and a test holds every answer of the REST tests against it.
//
// A schema's fields stand in one text, "name:type" each, with "?" behind a name that may be absent.
// A type is string, integer, number, boolean, object (of anything), any, or a schema's name;
// "[T]" a list, "{T}" an object of T by name, "a|b" one of these texts, "T~" T or null.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

namespace slipway::control {

struct Schema {
  std::string_view name;
  std::string_view sentence;
  std::string_view fields;
};

std::span<const Schema> Schemas();
// JSON Schema (2020-12, the part that needs type, properties, required, additionalProperties,
// items, enum and $ref) of a type as above.
nlohmann::json JsonSchemaOf(std::string_view type);
nlohmann::json JsonSchemaOf(const Schema& schema);

}  // namespace slipway::control
