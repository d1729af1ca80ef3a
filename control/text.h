// SPDX-License-Identifier: Apache-2.0
//
// Text(...) glues strings, views and integers. Debian's abseil has its own string_view, which the
// standard one does not convert to, so StrCat refuses half of what the product holds.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::control {

inline void AppendText(std::string& out, std::string_view part) { out.append(part); }
inline void AppendText(std::string& out, char part) { out.push_back(part); }
inline void AppendText(std::string& out, std::integral auto part) { out += std::to_string(part); }

template <class... Parts>
std::string Text(const Parts&... parts) {
  std::string out;
  (AppendText(out, parts), ...);
  return out;
}

inline std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += between;  // not "if out is not empty": the first part may be
    out += parts[i];
  }
  return out;
}

}  // namespace slipway::control
