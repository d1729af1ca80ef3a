// SPDX-License-Identifier: Apache-2.0
//
// OCI's distribution-spec 1.1 below /v2/: the way from method and path to what the registry does,
// manifests, and lists. Blobs and uploads are in registry_uploads.cc.
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/image_store/oci.h"
#include "control/registry/paging.h"
#include "control/rest/registry_exchange.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::uint64_t kDrainedMax = std::uint64_t{16} << 20;
constexpr const char* kDigestHeader = "Docker-Content-Digest";

std::string Digest(const std::string& hex) { return Text(kDigestPrefix, hex); }

// False when some of the body stays on the connection.
bool Drain(const RegistryExchange& exchange) {
  if (exchange.body == nullptr || !HasBody(exchange.request)) return true;
  if (exchange.body_state != BodyState::kAll) return exchange.body_state == BodyState::kNothing;
  const auto length = BodyLength(exchange.request);
  if (length && *length > kDrainedMax) return false;
  std::uint64_t size = 0;
  return (*exchange.body)([&](const char*, std::size_t piece) {
    size += piece;
    return size <= kDrainedMax;
  });
}

std::string MediaTypeOf(const httplib::Request& request) {
  std::string type = request.get_header_value("Content-Type");
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' ')) type.pop_back();
  return type;
}

void AnswerManifest(const RegistryExchange& exchange) {
  auto found = exchange.registry.Manifest(exchange.path.name, exchange.path.reference);
  if (const auto* error = std::get_if<RegistryError>(&found)) return ReplyError(exchange, *error);
  FoundManifest& manifest = std::get<0>(found);
  exchange.response.set_header(kDigestHeader, Digest(manifest.digest));
  exchange.response.set_header("ETag", Text('"', Digest(manifest.digest), '"'));
  ReplyWhole(exchange.response, 200, manifest.media_type, std::move(manifest.text));
}

void TakeManifest(const RegistryExchange& exchange) {
  ManifestUpload upload{.name = exchange.path.name,
                        .reference = exchange.path.reference,
                        .media_type = MediaTypeOf(exchange.request)};
  const RegistryError too_long{413, "SIZE_INVALID", "manifests have at most 4 MiB"};
  if (BodyLength(exchange.request).value_or(0) > kManifestMax) {
    return ReplyError(exchange, too_long);
  }
  const absl::Status read = ReadBody(exchange, [&](Bytes bytes) {
    upload.text += AsText(bytes);
    return upload.text.size() <= kManifestMax ? absl::OkStatus() : absl::OutOfRangeError("");
  });
  if (absl::IsOutOfRange(read)) return ReplyError(exchange, too_long);
  if (!read.ok()) {
    return ReplyError(exchange, {400, "SIZE_INVALID", "the manifest did not come whole"});
  }
  const auto put = exchange.registry.PutManifest(std::move(upload), RequestActor(exchange.request));
  if (const auto* error = std::get_if<RegistryError>(&put)) return ReplyError(exchange, *error);
  const auto& [digest, subject] = std::get<0>(put);
  exchange.response.set_header("Location",
                               Text("/v2/", exchange.path.name, "/manifests/", Digest(digest)));
  exchange.response.set_header(kDigestHeader, Digest(digest));
  if (!subject.empty()) exchange.response.set_header("OCI-Subject", Digest(subject));
  ReplyEmpty(exchange.response, 201);
}

void RemoveManifest(const RegistryExchange& exchange) {
  const auto removed = exchange.registry.RemoveManifest(exchange.path.name, exchange.path.reference,
                                                        RequestActor(exchange.request));
  if (const auto* error = std::get_if<RegistryError>(&removed)) {
    return ReplyError(exchange, *error);
  }
  ReplyEmpty(exchange.response, 202);
}

void AnswerReferrers(const RegistryExchange& exchange) {
  const std::string artifact_type = exchange.request.get_param_value("artifactType");
  auto index =
      exchange.registry.Referrers(exchange.path.name, exchange.path.reference, artifact_type);
  if (const auto* error = std::get_if<RegistryError>(&index)) return ReplyError(exchange, *error);
  if (!artifact_type.empty()) {
    exchange.response.set_header("OCI-Filters-Applied", "artifactType");
  }
  ReplyWhole(exchange.response, 200, kIndexType, std::move(std::get<0>(index)));
}

// `key`: of the list in the reply; `base`: where the next page is asked for.
void ReplyPage(const RegistryExchange& exchange, std::vector<std::string> names, const char* key) {
  std::optional<std::size_t> n;
  if (const std::string text = exchange.request.get_param_value("n"); !text.empty()) {
    std::size_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) {
      return ReplyError(exchange, {400, "UNSUPPORTED", Text("n=", text, ": not a whole number")});
    }
    n = value;
  }
  const Page page = PageOf(std::move(names), n, exchange.request.get_param_value("last"));
  if (page.has_more) {
    exchange.response.set_header("Link", Text('<', exchange.request.path, "?n=", *n,
                                              "&last=", page.names.back(), ">; rel=\"next\""));
  }
  nlohmann::json json = {{key, page.names}};
  if (exchange.path.resource == RegistryResource::kTags) json["name"] = exchange.path.name;
  ReplyWhole(exchange.response, 200, kJsonType, json.dump() + "\n");
}

void AnswerTags(const RegistryExchange& exchange) {
  auto tags = exchange.registry.Tags(exchange.path.name);
  if (const auto* error = std::get_if<RegistryError>(&tags)) return ReplyError(exchange, *error);
  ReplyPage(exchange, std::move(std::get<0>(tags)), "tags");
}

void AnswerCatalog(const RegistryExchange& exchange) {
  auto names = exchange.registry.Repositories();
  if (const auto* error = std::get_if<RegistryError>(&names)) return ReplyError(exchange, *error);
  ReplyPage(exchange, std::move(std::get<0>(names)), "repositories");
}

