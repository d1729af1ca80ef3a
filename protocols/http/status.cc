// SPDX-License-Identifier: Apache-2.0
//
// The texts of statuses and methods, as tables.
#include "protocols/http/status.h"

namespace slipway::http {
namespace {

struct Row {
  Status status;
  StatusText text;
};

constexpr Row kRows[] = {
    {Status::kOk, {"OK", ""}},
    {Status::kPartialContent, {"Partial Content", ""}},
    {Status::kNotModified, {"Not Modified", ""}},
    {Status::kBadRequest, {"Bad Request", "The request is malformed.\n"}},
    {Status::kNotFound, {"Not Found", "There is no such file here.\n"}},
    {Status::kMethodNotAllowed, {"Method Not Allowed", "Files are read with GET and HEAD.\n"}},
    {Status::kRequestTimeout, {"Request Timeout", "The request was not complete in time.\n"}},
    {Status::kPreconditionFailed,
     {"Precondition Failed", "The file is not the version that was asked for.\n"}},
    {Status::kContentTooLarge, {"Content Too Large", "Nothing can be uploaded here.\n"}},
    {Status::kUriTooLong, {"URI Too Long", "The path is too long.\n"}},
    {Status::kRangeNotSatisfiable,
     {"Range Not Satisfiable", "The file has no such range, or too many were asked for.\n"}},
    {Status::kExpectationFailed, {"Expectation Failed", "The expectation cannot be met.\n"}},
    {Status::kHeaderFieldsTooLarge,
     {"Request Header Fields Too Large", "The request's header is too long.\n"}},
    {Status::kNotImplemented, {"Not Implemented", "This is not implemented here.\n"}},
    {Status::kServiceUnavailable,
     {"Service Unavailable", "The file is being loaded. Ask again soon.\n"}},
    {Status::kVersionNotSupported,
     {"HTTP Version Not Supported", "HTTP/1.1 and HTTP/1.0 are spoken here.\n"}},
};

}  // namespace

StatusText Describe(Status status) {
  for (const Row& row : kRows) {
    if (row.status == status) return row.text;
  }
  return {"Unknown", ""};
}

std::string_view Name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kOther:
    case Method::kUnknown:
      return "?";
  }
  return "?";
}

}  // namespace slipway::http
