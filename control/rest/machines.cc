// SPDX-License-Identifier: Apache-2.0
//
// Machines: GET /machines (those of the reader's scope that ?selector= and ?search= mean),
// PUT|GET|DELETE /machines/{MAC or UUID}. A PUT changes what its body mentions and makes the
// machine if there is none; of image_set, mode or hold, or empty, it begins the machine's boot plan
// anew. Those of the configuration file have the id 0 until the catalog has them: a PUT makes a
// record that begins as the file has the machine, and counts in the file's place until it is
// removed. If-Match and ETag keep two operators from undoing each other.
//
// A token with a scope is not told whether a machine out of it exists: what is not there and what
// is none of its machines have one answer for each method, 404, and 403 for a PUT.
#include <mutex>

#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/rest/selection.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json Shown(const Machine& machine) {
  nlohmann::json json = ToJson(machine);
  for (std::size_t i = 0; i < machine.firmware.size(); ++i) {
    json["firmware"][i]["like"] = LikenessOf(machine.firmware[i].firmware);
  }
  json["id"] = machine.id;
  json["mac"] = machine.mac ? machine.mac->ToString() : "";
  json["uuid"] = machine.uuid ? machine.uuid->ToString() : "";
  return json;
}

// Holds from the look at If-Match to the change. What the change needs is loaded before.
std::mutex writing;

// What the operator says of it; what its boots tell changes nothing of that.
nlohmann::json Said(const Machine& machine) {
  nlohmann::json json = Shown(machine);
  json.erase("boots_completed");
  json.erase("boots_failed");
  json.erase("firmware");
  return json;
}

void ReplyMachine(httplib::Response& response, const Machine& machine) {
  response.set_header("ETag", EntityTag(Said(machine)));
  Reply(response, Shown(machine));
}

bool IsInScope(const Actor& actor, const Machine& machine) {
  const auto scope = Selector::Parse(actor.scope);
  return scope.ok() && Means(*scope, FactsOf(machine));
}

// Why the actor may not make `before` be `after`; empty: he may. Null: there is none. A machine has
// two names, and its boots go by its UUID first: whoever could enter one by the other, or give its
// UUID to a machine of his own, would decide for machines out of his scope.
std::string OutOfScope(const Actor& actor, const Machine* before, const Machine* after) {
  if (actor.scope.empty()) return {};
  if (before == nullptr || !IsInScope(actor, *before)) {
    return "is none of them, or is not in the catalog, into which tokens without a scope enter it";
  }
  if (after == nullptr) return {};
  if (after->uuid != before->uuid) return "gets its uuid by a token without a scope";
  return IsInScope(actor, *after) ? "" : "would be none of them";
}

// False, and 403 replied, where the actor's scope forbids it.
bool MayTouch(const httplib::Request& request, httplib::Response& response, const Machine* before,
              const Machine* after) {
  const Actor& actor = RequestActor(request);
  const std::string why = OutOfScope(actor, before, after);
  if (why.empty()) return true;
  ReplyProblem(response, 403,
               Text(actor.name, " changes machines with ", actor.scope, "; ",
                    std::string(request.matches[1]), ' ', why));
  return false;
}

void PutMachine(const httplib::Request& request, httplib::Response& response, Core& core) {
  Machine machine;
  if (!NameMachine(request.matches[1], machine))
    return ReplyProblem(response, 400, kBadMachineName);
  const auto body = BodyOf(request, response);
  if (!body) return;
  if (const auto set = body->find("image_set"); set != body->end() && set->is_string()) {
    core.LoadAhead(set->get<std::string>());
  }
  const std::scoped_lock lock(writing);
  const auto current = core.KnownMachine(machine.mac, machine.uuid);
  if (!current.ok()) return ReplyProblem(response, current.status());
  const auto before = *current ? Said(**current) : nlohmann::json();
  // What cannot be read of the body is told below.
  Machine after = current->value_or(machine);
  static_cast<void>(Update(*body, after));
  if (!MayTouch(request, response, *current ? &**current : nullptr, &after)) return;
  if (!MayChange(request, response, before)) return;
  const auto stored = core.ChangeMachine(machine, *body, RequestActor(request));
  if (!stored.ok()) return ReplyProblem(response, stored.status());
  ReplyMachine(response, *stored);
}

