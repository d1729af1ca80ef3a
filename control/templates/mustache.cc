// SPDX-License-Identifier: Apache-2.0
#include "control/templates/mustache.h"

#include <algorithm>
#include <utility>

#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kNestingMax = 16;
constexpr std::size_t kTagsMax = 8192;
constexpr std::size_t kNameMax = 80;
constexpr std::string_view kBlank = " \t\r\n";

bool IsBlank(std::string_view text) { return text.find_first_not_of(kBlank) == text.npos; }

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

void AppendEscaped(std::string_view value, Escape escape, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (escape == Escape::kXml && std::string_view("&<>\"'").find(c) != std::string_view::npos) {
      out += Text("&#", static_cast<unsigned>(byte), ';');
    } else if (escape == Escape::kJson && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (escape == Escape::kJson && byte < 0x20) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

}  // namespace

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && name.size() <= kNameMax && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') ||
                  std::string_view("-_./").find(c) != std::string_view::npos;
         });
}

// First tokens, of which each belongs to one line; then, without the blanks around tags that stand
// alone on theirs, the pieces.
class MustacheReader {
 public:
  explicit MustacheReader(std::string_view text) : text_(text) {}

  absl::StatusOr<Mustache> Run() {
    if (text_.size() > kTemplateBytesMax) {
      return absl::InvalidArgumentError(
          Text("text: longer than ", kTemplateBytesMax, " bytes; split it into several templates"));
    }
    while (at_ < text_.size()) {
      const std::size_t tag = text_.find(open_, at_);
      TakeText(std::min(tag, text_.size()));
      if (tag == text_.npos) break;
      if (absl::Status status = TakeTag(); !status.ok()) return status;
    }
    DropLonelyLines();
    return Assemble();
  }

 private:
  // What becomes no piece: the end of a section, a remark, delimiters.
  enum class Mark : std::uint8_t { kText, kValue, kRawValue, kSection, kInverted, kEnd, kNothing };
  struct Token {
    Mark mark = Mark::kText;
    std::string_view text;
    std::size_t line = 0;
  };

  absl::Status Wrong(std::size_t line, std::string_view what) const {
    return absl::InvalidArgumentError(Text("text: line ", line, ": ", what));
  }

  // Up to `end`, line by line.
  void TakeText(std::size_t end) {
    while (at_ < end) {
      const std::size_t newline = text_.find('\n', at_);
      const std::size_t stop = newline < end ? newline + 1 : end;
      tokens_.push_back({Mark::kText, text_.substr(at_, stop - at_), line_});
      if (newline < end) ++line_;
      at_ = stop;
    }
  }

  absl::Status TakeTag() {
    const std::size_t line = line_;
    std::string_view inner = text_.substr(at_ + open_.size());
    const bool triple = open_ == "{{" && inner.starts_with('{');
    const std::string close = triple ? "}}}" : close_;
    const std::size_t size = inner.find(close);
    if (size == inner.npos) {
      return Wrong(line, Text("'", open_, "' is not closed; write '", close, "' after it, or {{=<%",
                              " %>=}} before it where the document has such brackets of its own"));
    }
    inner = inner.substr(0, size);
    const std::string_view whole = text_.substr(at_, open_.size() + size + close.size());
    at_ += whole.size();
    line_ += static_cast<std::size_t>(std::ranges::count(whole, '\n'));
    if (++tags_ > kTagsMax) return Wrong(line, Text("more than ", kTagsMax, " tags; write fewer"));
    if (triple) return TakeName(Mark::kRawValue, inner.substr(1), line);
    const std::string_view trimmed = Trimmed(inner);
    const char sign = trimmed.empty() ? ' ' : trimmed.front();
    switch (sign) {
      case '!':
        tokens_.push_back({Mark::kNothing, {}, line});
        return absl::OkStatus();
      case '=':
        return TakeDelimiters(trimmed, line);
      case '#':
        return TakeName(Mark::kSection, trimmed.substr(1), line);
      case '^':
        return TakeName(Mark::kInverted, trimmed.substr(1), line);
      case '/':
        return TakeName(Mark::kEnd, trimmed.substr(1), line);
      case '&':
        return TakeName(Mark::kRawValue, trimmed.substr(1), line);
      case '>':
        return Wrong(line, "there are no partials; write the text in its place");
      default:
        return TakeName(Mark::kValue, trimmed, line);
    }
  }

  absl::Status TakeName(Mark mark, std::string_view name, std::size_t line) {
    name = Trimmed(name);
    if (!IsVariableName(name)) {
      return Wrong(line, Text("\"", name.substr(0, kNameMax), "\" is no variable's name: letters, ",
                              "digits, '-', '_', '.', '/', at most 80, a letter first; where the ",
                              "document has such brackets of its own, write {{=<% %>=}} first"));
    }
    tokens_.push_back({mark, name, line});
    return absl::OkStatus();
  }

