// SPDX-License-Identifier: Apache-2.0
//
// Parsing a request's header: see the header. A request that is refused keeps what was parsed
// before the mistake, so that its record can say what was asked for.
#include "protocols/http/request.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace slipway::http {
namespace {

constexpr std::string_view kOtherMethods[] = {"POST",  "PUT",     "DELETE", "CONNECT",
                                              "TRACE", "OPTIONS", "PATCH"};

FieldName NameOf(std::string_view text) {
  using enum FieldName;
  const auto is = [text](std::string_view name, FieldName field) {
    return EqualIgnoringCase(text, name) ? field : kOther;
  };
  switch (text.size()) {
    case 4:
      return is("Host", kHost);
    case 5:
      return is("Range", kRange);
    case 6:
      return is("Expect", kExpect);
    case 8:
      return std::max(is("If-Range", kIfRange), is("If-Match", kIfMatch));
    case 10:
      return is("Connection", kConnection);
    case 13:
      return is("If-None-Match", kIfNoneMatch);
    case 14:
      return is("Content-Length", kContentLength);
    case 17:
      return std::max(is("If-Modified-Since", kIfModifiedSince),
                      is("Transfer-Encoding", kTransferEncoding));
    case 19:
      return is("If-Unmodified-Since", kIfUnmodifiedSince);
    default:
      return kOther;
  }
}

// RFC 9110 allows each of these once. Host and Content-Length decide whom and how much we read.
constexpr bool StandsOnce(FieldName name) {
  using enum FieldName;
  return name == kHost || name == kContentLength || name == kRange || name == kIfRange ||
         name == kIfModifiedSince || name == kIfUnmodifiedSince;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Which of the 256 characters: a look for each byte of a header, instead of a search.
class CharacterSet {
 public:
  template <class Holds>
  constexpr explicit CharacterSet(Holds holds) {
    for (std::size_t c = 0; c < held_.size(); ++c) held_[c] = holds(static_cast<char>(c));
  }
  constexpr bool Holds(char c) const { return held_[static_cast<unsigned char>(c)]; }
  constexpr bool HoldsAll(std::string_view text) const {
    bool all = true;
    for (const char c : text) all &= Holds(c);
    return all;
  }

 private:
  std::array<bool, 256> held_{};
};

// RFC 9110 5.6.2.
constexpr CharacterSet kToken([](char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != kMarks.npos;
});

bool IsToken(std::string_view text) { return !text.empty() && kToken.HoldsAll(text); }

// RFC 9110 5.5: no control character but the tab.
constexpr CharacterSet kFieldValue([](char c) {
  const auto value = static_cast<unsigned char>(c);
  return c == '\t' || (value >= 0x20 && value != 0x7f);
});

// Eight characters at a time; one by one only those among which a control character may be.
bool IsFieldValue(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  const auto any_below = [](std::uint64_t word, std::uint64_t least) {  // of 1 to 128
    return (word - kEach * least) & ~word & (kEach << 7);
  };
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    const std::uint64_t suspect = any_below(word, 0x20) | any_below(word ^ kEach * 0x7f, 1);
    if (suspect != 0 && !kFieldValue.HoldsAll(text.substr(0, sizeof word))) return false;
    text.remove_prefix(sizeof word);
  }
  return kFieldValue.HoldsAll(text);
}

bool IsVisible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// RFC 9110 7.2: empty, or a host with or without a port. Which host does not matter here.
constexpr CharacterSet kHost([](char c) {
  constexpr std::string_view kOthers = "/\\@?#,\"<>";
  return c > 0x20 && c < 0x7f && kOthers.find(c) == kOthers.npos;
});

bool IsHost(std::string_view text) { return kHost.HoldsAll(text); }

void Refuse(Request& request, Status status, Drop drop) {
  if (request.refusal) return;
  request.refusal = status;
  request.drop = drop;
}

// An error after which nobody can say where the next request would begin.
void RefuseAndClose(Request& request, Status status, Drop drop) {
  Refuse(request, status, drop);
  request.close = true;
}

// "HTTP/1.1" (RFC 9112 2.3). Minor versions we do not know are treated as 1.1.
void ParseVersion(std::string_view text, Request& request) {
  constexpr std::string_view kName = "HTTP/";
  if (text.size() != 8 || !text.starts_with(kName) || text[6] != '.' || !IsDigit(text[5]) ||
      !IsDigit(text[7])) {
    return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  }
  if (text[5] != '1') {
    return RefuseAndClose(request, Status::kVersionNotSupported, Drop::kHttpUnsupported);
  }
  request.version_1_0 = text[7] == '0';
}

void ParseRequestLine(std::string_view line, Request& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last || !IsToken(line.substr(0, first))) {
    return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  }
  const std::string_view method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  if (request.target.size() > kTargetMax) {
    return RefuseAndClose(request, Status::kUriTooLong, Drop::kHttpTooLong);
  }
  if (request.target.empty() || !IsVisible(request.target)) {
    return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  }
  if (method == "GET") {
    request.method = Method::kGet;
  } else if (method == "HEAD") {
    request.method = Method::kHead;
  } else if (std::ranges::find(kOtherMethods, method) != std::end(kOtherMethods)) {
    request.method = Method::kOther;
  }
  ParseVersion(line.substr(last + 1), request);
}

