// SPDX-License-Identifier: Apache-2.0
//
// Mustache: the text of a template, read once and filled in for each machine. The syntax is that of
// mustache(5), as much of it as texts need:
//
//   {{name}}                    the variable, escaped as the document's form asks
//   {{{name}}} or {{&name}}     the same as it is
//   {{#name}}...{{/name}}       only where the variable is known and not empty
//   {{^name}}...{{/name}}       only where it is not
//   {{! a remark }}             nothing
//   {{=<% %>=}}                 from here on tags are written <%name%>
//
// A line that holds nothing but sections' tags, remarks or delimiters leaves no line behind.
//
// Stricter than mustache(5): a variable that is not known is an error, not an empty text. Left out:
// partials and lambdas (a document is one template), lists and "." (variables are texts).
//
// Bounds: what is read is at most kTemplateBytesMax long with sections kNestingMax deep, and pieces
// are passed once each, so time is linear in the text and what it becomes, kDocumentBytesMax at
// most. Nothing here recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace slipway::control {

inline constexpr std::size_t kTemplateBytesMax = 65'536;
inline constexpr std::size_t kDocumentBytesMax = 262'144;

// What becomes of a value's letters on their way into a document.
enum class Escape : std::uint8_t {
  kNone,
  kJson,  // inside a string's quotation marks
  kXml,   // inside an element or an attribute
};

class Mustache {
 public:
  // The error names the line and what would be right.
  static absl::StatusOr<Mustache> Parse(std::string_view text);

  // Variables that it reads or asks for, each once, in order.
  const std::vector<std::string>& names() const { return names_; }

  struct Missing {
    std::string name;
    std::size_t line = 0;  // of the template, from 1
  };
  struct Rendering {
    std::string text;              // of use only where good()
    std::vector<Missing> missing;  // each name once, kMissingMax at most
    bool too_long = false;         // longer than kDocumentBytesMax
    bool good() const { return missing.empty() && !too_long; }
  };
  static constexpr std::size_t kMissingMax = 8;
  // nullopt: not known.
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  Rendering Render(const Lookup& lookup, Escape escape) const;

 private:
  friend class MustacheReader;

  enum class Kind : std::uint8_t { kText, kValue, kRawValue, kSection, kInverted };
  struct Piece {
    Kind kind = Kind::kText;
    std::string text;      // as it is, or the variable's name
    std::size_t line = 0;  // from 1
    std::size_t end = 0;   // of a section: the piece after its last
  };
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;  // of the text that was read: about what it becomes
  std::vector<std::string> names_;
};

// Letters, digits, '-', '_', '.' and '/', at most 80, beginning with a letter.
bool IsVariableName(std::string_view name);

}  // namespace slipway::control
