// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/web_text.h"

#include <algorithm>
#include <charconv>

namespace slipway::storm {
namespace {

template <class Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool SameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Url> Url::Parse(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    url.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  url.path = slash == text.size() ? "/" : std::string(text.substr(slash));
  std::uint16_t port = url.tls ? 443 : 80;
  if (const std::size_t colon = authority.rfind(':'); colon != std::string_view::npos) {
    if (!ReadNumber(authority.substr(colon + 1), port)) return std::nullopt;
    authority = authority.substr(0, colon);
  }
  if (authority.empty() || port == 0) return std::nullopt;
  url.port = Port(port);
  url.host = std::string(authority);
  url.address = Ipv4Address::Parse(authority);
  return url;
}

Url Url::Beside(std::string_view other) const {
  Url url = *this;
  url.path = other.starts_with('/') ? "" : path.substr(0, path.rfind('/') + 1);
  url.path += other;
  return url;
}

void WriteRequest(const Personality& personality, const Url& url, bool head, const Range& range,
                  std::string& text) {
  text = head ? "HEAD " : "GET ";
  text += url.path;
  text += " HTTP/1.1\r\n";
  if (personality.firmware == Firmware::kIpxe) text += "Connection: keep-alive\r\n";
  text += "Host: ";
  text += url.host;
  text += "\r\nAccept: */*\r\nUser-Agent: ";
  text += personality.user_agent;
  text += "\r\n";
  if (range.size > 0) {
    text += "Range: bytes=" + std::to_string(range.first) + "-" +
            std::to_string(range.first + range.size - 1) + "\r\n";
  }
  text += "\r\n";
}

void ResponseHead::Clear() {
  text_.clear();
  tag_.clear();
  given_length_.reset();
  status_ = 0;
  length_ = first_ = total_ = 0;
  closes_ = false;
}

ResponseHead::Progress ResponseHead::Receive(Bytes& text) {
  // The end may lie across two pieces: look from three characters before the new ones.
  const std::size_t before = text_.size();
  const std::size_t take = std::min(text.size(), kSizeMax - before);
  text_ += AsText(text.first(take));
  const std::size_t end = text_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    text = text.subspan(take);
    return text_.size() == kSizeMax ? Progress::kMalformed : Progress::kMore;
  }
  text = text.subspan(end + 4 - before);
  text_.resize(end + 2);
  return Read() ? Progress::kDone : Progress::kMalformed;
}

bool ResponseHead::Read() {
  std::string_view rest = text_;
  bool first_line = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (first_line) {
      first_line = false;
      if (line.size() < 12 || !line.starts_with("HTTP/1.1 ")) return false;
      if (!ReadNumber(line.substr(9, 3), status_)) return false;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    if (!Field(line.substr(0, colon), Trimmed(line.substr(colon + 1)))) return false;
  }
  if (!given_length_) return false;
  length_ = *given_length_;
  if (status_ != 206) total_ = length_;
  return true;
}

bool ResponseHead::Field(std::string_view name, std::string_view value) {
  if (SameWord(name, "Content-Length")) {
    std::uint64_t length = 0;
    if (!ReadNumber(value, length)) return false;
    given_length_ = length;
  } else if (SameWord(name, "ETag")) {
    if (value.size() >= 2 && value.front() == '"') tag_ = value.substr(1, value.size() - 2);
  } else if (SameWord(name, "Content-Range")) {  // bytes 0-99/1000
    const std::size_t dash = value.find('-');
    const std::size_t slash = value.find('/');
    if (!value.starts_with("bytes ") || dash == std::string_view::npos ||
        slash == std::string_view::npos) {
      return false;
    }
    return ReadNumber(value.substr(6, dash - 6), first_) &&
           ReadNumber(value.substr(slash + 1), total_);
  } else if (SameWord(name, "Connection")) {
    closes_ = SameWord(value, "close");
  } else if (SameWord(name, "Transfer-Encoding")) {
    return false;
  }
  return true;
}

}  // namespace slipway::storm
