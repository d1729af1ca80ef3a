// SPDX-License-Identifier: Apache-2.0
//
// What every resource answers with: JSON, pages of lists, problem documents (RFC 9457), entity
// tags.
#include <algorithm>
#include <charconv>

#include "control/log.h"
#include "control/parse_json.h"
#include "control/rest/bodies.h"
#include "control/rest/registry_exchange.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

struct StatusWord {
  absl::StatusCode code;
  int status;
};
// Every other code is our own fault.
constexpr StatusWord kStatuses[] = {
    {absl::StatusCode::kNotFound, 404},        {absl::StatusCode::kInvalidArgument, 400},
    {absl::StatusCode::kOutOfRange, 400},      {absl::StatusCode::kDataLoss, 400},
    {absl::StatusCode::kAlreadyExists, 409},   {absl::StatusCode::kFailedPrecondition, 409},
    {absl::StatusCode::kUnauthenticated, 401}, {absl::StatusCode::kPermissionDenied, 403},
    {absl::StatusCode::kAborted, 409},         {absl::StatusCode::kResourceExhausted, 507},
    {absl::StatusCode::kUnavailable, 503}};

// The last one stands for every status that is not here.
constexpr ProblemKind kProblems[] = {
    {400, "bad-request", "Bad Request", "The request itself is wrong; the detail says where."},
    {401, "unauthorized", "Unauthorized", "Send a valid token, or come with a known certificate."},
    {403, "forbidden", "Forbidden", "Use a token whose role is enough."},
    {404, "not-found", "Not Found", "List what there is, and name one of that."},
    {409, "conflict", "Conflict", "Something stands in the way; the detail says what to do first."},
    {411, "length-required", "Length Required", "Send Content-Length, and the body in one piece."},
    {412, "precondition-failed", "Precondition Failed",
     "Somebody else changed it meanwhile: read it again, then change what it is now."},
    {413, "too-large", "Content Too Large", "Send less, or raise images.upload_max."},
    {414, "path-too-long", "URI Too Long",
     "No path here is as long; look for what put it together."},
    {415, "unsupported-media-type", "Unsupported Media Type",
     "Send the bytes as they are: no Content-Encoding, no form."},
    {429, "too-many-attempts", "Too Many Requests",
     "Wait as long as Retry-After says; the detail says what there was too much of, wrong tokens "
     "or requests, and of whom."},
    {503, "unavailable", "Service Unavailable", "Try again; the detail says what was missing."},
    {507, "insufficient-storage", "Insufficient Storage", "Make room where the detail says."},
    {500, "internal", "Internal Server Error", "Look into slipwayd's log, and tell its makers."}};

int HttpStatusOf(absl::StatusCode code) {
  for (const StatusWord& word : kStatuses) {
    if (word.code == code) return word.status;
  }
  return 500;
}

const ProblemKind& KindOf(int status) {
  const auto* kind = std::ranges::find(kProblems, status, &ProblemKind::status);
  if (kind != std::end(kProblems)) return *kind;
  // A client's mistake that has no kind of its own is still not ours.
  return status < 500 ? kProblems[0] : *std::prev(std::end(kProblems));
}

// Bytes that are no UTF-8 come from uploads' names; they are replaced rather than refused.
std::string TextOf(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~';
    if (plain) {
      escaped += letter;
    } else {
      escaped += '%';
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 15];
    }
  }
  return escaped;
}

std::string KeyOf(const nlohmann::json& item, std::string_view key) {
  const auto found = item.find(std::string(key));
  if (found == item.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// The place after the item that a cursor names; its own position where that item has gone.
std::size_t PlaceAfter(const Listing& list, std::string_view cursor) {
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), position);
  if (error != std::errc() || end == cursor.data() + cursor.size() || *end != '~') return 0;
  const std::string wanted(cursor.substr(static_cast<std::size_t>(end - cursor.data()) + 1));
  if (position > 0 && position <= list.size && list.key(position - 1) == wanted) return position;
  for (std::size_t i = 0; i < list.size; ++i) {
    if (list.key(i) == wanted) return i + 1;
  }
  // What stood there was removed, and all behind it moved up by one.
  return std::min(position == 0 ? 0 : position - 1, list.size);
}

// The registry's error code for a status that any path may have.
std::string_view RegistryCodeOf(int status) {
  if (status == 401) return "UNAUTHORIZED";
  if (status == 403) return "DENIED";
  return status == 429 ? "TOOMANYREQUESTS" : "UNSUPPORTED";
}

// Whether a list of tags has the one of what is there; nothing has none, not even by "*".
bool Names(const std::string& list, const nlohmann::json& now) {
  return !now.is_null() && (list == "*" || list.find(EntityTag(now)) != std::string::npos);
}

}  // namespace

std::span<const ProblemKind> ProblemKinds() { return kProblems; }

void Reply(httplib::Response& response, const nlohmann::json& body, int status) {
  response.status = status;
  response.set_content(TextOf(body) + "\n", std::string(kJsonType));
}

void ReplyTagged(const httplib::Request& request, httplib::Response& response,
                 const nlohmann::json& body) {
  std::string text = TextOf(body) + "\n";
  const std::string tag = Text('"', HashOf(text).substr(0, 16), '"');
  response.set_header("ETag", tag);
  if (request.get_header_value("If-None-Match").find(tag) != std::string::npos) {
    response.status = 304;
    return;
  }
  response.set_content(text, std::string(kJsonType));
}

