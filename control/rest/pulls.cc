// SPDX-License-Identifier: Apache-2.0
//
// Pulls from other registries: POST /images/pull begins one, or answers with the same that is under
// way; GET /pulls and /pulls/ID tell how far they are, DELETE /pulls/ID ends one.
#include <charconv>

#include "control/registry/pull.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr int kBusySeconds = 10;  // that whoever comes while too many are under way is to wait

std::string_view WordOf(PullState state) {
  switch (state) {
    case PullState::kRunning:
      return "running";
    case PullState::kDone:
      return "done";
    case PullState::kFailed:
      return "failed";
  }
  return "";
}

nlohmann::json ToJson(const PullProgress& progress) {
  return {{"id", progress.id},
          {"source", progress.source},
          {"reference", progress.reference},
          {"state", WordOf(progress.state)},
          {"doing", progress.doing},
          {"bytes", progress.bytes},
          {"bytes_total", progress.bytes_total},
          {"bytes_resumed", progress.bytes_resumed},
          {"digest", progress.digest},
          {"error", progress.error}};
}

std::string TextAt(const nlohmann::json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void BeginPull(const httplib::Request& request, httplib::Response& response, Pulls& pulls) {
  const auto body = BodyOf(request, response, {"source", "reference", "ca", "user", "password"});
  if (!body) return;
  const std::string source = TextAt(*body, "source");
  auto name = RemoteName::Parse(source);
  if (!name) {
    return ReplyProblem(response, 400,
                        Text("\"", source,
                             "\": not REGISTRY/NAME:TAG; write one like "
                             "registry.example.net/debian:12, or @sha256: and a digest"));
  }
  std::string wanted = TextAt(*body, "reference");
  if (wanted.empty()) wanted = Text(name->repository, ':', name->tag);
  const auto reference = CanonicalReference(wanted);
  if (!reference.ok()) return ReplyProblem(response, reference.status());
  if (absl::Status status = CheckNewName(*reference); !status.ok()) {
    return ReplyProblem(response, status);
  }
  const auto begun = pulls.Begin({.source = *std::move(name),
                                  .reference = *reference,
                                  .access = {.ca_pem = TextAt(*body, "ca"),
                                             .user = TextAt(*body, "user"),
                                             .password = TextAt(*body, "password")},
                                  .actor = RequestActor(request)});
  if (absl::IsUnavailable(begun.status())) {
    response.set_header("Retry-After", std::to_string(kBusySeconds));
  }
  if (!begun.ok()) return ReplyProblem(response, begun.status());
  response.set_header("Location", Text("/api/v1/pulls/", begun->id));
  Reply(response, ToJson(*begun), 202);
}

std::uint64_t IdOf(const httplib::Request& request) {
  const std::string text = request.matches[1];
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

constexpr std::string_view kUnknown = "no such pull; GET /api/v1/pulls lists them";

}  // namespace

void AddPulls(Router& router, Pulls& pulls) {
  router.Post("/api/v1/images/pull",
              [&pulls](const httplib::Request& request, httplib::Response& response) {
                BeginPull(request, response, pulls);
              });
  router.Get("/api/v1/pulls",
             [&pulls](const httplib::Request& request, httplib::Response& response) {
               nlohmann::json list = nlohmann::json::array();
               for (const PullProgress& progress : pulls.List()) list.push_back(ToJson(progress));
               ReplyPage(request, response, std::move(list), "id");
             });
  router.Get("/api/v1/pulls/{pull}",
             [&pulls](const httplib::Request& request, httplib::Response& response) {
               const auto progress = pulls.Find(IdOf(request));
               if (!progress) return ReplyProblem(response, 404, kUnknown);
               Reply(response, ToJson(*progress));
             });
  router.Delete("/api/v1/pulls/{pull}",
                [&pulls](const httplib::Request& request, httplib::Response& response) {
                  if (!pulls.Stop(IdOf(request), RequestActor(request))) {
                    return ReplyProblem(response, 404, kUnknown);
                  }
                  response.status = 204;
                });
}

}  // namespace slipway::control
