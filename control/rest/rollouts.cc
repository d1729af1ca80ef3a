// SPDX-License-Identifier: Apache-2.0
//
// Rollouts: GET /rollouts, PUT /rollouts/{name:tag} to begin or change one, GET one, POST
// .../promote, DELETE to roll back. A PUT replaces the whole rollout; If-Match and ETag keep two
// operators from undoing each other, and whoever promotes from what another meant. Whatever a PUT
// says of it, the version on trial is the one that the candidate leads to at that moment. What that
// is held against stays (Core::PutRollout).
#include <algorithm>
#include <mutex>

#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/serve/boot_rules.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// The last failure begins with its machine, and is told to whom that one's stories are.
nlohmann::json ToJson(const VersionCount& count, const MachineScope& scope) {
  const auto mac = MacAddress::Parse(std::string_view(count.last_failure).substr(0, 17));
  const bool is_told = scope.is_all() || (mac && scope.TakesIn(*mac));
  return {{"complete", count.complete},
          {"failed", count.failed},
          {"last_failure", is_told ? count.last_failure : ""}};
}

// How the boots of a tag's version ended; null where there is no such tag.
struct Reader {
  Core& core;
  const MachineScope& scope;
};
nlohmann::json CountOf(const ImageSetName& name, const std::vector<ImageSet>& sets,
                       const Reader& reader) {
  const auto set = std::ranges::find(sets, name.ToString(), &ImageSet::reference);
  if (set == sets.end()) return nullptr;
  nlohmann::json count = ToJson(reader.core.tally().Of(VersionName(*set)), reader.scope);
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
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  const Reader reader{core, *scope};
  nlohmann::json list = nlohmann::json::array();
  for (const Rollout& rollout : *rollouts) {
    nlohmann::json each = control::ToJson(rollout);
    each["stable_boots"] = CountOf(rollout.stable, *sets, reader);
    each["candidate_boots"] = CountOf(rollout.candidate, *sets, reader);
    each["machines"] = std::ranges::count_if(
        *machines, [&](const auto& machine) { return InCanary(rollout, *machine); });
    list.push_back(std::move(each));
  }
  ReplyPage(request, response, std::move(list), "stable");
}

// Holds from the look at If-Match to the change. What the change needs is loaded before.
std::mutex writing;

// As it stands; null where there is none. Nullopt, and a problem replied, where that cannot be
// read.
std::optional<nlohmann::json> Now(const ImageSetName& stable, httplib::Response& response,
                                  Core& core) {
  const auto rollouts = core.Rollouts();
  if (!rollouts.ok()) {
    ReplyProblem(response, rollouts.status());
    return std::nullopt;
  }
  const auto rollout = std::ranges::find(*rollouts, stable, &Rollout::stable);
  return rollout == rollouts->end() ? nlohmann::json() : control::ToJson(*rollout);
}

void ReplyRollout(httplib::Response& response, const nlohmann::json& rollout) {
  response.set_header("ETag", EntityTag(rollout));
  Reply(response, rollout);
}

void Show(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto stable = StableOf(request, response);
  if (!stable) return;
  const auto rollout = Now(*stable, response, core);
  if (!rollout) return;
  if (!rollout->is_null()) return ReplyRollout(response, *rollout);
  ReplyProblem(response, 404, Text(stable->ToString(), ": no rollout; see 'slipway rollout list'"));
}

void Put(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto stable = StableOf(request, response);
  if (!stable) return;
  const auto body = BodyOf(request, response);
  if (!body) return;
  const auto rollout = ParseRollout(*stable, *body);
  if (!rollout.ok()) return ReplyProblem(response, rollout.status());
  core.LoadAhead(rollout->candidate.ToString());
  const std::scoped_lock lock(writing);
  const auto before = Now(*stable, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  const auto stored = core.PutRollout(*rollout, RequestActor(request));
  if (!stored.ok()) return ReplyProblem(response, stored.status());
  ReplyRollout(response, control::ToJson(*stored));
}

// `end`: Core::Promote or Core::RollBack.
void End(const httplib::Request& request, httplib::Response& response, Core& core,
         absl::Status (Core::*end)(const ImageSetName&, const Actor&)) {
  const auto stable = StableOf(request, response);
  if (!stable) return;
  const std::scoped_lock lock(writing);
  const auto before = Now(*stable, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  const absl::Status status = (core.*end)(*stable, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

}  // namespace

void AddRollouts(Router& router, Core& core) {
  router.Get("/api/v1/rollouts",
             [&core](const httplib::Request& request, httplib::Response& response) {
               List(request, response, core);
             });
  router.Get("/api/v1/rollouts/{stable}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Show(request, response, core);
             });
  router.Put("/api/v1/rollouts/{stable}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Put(request, response, core);
             });
  router.Post("/api/v1/rollouts/{stable}/promote",
              [&core](const httplib::Request& request, httplib::Response& response) {
                End(request, response, core, &Core::Promote);
              });
  router.Delete("/api/v1/rollouts/{stable}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  End(request, response, core, &Core::RollBack);
                });
}

}  // namespace slipway::control