// The catalog's, and behind those the configuration file's that it has not.
absl::StatusOr<MachineList> All(Core& core) {
  auto all = core.store().Machines();
  if (!all.ok()) return all;
  for (const MachineConfig& each : core.config().machines) {
    const auto known = core.KnownMachine(each.mac, each.uuid);
    if (!known.ok()) return known.status();
    if (*known && (*known)->id == 0) all->push_back(std::make_shared<const Machine>(**known));
  }
  return all;
}

void ListMachines(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto selector = SelectorOf(request, response);
  if (!selector) return;
  const auto search = SearchOf(request, response);
  if (!search) return;
  auto machines = All(core);
  if (!machines.ok()) return ReplyProblem(response, machines.status());
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  MachineList& all = *machines;
  std::erase_if(all, [&](const auto& machine) { return !scope->TakesIn(*machine); });
  const bool is_any = selector->requirements().empty();
  ReplyPage(request, response,
            {.size = all.size(),
             .key =
                 [&](std::size_t i) {
                   return all[i]->mac ? all[i]->mac->ToString() : all[i]->uuid->ToString();
                 },
             .item = [&](std::size_t i) { return Shown(*all[i]); },
             .fits =
                 [&](std::size_t i) {
                   return (is_any || Means(*selector, FactsOf(*all[i]))) && search->Finds(*all[i]);
                 }});
}

// Of the scope of whoever asks.
std::optional<Machine> Find(const httplib::Request& request, httplib::Response& response,
                            Core& core) {
  const std::string key = request.matches[1];
  const Actor& actor = RequestActor(request);
  Machine wanted;
  if (!NameMachine(key, wanted)) {
    ReplyProblem(response, 400, kBadMachineName);
    return std::nullopt;
  }
  auto machine = core.KnownMachine(wanted.mac, wanted.uuid);
  if (!machine.ok()) {
    ReplyProblem(response, machine.status());
    return std::nullopt;
  }
  const auto is_held =
      *machine ? control::IsInScope(actor, core, **machine) : absl::StatusOr<bool>(false);
  if (!is_held.ok()) {
    ReplyProblem(response, is_held.status());
    return std::nullopt;
  }
  if (*is_held) return *std::move(machine);
  ReplyProblem(response, 404,
               Text(key, ": no such machine",
                    actor.scope.empty() ? "" : Text(" among those with ", actor.scope),
                    "; see 'slipway machine list'",
                    actor.scope.empty() ? "" : ", or use a token whose scope takes it in"));
  return std::nullopt;
}

}  // namespace

bool NameMachine(const std::string& key, Machine& machine) {
  machine.mac = MacAddress::Parse(key);
  if (machine.mac && !machine.mac->is_station()) machine.mac.reset();
  machine.uuid = Uuid::Parse(key);
  if (machine.uuid && !machine.uuid->is_set()) machine.uuid.reset();
  return machine.mac.has_value() || machine.uuid.has_value();
}

void AddMachines(Router& router, Core& core) {
  router.Get("/api/v1/machines",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListMachines(request, response, core);
             });
  router.Get("/api/v1/machines/{machine}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               if (const auto machine = Find(request, response, core)) {
                 ReplyMachine(response, *machine);
               }
             });
  router.Put("/api/v1/machines/{machine}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               PutMachine(request, response, core);
             });
  router.Delete("/api/v1/machines/{machine}", [&core](const httplib::Request& request,
                                                      httplib::Response& response) {
    const std::scoped_lock lock(writing);
    const auto machine = Find(request, response, core);
    if (!machine || !MayTouch(request, response, &*machine, nullptr)) return;
    if (!MayChange(request, response, Said(*machine))) return;
    if (machine->id == 0) {
      return ReplyProblem(response, 404,
                          Text(std::string(request.matches[1]),
                               ": is the configuration file's alone; remove it there"));
    }
    if (absl::Status status = core.RemoveMachine(machine->id, RequestActor(request));
        !status.ok()) {
      return ReplyProblem(response, status);
    }
    response.status = 204;
  });
}

}  // namespace slipway::control
