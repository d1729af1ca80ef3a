// SPDX-License-Identifier: Apache-2.0
#include "control/templates/template.h"

#include <algorithm>

#include "control/text.h"
#include "protocols/http/media_type.h"

namespace slipway::control {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kMediaTypeMax = 100;

absl::Status Wrong(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Text(member, ": ", what));
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// "type/subtype" without parameters: it becomes a line of an answer.
bool IsMediaType(std::string_view text) {
  const auto fits = [](char c) {
    return IsLetter(c) || (c >= 'A' && c <= 'Z') ||
           std::string_view("/.+-_").find(c) != std::string_view::npos;
  };
  return text.size() <= kMediaTypeMax && std::ranges::count(text, '/') == 1 &&
         !text.starts_with('/') && !text.ends_with('/') && std::ranges::all_of(text, fits);
}

// Most of these documents have names without an ending, and are texts.
std::string MediaTypeOf(std::string_view name) {
  if (name.ends_with(".ign")) return "application/json";
  if (name.ends_with(".xml")) return "application/xml";
  const std::string_view known = http::MediaTypeOf(name);
  return std::string(known == "application/json" ? known : "text/plain");
}

absl::Status Set(const std::string& member, const nlohmann::json& value, Template& one) {
  if (member == "name" && value == one.name) return absl::OkStatus();
  if (member != "text" && member != "media_type" && member != "selector") {
    return Wrong(member, "no such member; there are text, media_type and selector");
  }
  if (!value.is_string()) return Wrong(member, "not a text");
  const auto& text = value.get_ref<const std::string&>();
  if (member == "text") {
    const auto parsed = Mustache::Parse(text);
    if (!parsed.ok()) return parsed.status();
    one.text = text;
    return absl::OkStatus();
  }
  if (member == "media_type") {
    if (!IsMediaType(text)) return Wrong(member, "not like \"text/plain\", without parameters");
    one.media_type = text;
    return absl::OkStatus();
  }
  auto selector = Selector::Parse(text);
  if (!selector.ok()) return selector.status();
  if (const std::string* word = NeedsMessage(*selector)) {
    return Wrong(member, Text("'", *word, "' is known only when a machine speaks; documents are ",
                              "made before, by labels, group, name, serial, mac and uuid"));
  }
  one.selector = *std::move(selector);
  return absl::OkStatus();
}

}  // namespace

bool IsTemplateName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && IsLetter(name.front()) &&
         std::ranges::all_of(
             name, [](char c) { return IsLetter(c) || c == '.' || c == '_' || c == '-'; });
}

nlohmann::json ToJson(const Template& one) {
  return {{"name", one.name},
          {"text", one.text},
          {"media_type", one.media_type},
          {"selector", one.selector.ToString()}};
}

absl::Status Update(const nlohmann::json& changes, Template& one) {
  if (!IsTemplateName(one.name)) {
    return Wrong("name", Text('"', one.name, "\": write small letters, digits, '.', '_', '-', at ",
                              "most 64, a letter or digit first, such as user-data"));
  }
  if (!changes.is_object()) return Wrong(one.name, "a template is a JSON object");
  Template changed = one;
  for (const auto& [member, value] : changes.items()) {
    if (absl::Status status = Set(member, value, changed); !status.ok()) return status;
  }
  if (changed.media_type.empty()) changed.media_type = MediaTypeOf(changed.name);
  one = std::move(changed);
  return absl::OkStatus();
}

Escape EscapeOf(std::string_view media_type) {
  const auto is = [&](std::string_view form) {
    if (!media_type.ends_with(form)) return false;
    const std::string_view before = media_type.substr(0, media_type.size() - form.size());
    return before.ends_with('/') || before.ends_with('+');
  };
  return is("json") ? Escape::kJson : is("xml") ? Escape::kXml : Escape::kNone;
}

}  // namespace slipway::control