void AnswerRoot(const RegistryExchange& exchange) {
  ReplyWhole(exchange.response, 200, kJsonType, "{}\n");
}

struct Way {
  std::string_view method;
  RegistryResource resource;
  void (*answer)(const RegistryExchange&);
};
constexpr Way kWays[] = {{"GET", RegistryResource::kRoot, AnswerRoot},
                         {"GET", RegistryResource::kCatalog, AnswerCatalog},
                         {"GET", RegistryResource::kTags, AnswerTags},
                         {"GET", RegistryResource::kReferrers, AnswerReferrers},
                         {"GET", RegistryResource::kManifest, AnswerManifest},
                         {"PUT", RegistryResource::kManifest, TakeManifest},
                         {"DELETE", RegistryResource::kManifest, RemoveManifest},
                         {"GET", RegistryResource::kBlob, AnswerBlob},
                         {"DELETE", RegistryResource::kBlob, RemoveBlob},
                         {"POST", RegistryResource::kUploads, BeginUpload},
                         {"GET", RegistryResource::kUpload, AnswerUpload},
                         {"PATCH", RegistryResource::kUpload, ContinueUpload},
                         {"PUT", RegistryResource::kUpload, FinishUpload},
                         {"DELETE", RegistryResource::kUpload, CancelUpload}};

void Answer(const RegistryExchange& exchange) {
  exchange.response.set_header("Docker-Distribution-API-Version", "registry/2.0");
  const std::string_view method =
      exchange.request.method == "HEAD" ? "GET" : std::string_view(exchange.request.method);
  for (const Way& way : kWays) {
    if (way.resource == exchange.path.resource && way.method == method) {
      return way.answer(exchange);
    }
  }
  ReplyError(exchange, {404, "UNSUPPORTED", Text(exchange.request.path, ": no resource")});
}

std::string ErrorText(std::string_view code, std::string_view message) {
  const nlohmann::json json = {{"errors", {{{"code", code}, {"message", message}}}}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void ReplyWhole(httplib::Response& response, int status, std::string_view type, std::string text,
                Connection connection) {
  response.status = status;
  response.set_header("Content-Length", std::to_string(text.size()));
  if (connection == Connection::kEnds) response.set_header("Connection", "close");
  response.set_content_provider(std::string(type), [text = std::move(text), connection](
                                                       std::size_t, httplib::DataSink& sink) {
    if (!sink.write(text.data(), text.size())) return false;
    sink.done();
    return connection == Connection::kStays;  // false ends the connection
  });
}

void ReplyEmpty(httplib::Response& response, int status) {
  response.status = status;
  response.set_header("Content-Length", "0");
}

void ReplyError(const RegistryExchange& exchange, const RegistryError& error) {
  const Connection connection = Drain(exchange) ? Connection::kStays : Connection::kEnds;
  ReplyWhole(exchange.response, error.status, kJsonType, ErrorText(error.code, error.message),
             connection);
}

void ReplyRegistryError(httplib::Response& response, int status, std::string_view code,
                        std::string_view message) {
  response.set_header("Docker-Distribution-API-Version", "registry/2.0");
  ReplyWhole(response, status, kJsonType, ErrorText(code, message));
}

std::optional<std::uint64_t> BodyLength(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding")) return std::nullopt;
  if (request.get_header_value_count("Content-Length") != 1) return std::nullopt;
  const std::string text = request.get_header_value("Content-Length");
  std::uint64_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, length);
  if (error != std::errc() || stop != end) return std::nullopt;
  return length;
}

bool HasBody(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ||
         (request.has_header("Content-Length") && BodyLength(request) != std::uint64_t{0});
}

absl::Status ReadBody(const RegistryExchange& exchange,
                      const std::function<absl::Status(Bytes)>& sink) {
  if (!HasBody(exchange.request)) return absl::OkStatus();
  absl::Status status;
  exchange.body_state = BodyState::kSome;
  const bool whole = (*exchange.body)([&](const char* data, std::size_t size) {
    status = sink(AsBytes({data, size}));
    return status.ok();
  });
  if (whole) exchange.body_state = BodyState::kNothing;
  if (!status.ok() || whole) return status;
  return absl::UnavailableError("the connection ended");
}

void AddRegistry(Router& router, Registry& registry) {
  const auto reading = [&registry](const httplib::Request& request, httplib::Response& response) {
    BodyState state = BodyState::kNothing;
    Answer({registry, request, response, nullptr, ParseRegistryPath(request.path), state});
  };
  const auto taking = [&registry](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& body) {
    BodyState state = BodyState::kAll;
    Answer({registry, request, response, &body, ParseRegistryPath(request.path), state});
  };
  for (const char* path : {"/v2", "/v2/", "/v2/_catalog", "/v2/{name+}/tags/list",
                           "/v2/{name+}/referrers/{digest}", "/v2/{name+}/manifests/{reference}",
                           "/v2/{name+}/blobs/{digest}", "/v2/{name+}/blobs/uploads/{session}"}) {
    router.Get(path, reading);
  }
  router.Put("/v2/{name+}/manifests/{reference}", taking);
  router.Delete("/v2/{name+}/manifests/{reference}", taking);
  router.Delete("/v2/{name+}/blobs/{digest}", taking);
  router.Post("/v2/{name+}/blobs/uploads", taking);
  router.Post("/v2/{name+}/blobs/uploads/", taking);
  router.Patch("/v2/{name+}/blobs/uploads/{session}", taking);
  router.Put("/v2/{name+}/blobs/uploads/{session}", taking);
  router.Delete("/v2/{name+}/blobs/uploads/{session}", taking);
}

}  // namespace slipway::control
