// SPDX-License-Identifier: Apache-2.0
#include "control/registry/remote_name.h"

#include <algorithm>
#include <charconv>

#include "control/image_store/oci.h"
#include "control/registry/path.h"
#include "control/text.h"

namespace slipway::control {
namespace {

bool IsHost(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
  });
}

// "host" or "host:port".
bool ParseAuthority(std::string_view text, std::string& host, int& port) {
  const std::size_t colon = text.find(':');
  if (!IsHost(text.substr(0, colon))) return false;
  host = std::string(text.substr(0, colon));
  if (colon == text.npos) return true;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && stop == end && port > 0 && port < 65536;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

void SkipBlanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// A token, or a quoted string with its escapes resolved.
std::string TakeValue(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find_first_of(", \t"), text.size());
    value = std::string(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

}  // namespace

std::string RemoteName::Reference() const {
  return digest.empty() ? tag : Text(kDigestPrefix, digest);
}

std::string RemoteName::ToString() const {
  return Text(host, ':', port, '/', repository, digest.empty() ? ":" : "@", Reference());
}

std::optional<RemoteName> RemoteName::Parse(std::string_view text) {
  RemoteName name;
  const std::size_t slash = text.find('/');
  if (slash == text.npos || !ParseAuthority(text.substr(0, slash), name.host, name.port)) {
    return std::nullopt;
  }
  text.remove_prefix(slash + 1);
  if (const std::size_t at = text.find('@'); at != text.npos) {
    name.digest = HexOf(text.substr(at + 1));
    if (name.digest.empty()) return std::nullopt;
    text = text.substr(0, at);
  }
  if (const std::size_t colon = text.find(':'); colon != text.npos) {
    name.tag = std::string(text.substr(colon + 1));
    if (!IsTag(name.tag)) return std::nullopt;
    text = text.substr(0, colon);
  }
  name.repository = std::string(text);
  if (!IsRepositoryName(name.repository)) return std::nullopt;
  if (name.tag.empty()) name.tag = "latest";
  return name;
}

std::optional<Challenge> ParseChallenge(std::string_view header) {
  SkipBlanks(header);
  const std::size_t blank = std::min(header.find(' '), header.size());
  Challenge challenge{.scheme = Lower(header.substr(0, blank))};
  if (challenge.scheme.empty()) return std::nullopt;
  header.remove_prefix(blank);
  while (true) {
    SkipBlanks(header);
    if (header.empty()) return challenge;
    const std::size_t equals = header.find('=');
    // Without "=" before the next blank another challenge begins.
    if (equals == header.npos || header.substr(0, equals).find(' ') != header.npos) {
      return challenge;
    }
    const std::string key = Lower(header.substr(0, equals));
    header.remove_prefix(equals + 1);
    challenge.parameters[key] = TakeValue(header);
    SkipBlanks(header);
    if (header.starts_with(',')) header.remove_prefix(1);
  }
}

std::optional<SecureUrl> ParseSecureUrl(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (Lower(url.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  SecureUrl parts;
  if (!ParseAuthority(url.substr(0, end), parts.host, parts.port)) return std::nullopt;
  parts.target = std::string(url.substr(end, url.find('#') - end));
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  return parts;
}

}  // namespace slipway::control
