// SPDX-License-Identifier: Apache-2.0
//
// Machines: GET /machines, PUT|GET|DELETE /machines/{MAC or UUID}. Those of the configuration file
// are listed with id 0 and changed there.
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json ToJson(const Machine& machine) {
  return {{"id", machine.id},
          {"name", machine.name},
          {"mac", machine.mac ? machine.mac->ToString() : ""},
          {"uuid", machine.uuid ? machine.uuid->ToString() : ""},
          {"image_set", machine.image_set.ToString()}};
}

// Reads a MAC or a UUID into the machine.
bool NameMachine(const std::string& key, Machine& machine) {
  machine.mac = MacAddress::Parse(key);
  if (machine.mac && !machine.mac->is_station()) machine.mac.reset();
  machine.uuid = Uuid::Parse(key);
  return machine.mac.has_value() || machine.uuid.has_value();
}

constexpr std::string_view kBadName =
    "not a MAC such as 52:54:00:12:34:56 nor a UUID; see 'slipway machine list'";

void PutMachine(const httplib::Request& request, httplib::Response& response, Core& core) {
  Machine machine;
  if (!NameMachine(request.matches[1], machine)) return ReplyProblem(response, 400, kBadName);
  const auto body = BodyOf(request, response);
  if (!body) return;
  const auto set = ImageSetName::Parse(body->value("image_set", ""));
  if (!set) {
    return ReplyProblem(response, 400, "image_set is not \"name:tag\"; see 'slipway image list'");
  }
  machine.image_set = *set;
  machine.name = body->value("name", "");
  if (body->contains("uuid")) machine.uuid = Uuid::Parse(body->value("uuid", ""));
  const auto sets = core.Images();
  if (!sets.ok()) return ReplyProblem(response, sets.status());
  const bool known = std::ranges::any_of(
      *sets, [&](const ImageSet& each) { return each.reference == set->ToString(); });
  if (!known) {
    return ReplyProblem(response, 404,
                        Text(set->ToString(),
                             ": no such image set; import it first: slipway image "
                             "import PATH ",
                             set->ToString()));
  }
  const auto stored = core.PutMachine(machine, RequestActor(request));
  if (!stored.ok()) return ReplyProblem(response, stored.status());
  Reply(response, ToJson(*stored));
}

std::optional<Machine> Find(const std::string& key, httplib::Response& response, Core& core) {
  Machine wanted;
  if (!NameMachine(key, wanted)) {
    ReplyProblem(response, 400, kBadName);
    return std::nullopt;
  }
  const auto machines = core.store().Machines();
  if (!machines.ok()) {
    ReplyProblem(response, machines.status());
    return std::nullopt;
  }
  for (const Machine& machine : *machines) {
    if ((wanted.mac && machine.mac == wanted.mac) || (wanted.uuid && machine.uuid == wanted.uuid)) {
      return machine;
    }
  }
  ReplyProblem(response, 404,
               Text(key,
                    ": no such machine; see 'slipway machine list' (those of the "
                    "configuration file are changed there)"));
  return std::nullopt;
}

}  // namespace

void AddMachines(Router& router, Core& core) {
  router.Get("/api/v1/machines", [&core](const httplib::Request&, httplib::Response& response) {
    const auto machines = core.store().Machines();
    if (!machines.ok()) return ReplyProblem(response, machines.status());
    nlohmann::json list = nlohmann::json::array();
    for (const Machine& machine : *machines) list.push_back(ToJson(machine));
    for (const MachineConfig& each : core.config().machines) {
      list.push_back(ToJson(Machine{0, each.name, each.mac, each.uuid, each.image_set}));
    }
    Reply(response, list);
  });
  router.Get("/api/v1/machines/{machine}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               const auto machine = Find(request.matches[1], response, core);
               if (machine) Reply(response, ToJson(*machine));
             });
  router.Put("/api/v1/machines/{machine}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               PutMachine(request, response, core);
             });
  router.Delete("/api/v1/machines/{machine}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  const auto machine = Find(request.matches[1], response, core);
                  if (!machine) return;
                  if (absl::Status status = core.RemoveMachine(machine->id, RequestActor(request));
                      !status.ok()) {
                    return ReplyProblem(response, status);
                  }
                  response.status = 204;
                });
}

}  // namespace slipway::control