  absl::Status TakeDelimiters(std::string_view inner, std::size_t line) {
    const bool closed = inner.size() > 2 && inner.ends_with('=');
    const std::string_view both = closed ? Trimmed(inner.substr(1, inner.size() - 2)) : "";
    const std::size_t blank = both.find_first_of(kBlank);
    const std::string_view second = blank == both.npos ? "" : Trimmed(both.substr(blank));
    if (second.empty() || second.find_first_of(" \t\r\n=") != second.npos ||
        both.substr(0, blank).find('=') != both.npos) {
      return Wrong(line, "delimiters are written {{=<% %>=}}: two, without '=' in them");
    }
    open_ = both.substr(0, blank);
    close_ = second;
    tokens_.push_back({Mark::kNothing, {}, line});
    return absl::OkStatus();
  }

  void DropLonelyLines() {
    for (std::size_t from = 0; from < tokens_.size();) {
      bool lonely = false;  // a tag that leaves nothing
      bool bare = true;
      std::size_t end = from;
      while (end < tokens_.size()) {
        const Token& token = tokens_[end++];
        if (token.mark == Mark::kText) {
          bare = bare && IsBlank(token.text);
          if (token.text.ends_with('\n')) break;
        } else {
          const bool value = token.mark == Mark::kValue || token.mark == Mark::kRawValue;
          bare = bare && !value;
          lonely = lonely || !value;
        }
      }
      for (; from < end; ++from) {
        if (lonely && bare && tokens_[from].mark == Mark::kText) tokens_[from].text = {};
      }
    }
  }

  absl::StatusOr<Mustache> Assemble() {
    Mustache mustache;
    mustache.size_ = text_.size();
    std::vector<std::size_t> sections;
    for (const Token& token : tokens_) {
      if (token.mark == Mark::kNothing) continue;
      if (token.mark == Mark::kText) {
        AppendText(token, mustache);
        continue;
      }
      if (token.mark == Mark::kEnd) {
        if (sections.empty() || mustache.pieces_[sections.back()].text != token.text) {
          return Wrong(token.line,
                       Text("{{/", token.text, "}} closes ",
                            sections.empty() ? "nothing"
                                             : "{{#" + mustache.pieces_[sections.back()].text +
                                                   "}}, which was opened last"));
        }
        mustache.pieces_[sections.back()].end = mustache.pieces_.size();
        sections.pop_back();
        joinable_ = false;
        continue;
      }
      if (token.mark == Mark::kSection || token.mark == Mark::kInverted) {
        sections.push_back(mustache.pieces_.size());
        if (sections.size() > kNestingMax) {
          return Wrong(token.line, Text("more than ", kNestingMax, " sections in each other"));
        }
      }
      mustache.names_.emplace_back(token.text);
      mustache.pieces_.push_back({KindOf(token.mark), std::string(token.text), token.line, 0});
      joinable_ = false;
    }
    if (!sections.empty()) {
      const auto& open = mustache.pieces_[sections.back()];
      return Wrong(open.line,
                   Text("{{#", open.text, "}} is not closed; write {{/", open.text, "}} after it"));
    }
    std::ranges::sort(mustache.names_);
    // Not the ranges' own: clang 14 cannot read what that gives.
    mustache.names_.erase(std::unique(mustache.names_.begin(), mustache.names_.end()),
                          mustache.names_.end());
    return mustache;
  }

  void AppendText(const Token& token, Mustache& mustache) {
    if (token.text.empty()) return;
    if (joinable_) {
      mustache.pieces_.back().text += token.text;
    } else {
      mustache.pieces_.push_back({Mustache::Kind::kText, std::string(token.text), token.line, 0});
      joinable_ = true;
    }
  }

  static Mustache::Kind KindOf(Mark mark) {
    return mark == Mark::kSection    ? Mustache::Kind::kSection
           : mark == Mark::kInverted ? Mustache::Kind::kInverted
           : mark == Mark::kRawValue ? Mustache::Kind::kRawValue
                                     : Mustache::Kind::kValue;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t tags_ = 0;
  std::string open_ = "{{";
  std::string close_ = "}}";
  std::vector<Token> tokens_;
  bool joinable_ = false;  // the last piece is text, and nothing ends or begins behind it
};

absl::StatusOr<Mustache> Mustache::Parse(std::string_view text) {
  return MustacheReader(text).Run();
}

Mustache::Rendering Mustache::Render(const Lookup& lookup, Escape escape) const {
  Rendering rendering;
  rendering.text.reserve(size_);
  std::size_t i = 0;
  while (i < pieces_.size()) {
    const Piece& piece = pieces_[i++];
    if (piece.kind == Kind::kText) {
      rendering.text += piece.text;
    } else {
      const auto value = lookup(piece.text);
      if (piece.kind == Kind::kSection || piece.kind == Kind::kInverted) {
        const bool there = value && !value->empty();
        if (there == (piece.kind == Kind::kInverted)) i = piece.end;
      } else if (value) {
        AppendEscaped(*value, piece.kind == Kind::kRawValue ? Escape::kNone : escape,
                      rendering.text);
      } else if (rendering.missing.size() < kMissingMax &&
                 std::ranges::find(rendering.missing, piece.text, &Missing::name) ==
                     rendering.missing.end()) {
        rendering.missing.push_back({piece.text, piece.line});
      }
    }
    if (rendering.text.size() > kDocumentBytesMax) {
      rendering.too_long = true;
      break;
    }
  }
  return rendering;
}

}  // namespace slipway::control
