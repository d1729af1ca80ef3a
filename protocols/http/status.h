// SPDX-License-Identifier: Apache-2.0
//
// Method and Status: the few this server speaks (RFC 9110 sections 9.3 and 15). Every status but
// 200, 206 and 304 carries a sentence that becomes its short text body, for whoever reads the
// firmware's console. There is no redirection: firmware takes everything from 300 on for an error.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::http {

enum class Method : std::uint8_t {
  kGet,
  kHead,
  kOther,    // registered, refused with 405
  kUnknown,  // not a method this server has heard of, refused with 501
};

enum class Status : std::uint16_t {
  kOk = 200,
  kPartialContent = 206,
  kNotModified = 304,
  kBadRequest = 400,
  kNotFound = 404,
  kMethodNotAllowed = 405,
  kRequestTimeout = 408,
  kPreconditionFailed = 412,
  kContentTooLarge = 413,
  kUriTooLong = 414,
  kRangeNotSatisfiable = 416,
  kExpectationFailed = 417,
  kHeaderFieldsTooLarge = 431,
  kNotImplemented = 501,
  kServiceUnavailable = 503,
  kVersionNotSupported = 505,
};

inline constexpr Status kStatuses[] = {
    Status::kOk,
    Status::kPartialContent,
    Status::kNotModified,
    Status::kBadRequest,
    Status::kNotFound,
    Status::kMethodNotAllowed,
    Status::kRequestTimeout,
    Status::kPreconditionFailed,
    Status::kContentTooLarge,
    Status::kUriTooLong,
    Status::kRangeNotSatisfiable,
    Status::kExpectationFailed,
    Status::kHeaderFieldsTooLarge,
    Status::kNotImplemented,
    Status::kServiceUnavailable,
    Status::kVersionNotSupported,
};

constexpr unsigned Code(Status status) { return static_cast<unsigned>(status); }

struct StatusText {
  std::string_view reason;    // as in the status line
  std::string_view sentence;  // the body; empty where there is none or it is an image
};
StatusText Describe(Status status);

std::string_view Name(Method method);

}  // namespace slipway::http