void ReplyProblem(httplib::Response& response, int status, std::string_view detail) {
  const ProblemKind& kind = KindOf(status);
  const nlohmann::json problem = {{"type", Text("/problems/", kind.kind)},
                                  {"title", kind.title},
                                  {"status", status},
                                  {"detail", detail}};
  response.status = status;
  response.set_content(TextOf(problem) + "\n", "application/problem+json");
}

void ReplyProblem(httplib::Response& response, const absl::Status& status) {
  const auto message = status.message();
  ReplyProblem(response, HttpStatusOf(status.code()), {message.data(), message.size()});
}

void ReplyFault(const httplib::Request& request, httplib::Response& response, int status,
                std::string_view detail) {
  if (!IsOfTheRegistry(request.path)) return ReplyProblem(response, status, detail);
  ReplyRegistryError(response, status, RegistryCodeOf(status), detail);
}

void ReplyException(const httplib::Request& request, httplib::Response& response,
                    const std::exception_ptr& thrown) {
  std::string what = "something that is no std::exception";
  bool is_of_json = false;
  try {
    std::rethrow_exception(thrown);
  } catch (const nlohmann::json::exception& exception) {
    what = exception.what();
    is_of_json = true;
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
  }
  // Handlers read a body's JSON whole before they look into it.
  if (is_of_json && HasBody(request)) {
    return ReplyFault(request, response, 400,
                      "a value in the body has another type than it should");
  }
  LogError(Text(request.method, ' ', Printable(request.path), ": ", what),
           {{"client", request.remote_addr}, {"method", request.method}, {"path", request.path}});
  ReplyFault(request, response, 500, "slipwayd failed at this; its log says what");
  if (HasBody(request)) EndConnection(response);
}

void ReplyPage(const httplib::Request& request, httplib::Response& response, const Listing& list) {
  std::size_t limit = kPageItems;
  if (request.has_param("limit")) {
    const std::string text = request.get_param_value("limit");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit == 0) {
      return ReplyProblem(response, 400, Text("limit=", text, ": write a number from 1 on"));
    }
  }
  limit = std::min(limit, kPageItemsMax);
  nlohmann::json page = nlohmann::json::array();
  bool is_last = true;
  std::string last;  // the cursor of the last item of the page
  for (std::size_t i = PlaceAfter(list, request.get_param_value("after")); i < list.size; ++i) {
    if (list.fits && !list.fits(i)) continue;
    is_last = page.size() < limit;
    if (!is_last) break;
    last = Text(i + 1, '~', list.key(i));
    page.push_back(list.item(i));
  }
  if (!is_last) {
    std::string next = Text(request.path, "?");
    for (const auto& [name, value] : request.params) {
      if (name != "after") next += Text(Escaped(name), '=', Escaped(value), '&');
    }
    next += Text("after=", Escaped(last));
    response.set_header("Link", Text('<', next, ">; rel=\"next\""));
  }
  ReplyTagged(request, response, page);
}

void ReplyPage(const httplib::Request& request, httplib::Response& response, nlohmann::json list,
               std::string_view key) {
  ReplyPage(request, response,
            {.size = list.size(),
             .key = [&](std::size_t i) { return KeyOf(list[i], key); },
             .item = [&](std::size_t i) { return std::move(list[i]); }});
}

std::optional<std::string> UnknownField(const nlohmann::json& body,
                                        std::initializer_list<std::string_view> known) {
  if (!body.is_object()) return std::nullopt;
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    return Text("the body's \"", name, "\" means nothing here; known are: ", Join(names, ", "));
  }
  return std::nullopt;
}

std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response) {
  auto body = ParseJson(request.body);
  if (body.is_object()) return body;
  if (IsNestedTooDeep(request.body)) {
    ReplyProblem(response, 400, Text("the body is nested deeper than ", kJsonDepthMax, " levels"));
    return std::nullopt;
  }
  ReplyProblem(response, 400,
               "the body is not a JSON object; send one with Content-Type application/json");
  return std::nullopt;
}

std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response,
                                     std::initializer_list<std::string_view> known) {
  auto body = BodyOf(request, response);
  if (!body) return body;
  if (const auto unknown = UnknownField(*body, known)) {
    ReplyProblem(response, 400, *unknown);
    return std::nullopt;
  }
  return body;
}

std::string EntityTag(const nlohmann::json& value) {
  return Text('"', HashOf(TextOf(value)).substr(0, 16), '"');
}

bool HoldsIfMatch(const httplib::Request& request, httplib::Response& response,
                  const Resource& resource) {
  if (!request.has_header("If-Match")) return true;
  if (Names(request.get_header_value("If-Match"), resource.now)) return true;
  ReplyProblem(response, 412,
               Text(resource.path,
                    resource.now.is_null()
                        ? std::string(": is not there any more")
                        : Text(": was changed meanwhile; its ETag is ", EntityTag(resource.now)),
                    "; read it again and decide anew"));
  return false;
}

bool HoldsIfNoneMatch(const httplib::Request& request, httplib::Response& response,
                      const Resource& resource) {
  if (!request.has_header("If-None-Match")) return true;
  if (!Names(request.get_header_value("If-None-Match"), resource.now)) return true;
  ReplyProblem(response, 412,
               Text(resource.path, ": is there already; leave out If-None-Match to replace it"));
  return false;
}

bool MayChange(const httplib::Request& request, httplib::Response& response,
               const nlohmann::json& current) {
  const Resource resource{request.path, current};
  return HoldsIfMatch(request, response, resource) && HoldsIfNoneMatch(request, response, resource);
}

}  // namespace slipway::control
