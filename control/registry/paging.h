// SPDX-License-Identifier: Apache-2.0
//
// A page of a sorted list, as distribution-spec 1.1 has it: at most `n` names behind `last`, and
// whether more follow. Names stand in the order of letters, capitals beside small ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::control {

struct Page {
  std::vector<std::string> names;
  bool has_more = false;
};

inline bool BeforeInLetters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(),
                                          [&](char x, char y) { return lower(x) == lower(y); });
  if (at_a != a.end() && at_b != b.end()) return lower(*at_a) < lower(*at_b);
  if (at_a != a.end() || at_b != b.end()) return at_a == a.end();
  return a < b;
}

// `n` without a value: all of them.
inline Page PageOf(std::vector<std::string> names, std::optional<std::size_t> n,
                   const std::string& last) {
  std::ranges::sort(names, BeforeInLetters);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (!last.empty()) {
    names.erase(names.begin(), std::ranges::upper_bound(names, last, BeforeInLetters));
  }
  Page page{.names = std::move(names)};
  if (n && *n < page.names.size()) {
    page.names.resize(*n);
    page.has_more = *n != 0;
  }
  return page;
}

}  // namespace slipway::control
