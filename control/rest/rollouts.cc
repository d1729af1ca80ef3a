// SPDX-License-Identifier: Apache-2.0
//
// Rollouts: GET /rollouts, PUT /rollouts/{name:tag} to begin or change one, POST .../promote,
// DELETE to roll back.
#include <algorithm>

#include "control/rest/routes.h"
#include "control/serve/boot_rules.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json ToJson(const VersionCount& count) {
  return {
      {"complete", count.complete}, {"failed", count.failed}, {"last_failure", count.last_failure}};
}

// How the boots of a tag's version ended; null where there is no such tag.
nlohmann::json CountOf(const ImageSetName& name, const std::vector<ImageSet>& sets, Core& core) {
  const auto set = std::ranges::find(sets, name.ToString(), &ImageSet::reference);
  if (set == sets.end()) return nullptr;
  nlohmann::json count = ToJson(core.tally().Of(VersionName(*set)));
  count["digest"] = set->digest;
  return count;
}

// Nullopt, and a problem replied, when the path names no tag.
std::optional<ImageSetName> StableOf(const httplib::Request& request, httplib::Response& response) {
  auto name = ImageSetName::Parse(std::string(request.matches[1]));
  if (!name) {
    ReplyProblem(
        response, 400,
        Text(std::string(request.matches[1]), ": not \"name:tag\"; see 'slipway image list'"));
  }
  return name;
}

void List(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto rollouts = core.Rollouts();
  if (!rollouts.ok()) return ReplyProblem(response, rollouts.status());
  const auto sets = core.Images();
  if (!sets.ok()) return ReplyProblem(response, sets.status());
  const auto machines = core.store().Machines();
  if (!machines.ok()) return ReplyProblem(response, machines.status());
  nlohmann::json list = nlohmann::json::array();
  for (const Rollout& rollout : *rollouts) {
    nlohmann::json each = control::ToJson(rollout);
    each["stable_boots"] = CountOf(rollout.stable, *sets, core);
    each["candidate_boots"] = CountOf(rollout.candidate, *sets, core);
    each["machines"] = std::ranges::count_if(
        *machines, [&](const auto& machine) { return InCanary(rollout, *machine); });
    list.push_back(std::move(each));
  }
  ReplyPage(request, response, std::move(list), "stable");
}

void Put(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto stable = StableOf(request, response);
  if (!stable) return;
  const auto body = BodyOf(request, response);
  if (!body) return;
  const auto rollout = ParseRollout(*stable, *body);
  if (!rollout.ok()) return ReplyProblem(response, rollout.status());
  if (absl::Status status = core.PutRollout(*rollout, RequestActor(request)); !status.ok()) {
    return ReplyProblem(response, status);
  }
  Reply(response, control::ToJson(*rollout));
}

}  // namespace

void AddRollouts(Router& router, Core& core) {
  router.Get("/api/v1/rollouts",
             [&core](const httplib::Request& request, httplib::Response& response) {
               List(request, response, core);
             });
  router.Put("/api/v1/rollouts/{stable}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Put(request, response, core);
             });
  router.Post("/api/v1/rollouts/{stable}/promote",
              [&core](const httplib::Request& request, httplib::Response& response) {
                const auto stable = StableOf(request, response);
                if (!stable) return;
                const absl::Status status = core.Promote(*stable, RequestActor(request));
                if (!status.ok()) return ReplyProblem(response, status);
                response.status = 204;
              });
  router.Delete("/api/v1/rollouts/{stable}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  const auto stable = StableOf(request, response);
                  if (!stable) return;
                  const absl::Status status = core.RollBack(*stable, RequestActor(request));
                  if (!status.ok()) return ReplyProblem(response, status);
                  response.status = 204;
                });
}

}  // namespace slipway::control
