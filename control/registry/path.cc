// SPDX-License-Identifier: Apache-2.0
#include "control/registry/path.h"

#include <algorithm>
#include <utility>

namespace slipway::control {
namespace {

constexpr std::string_view kPrefix = "/v2/";
constexpr std::size_t kNameMax = 200;
constexpr std::size_t kTagMax = 128;

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Takes the last part, with its slash, off the path.
std::string_view TakeLast(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return std::exchange(path, {});
  const std::string_view last = path.substr(slash + 1);
  path = path.substr(0, slash);
  return last;
}

bool IsComponent(std::string_view part) {
  if (part.empty() || !IsLowerOrDigit(part.front()) || !IsLowerOrDigit(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (IsLowerOrDigit(part[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(part.find_first_not_of(part[i], i), part.size());
    const std::size_t run = end - i;
    const bool separates =
        (part[i] == '.' && run == 1) || (part[i] == '_' && run <= 2) || part[i] == '-';
    if (!separates || !IsLowerOrDigit(part[end])) return false;
    i = end;
  }
  return true;
}

}  // namespace

RegistryPath ParseRegistryPath(std::string_view path) {
  using enum RegistryResource;
  if (path == "/v2" || path == kPrefix) return {.resource = kRoot};
  if (!path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  if (path == "_catalog") return {.resource = kCatalog};
  const std::string_view last = TakeLast(path);
  const std::string_view before = TakeLast(path);
  const auto found = [&](RegistryResource resource) {
    return RegistryPath{resource, std::string(path), std::string(last)};
  };
  if (before == "manifests") return found(kManifest);
  if (before == "referrers") return found(kReferrers);
  if (before == "tags" && last == "list") return found(kTags);
  if (before == "blobs") return found(last == "uploads" ? kUploads : kBlob);
  if (before != "uploads" || TakeLast(path) != "blobs") return {};
  return found(last.empty() ? kUploads : kUpload);
}

bool IsRepositoryName(std::string_view name) {
  if (name.empty() || name.size() > kNameMax || name.ends_with('/')) return false;
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    if (!IsComponent(name.substr(0, slash))) return false;
    name.remove_prefix(slash == name.npos ? name.size() : slash + 1);
  }
  return true;
}

bool IsTag(std::string_view tag) {
  const auto is_word = [](char c) {
    return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !tag.empty() && tag.size() <= kTagMax && is_word(tag.front()) &&
         std::ranges::all_of(tag, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

}  // namespace slipway::control
