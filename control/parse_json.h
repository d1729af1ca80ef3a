// SPDX-License-Identifier: Apache-2.0
//
// JSON that somebody else wrote: the one place where the control plane parses any (tests/lint holds
// it to that). nlohmann's parser does not recurse, but its copies, comparisons and dump() do, once
// for each level, so that half a megabyte of brackets would overflow the stack long after it was
// parsed: in a message that quotes it.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace slipway::control {

// Levels of objects and arrays; what is read here has five at most.
inline constexpr std::size_t kJsonDepthMax = 64;

// Whether its brackets are nested deeper than that. Says nothing of what follows the first fault of
// a text that is no JSON: that is not parsed either.
inline bool IsNestedTooDeep(std::string_view text) {
  std::size_t depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char each = text[i];
    if (is_string) {
      if (each == '\\') ++i;
      if (each == '"') is_string = false;
    } else if (each == '"') {
      is_string = true;
    } else if (each == '[' || each == '{') {
      if (++depth > kJsonDepthMax) return true;
    } else if (each == ']' || each == '}') {
      if (depth != 0) --depth;
    }
  }
  return false;
}

// Discarded (is_discarded()) where the text is no JSON, or is nested too deep.
inline nlohmann::json ParseJson(std::string_view text) {
  if (IsNestedTooDeep(text)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace slipway::control
