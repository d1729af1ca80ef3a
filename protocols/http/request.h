// SPDX-License-Identifier: Apache-2.0
//
// Request: a request's header, parsed and judged (RFC 9112 sections 2 to 6, RFC 9110 section 5).
// Views point into the session's buffer and live until it moves on.
//
// Rules that are stricter than they need to be, each against request smuggling (RFC 9112 11.2):
// a line ends in CR LF, and a bare LF or CR is refused; a folded line is refused; so is a field
// that may stand once and stands twice. There is no body this server wants: one with a
// Content-Length is read past up to a limit, and any Transfer-Encoding is refused and closed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/http/status.h"

namespace slipway::http {

inline constexpr std::size_t kHeaderMax = 8192;  // request line and fields
inline constexpr std::size_t kTargetMax = 2048;
inline constexpr std::size_t kRequestLineMax = kTargetMax + 64;
inline constexpr std::size_t kFieldsMax = 64;

// The fields that mean something here, in any case of letters.
enum class FieldName : std::uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kExpect,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kRange,
  kTransferEncoding,
};
inline constexpr std::size_t kFieldNames =
    1 + static_cast<std::size_t>(FieldName::kTransferEncoding);

// Without initialisers: there is room for many, and few requests have five.
struct Field {
  FieldName name;
  std::uint16_t value_size;  // kHeaderMax at most
  const char* value_text;

  // Without the white space around it.
  std::string_view value() const { return {value_text, value_size}; }
};

// The fields of one request, in order.
class FieldList {
 public:
  // False when there are kFieldsMax of them.
  bool Add(const Field& field) {
    if (count_ == kFieldsMax) return false;
    room_[count_++] = field;
    std::uint8_t& first = first_[static_cast<std::size_t>(field.name)];
    if (first == 0) first = count_;
    return true;
  }
  std::span<const Field> all() const { return {room_.data(), count_}; }
  // The first of that name; null when there is none.
  const Field* Find(FieldName name) const {
    const std::uint8_t first = first_[static_cast<std::size_t>(name)];
    return first == 0 ? nullptr : &room_[first - 1U];
  }

 private:
  std::array<Field, kFieldsMax> room_;
  std::array<std::uint8_t, kFieldNames> first_{};  // counted from 1; 0: none of that name
  std::uint8_t count_ = 0;
};

struct Request {
  Method method = Method::kUnknown;
  std::string_view target;  // as sent
  bool version_1_0 = false;
  // What keeps it from being served; nullopt when nothing does.
  std::optional<Status> refusal;
  Drop drop = Drop::kNone;           // goes with `refusal`
  bool close = false;                // the connection ends after the response
  bool announce_keep_alive = false;  // an HTTP/1.0 client asked to stay
  std::uint64_t content_length = 0;

  // The value of the first field of that name; nullopt when there is none.
  std::optional<std::string_view> Find(FieldName name) const {
    const Field* field = fields.Find(name);
    return field == nullptr ? std::nullopt : std::optional(field->value());
  }

  FieldList fields;
};

// `header`: the request line and the fields, each with its CR LF, without the empty line.
Request ParseRequest(std::string_view header, std::uint64_t body_max);

// A request that is refused before it was complete.
Request Refused(Status status, Drop drop);

bool EqualIgnoringCase(std::string_view a, std::string_view b);
std::string_view TrimWhitespace(std::string_view text);
// True if the comma separated `list` holds `token`, in any case (RFC 9110 5.6.1).
bool ListHolds(std::string_view list, std::string_view token);
// All digits, saturating at the largest number; nullopt for anything else (RFC 9110 8.6).
std::optional<std::uint64_t> ParseDigits(std::string_view text);

}  // namespace slipway::http
