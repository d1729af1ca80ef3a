// SPDX-License-Identifier: Apache-2.0
//
// Webhooks: GET /webhooks, PUT /webhooks/{name} (the answer is the only one with the secret),
// DELETE /webhooks/{name}, POST /webhooks/{name}/test: one message now, and what became of it.
#include <algorithm>

#include "control/events/webhooks.h"
#include "control/registry/remote_name.h"
#include "control/registry/secure_client.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kUrlMax = 2048;
constexpr std::size_t kAuthoritiesMax = 262'144;  // bytes of PEM

nlohmann::json ToJson(const WebhookAttempt& attempt) {
  return {{"at", attempt.at_unix_seconds},
          {"delivered", attempt.delivered()},
          {"status", attempt.status},
          {"error", attempt.error}};
}

nlohmann::json ToJson(const WebhookRecord& webhook) {
  nlohmann::json json = {{"name", webhook.name},
                         {"url", webhook.url},
                         {"kinds", nlohmann::json::array()},
                         {"mac", nullptr},
                         {"created", webhook.created}};
  for (const FeedKind kind : webhook.filter.kinds) json["kinds"].push_back(NameOf(kind));
  if (webhook.filter.mac) json["mac"] = webhook.filter.mac->ToString();
  return json;
}

nlohmann::json ToJson(const Webhooks::State& state) {
  nlohmann::json json = ToJson(state.webhook);
  json["delivered"] = state.counts.delivered;
  json["given_up"] = state.counts.given_up;
  json["overflowed"] = state.counts.overflowed;
  json["waiting"] = state.counts.waiting;
  json["failures"] = state.counts.failures;
  json["last"] = state.counts.last ? ToJson(*state.counts.last) : nlohmann::json();
  return json;
}

// Printable ASCII alone: it becomes a line of a request.
bool IsUrl(const std::string& text) {
  return text.size() <= kUrlMax && ParseSecureUrl(text) &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// What is wrong with the body, or nullopt and the webhook is filled.
std::optional<std::string> Fill(const nlohmann::json& body, WebhookRecord& webhook) {
  webhook.url = body.value("url", "");
  if (!IsUrl(webhook.url)) {
    return Text("\"", webhook.url, "\": is no https URL; write one like https://host.example/path");
  }
  webhook.filter.kinds = {FeedKind::kBoot, FeedKind::kLink, FeedKind::kChange};
  if (body.contains("kinds")) {
    std::vector<std::string> names;
    for (const auto& each : body["kinds"]) names.push_back(each.get<std::string>());
    const auto kinds = ParseKinds(Join(names, ","));
    if (!kinds || kinds->empty())
      return "kinds are not of step, boot, link, change, held and audit";
    webhook.filter.kinds = *kinds;
  }
  if (body.contains("mac")) {
    webhook.filter.mac = MacAddress::Parse(body.value("mac", ""));
    if (!webhook.filter.mac) return "mac is not a MAC such as 52:54:00:12:34:56";
  }
  webhook.ca = body.value("ca", "");
  if (webhook.ca.size() > kAuthoritiesMax || (!webhook.ca.empty() && !HasCertificate(webhook.ca))) {
    return "ca is not one or more certificates in PEM";
  }
  return std::nullopt;
}

void MakeWebhook(const httplib::Request& request, httplib::Response& response, Webhooks& webhooks) {
  WebhookRecord webhook;
  webhook.name = request.matches[1];
  if (!IsTokenName(webhook.name)) {
    return ReplyProblem(
        response, 400,
        Text(webhook.name, ": a webhook's name is 1 to 64 letters, digits, '.', '-' and '_'"));
  }
  const auto body = BodyOf(request, response, {"url", "kinds", "mac", "ca"});
  if (!body) return;
  if (const auto fault = Fill(*body, webhook)) return ReplyProblem(response, 400, *fault);
  const auto made = webhooks.Add(webhook, RequestActor(request));
  if (!made.ok()) return ReplyProblem(response, made.status());
  nlohmann::json answer = ToJson(*made);
  answer["secret"] = made->secret;
  response.set_header("Cache-Control", "no-store");
  Reply(response, answer, 201);
}

void RemoveWebhook(const httplib::Request& request, httplib::Response& response,
                   Webhooks& webhooks) {
  const absl::Status status = webhooks.Remove(request.matches[1], RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

void ListWebhooks(const httplib::Request& request, httplib::Response& response,
                  Webhooks& webhooks) {
  const auto states = webhooks.States();
  if (!states.ok()) return ReplyProblem(response, states.status());
  nlohmann::json list = nlohmann::json::array();
  for (const auto& state : *states) list.push_back(ToJson(state));
  ReplyPage(request, response, std::move(list), "name");
}

void TestWebhook(const httplib::Request& request, httplib::Response& response, Webhooks& webhooks) {
  const auto attempt = webhooks.Test(request.matches[1], RequestActor(request));
  if (!attempt.ok()) return ReplyProblem(response, attempt.status());
  Reply(response, ToJson(*attempt));
}

}  // namespace

void AddWebhooks(Router& router, Webhooks& webhooks) {
  const auto bound = [&webhooks](auto handler) {
    return [&webhooks, handler](const httplib::Request& request, httplib::Response& response) {
      handler(request, response, webhooks);
    };
  };
  router.Get("/api/v1/webhooks", bound(ListWebhooks));
  router.Put("/api/v1/webhooks/{name}", Router::Handler(bound(MakeWebhook)));
  router.Delete("/api/v1/webhooks/{name}", Router::Handler(bound(RemoveWebhook)));
  router.Post("/api/v1/webhooks/{name}/test", Router::Handler(bound(TestWebhook)));
}

}  // namespace slipway::control