void ParseFieldLine(std::string_view line, Request& request) {
  const std::size_t colon = line.find(':');
  // White space before the name is a folded line, before the colon a smuggler's (RFC 9112 5.1).
  if (colon == line.npos || !IsToken(line.substr(0, colon)) ||
      !IsFieldValue(line.substr(colon + 1))) {
    return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  }
  const std::string_view value = TrimWhitespace(line.substr(colon + 1));
  const Field field{.name = NameOf(line.substr(0, colon)),
                    .value_size = static_cast<std::uint16_t>(value.size()),
                    .value_text = value.data()};
  if (StandsOnce(field.name) && request.Find(field.name)) {
    return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  }
  if (!request.fields.Add(field)) {
    RefuseAndClose(request, Status::kHeaderFieldsTooLarge, Drop::kHttpTooLong);
  }
}

// RFC 9112 section 6: how long the body is. None is wanted, so no coding is decoded.
void JudgeBody(Request& request, std::uint64_t body_max) {
  const auto length = request.Find(FieldName::kContentLength);
  if (request.Find(FieldName::kTransferEncoding)) {
    // Both, or a coding in HTTP/1.0, is how requests are smuggled past each other.
    if (length || request.version_1_0) {
      return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
    }
    return RefuseAndClose(request, Status::kNotImplemented, Drop::kHttpUnsupported);
  }
  if (!length) return;
  const auto size = ParseDigits(*length);
  if (!size) return RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
  request.content_length = *size;
  if (*size > body_max) RefuseAndClose(request, Status::kContentTooLarge, Drop::kHttpTooLong);
}

void JudgeConnection(Request& request) {
  bool close = false;
  bool keep_alive = false;
  for (const Field& field : request.fields.all()) {
    if (field.name != FieldName::kConnection) continue;
    close = close || ListHolds(field.value(), "close");
    keep_alive = keep_alive || ListHolds(field.value(), "keep-alive");
  }
  // RFC 9112 9.3.
  if (close || (request.version_1_0 && !keep_alive)) request.close = true;
  request.announce_keep_alive = request.version_1_0 && !request.close;
}

// RFC 9110 10.1.1. To say 100 costs a round trip and invites a body; nobody who boots sends it.
void JudgeExpectation(Request& request) {
  const auto expectation = request.Find(FieldName::kExpect);
  if (!expectation || request.version_1_0) return;
  const bool waits = request.content_length != 0;
  if (EqualIgnoringCase(*expectation, "100-continue") && !waits) return;
  Refuse(request, Status::kExpectationFailed, Drop::kHttpUnsupported);
  // Whether the body follows now is the client's choice, so the framing is lost.
  if (waits) request.close = true;
}

void JudgeMethod(Request& request) {
  if (request.method == Method::kOther) {
    Refuse(request, Status::kMethodNotAllowed, Drop::kHttpUnsupported);
  }
  if (request.method == Method::kUnknown) {
    Refuse(request, Status::kNotImplemented, Drop::kHttpUnsupported);
  }
}

}  // namespace

Request ParseRequest(std::string_view header, std::uint64_t body_max) {
  Request request;
  bool first = true;
  while (!header.empty()) {
    const std::size_t end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(end == header.npos ? header.size() : end + 2);
    if (first) {
      ParseRequestLine(line, request);
    } else {
      ParseFieldLine(line, request);
    }
    if (request.refusal) return request;
    first = false;
  }
  const auto host = request.Find(FieldName::kHost);
  if (host ? !IsHost(*host) : !request.version_1_0) {
    RefuseAndClose(request, Status::kBadRequest, Drop::kHttpMalformed);
    return request;
  }
  JudgeBody(request, body_max);
  JudgeConnection(request);
  JudgeExpectation(request);
  JudgeMethod(request);
  return request;
}

Request Refused(Status status, Drop drop) {
  Request request;
  RefuseAndClose(request, status, drop);
  return request;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view TrimWhitespace(std::string_view text) {
  const auto is_white = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

bool ListHolds(std::string_view list, std::string_view token) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (EqualIgnoringCase(TrimWhitespace(list.substr(0, comma)), token)) return true;
    if (comma == list.npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<std::uint64_t> ParseDigits(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, IsDigit)) return {};
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMost - digit) / 10) return kMost;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace slipway::http
