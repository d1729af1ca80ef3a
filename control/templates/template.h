// SPDX-License-Identifier: Apache-2.0
//
// Template: a named text that becomes a document for each machine that its selector means.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "control/policy/selector.h"
#include "control/templates/mustache.h"

namespace slipway::control {

inline constexpr std::size_t kTemplatesMax = 64;

struct Template {
  std::string name;  // the last part of the document's path
  std::string text;  // UTF-8; Mustache::Parse takes it
  std::string media_type;
  Selector selector;  // of what the catalog knows; empty: every machine of it
  friend bool operator==(const Template&, const Template&) = default;
};

// Small letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit.
bool IsTemplateName(std::string_view name);

nlohmann::json ToJson(const Template& one);
// Changes what the object mentions; refused, by name: a member that is unknown or wrong, and a text
// that cannot be read. A media type that was never said is that of the name.
absl::Status Update(const nlohmann::json& changes, Template& one);

// By the media type: JSON's and XML's, and those that end in "+json" and "+xml".
Escape EscapeOf(std::string_view media_type);

}  // namespace slipway::control
