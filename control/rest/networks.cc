// SPDX-License-Identifier: Apache-2.0
//
// Networks and leases. A network of the configuration file is shown like the others and changed
// there. A reservation is one of its network's: If-Match takes the network's ETag, and
// If-None-Match: * makes one where the address is kept for nobody. Leases are made by the worker
// that owns them, and listed within the reader's scope and ?selector=.
#include <algorithm>
#include <ctime>
#include <mutex>
#include <optional>

#include "control/config/networks.h"
#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/rest/selection.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Holds from the look at If-Match to the change.
std::mutex writing;

bool IsOfFile(const Core& core, const std::string& name) {
  const auto& networks = core.config().networks;
  return std::ranges::find(networks, name, &NetworkConfig::name) != networks.end();
}

// How full it is.
nlohmann::json Summary(Core& core, const NetworkConfig& network,
                       const std::vector<dhcp::Lease>& leases) {
  std::uint64_t addresses = 0;
  nlohmann::json pools = nlohmann::json::array();
  for (const AddressRange& pool : network.pools) {
    addresses += pool.size();
    pools.push_back(ToString(pool));
  }
  const std::int64_t now = std::time(nullptr);
  const auto held = std::ranges::count_if(leases, [&](const dhcp::Lease& lease) {
    return IsHeld(lease, now) && network.subnet.Contains(lease.address);
  });
  return {{"name", network.name},
          {"subnet", network.subnet.ToString()},
          {"mode", network.proxy_dhcp ? "proxy" : "full"},
          {"pools", pools},
          {"addresses", addresses},
          {"leases", held},
          {"lease_seconds", network.lease_time.count()},
          {"reservations", network.reservations.size()},
          {"source", IsOfFile(core, network.name) ? "file" : "catalog"}};
}

// Of the file or of the catalog.
std::optional<NetworkConfig> Find(Core& core, const std::string& name) {
  const auto config = core.served();
  const auto network = std::ranges::find(config->networks, name, &NetworkConfig::name);
  if (network == config->networks.end()) return std::nullopt;
  return *network;
}

// As it is changed; null where there is none.
nlohmann::json Said(Core& core, const std::string& name) {
  const auto network = Find(core, name);
  return network ? ToJson(*network) : nlohmann::json();
}

void ReplyNetwork(httplib::Response& response, Core& core, const std::string& name) {
  const auto network = Find(core, name);
  if (!network) {
    return ReplyProblem(response, 404, Text(name, ": no such network; see 'slipway network list'"));
  }
  nlohmann::json body = ToJson(*network);
  response.set_header("ETag", EntityTag(body));
  body["name"] = name;
  body["source"] = IsOfFile(core, name) ? "file" : "catalog";
  if (network->inherited_router) body["inherited_router"] = network->inherited_router->ToString();
  Reply(response, body);
}

void PutNetwork(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  auto body = BodyOf(request, response);
  if (!body) return;
  // What was read here may be written here again.
  if (body->contains("name") && (*body)["name"] != name) {
    return ReplyProblem(response, 400, "name: is not the path's; write the network anew to rename");
  }
  for (const char* told : {"name", "source", "inherited_router"}) body->erase(told);
  const std::scoped_lock lock(writing);
  if (!MayChange(request, response, Said(core, name))) return;
  if (absl::Status status = core.PutNetwork(name, *body, RequestActor(request)); !status.ok()) {
    return ReplyProblem(response, status);
  }
  ReplyNetwork(response, core, name);
}

void DeleteNetwork(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const std::scoped_lock lock(writing);
  if (!MayChange(request, response, Said(core, name))) return;
  const bool all_the_same = request.get_param_value("all_the_same") == "true";
  const absl::Status status = core.RemoveNetwork(name, all_the_same, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

// The network's reservation of the address; null where there is none, or no network.
nlohmann::json ReservationOf(const nlohmann::json& network, Ipv4Address address) {
  if (network.is_null()) return nullptr;
  for (const nlohmann::json& each : network["reservation"]) {
    if (each["address"] == address.ToString()) return each;
  }
  return nullptr;
}

void Reserve(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const auto address = Ipv4Address::Parse(std::string(request.matches[2]));
  if (!address) {
    return ReplyProblem(
        response, 400,
        Text(std::string(request.matches[2]), ": not an IPv4 address such as 10.77.0.20"));
  }
  nlohmann::json who;
  if (request.method == "PUT") {
    const auto body = BodyOf(request, response, {"mac", "uuid", "client_id"});
    if (!body) return;
    who = *body;
  }
  const std::scoped_lock lock(writing);
  // A reservation has no tag of its own: what was read is the network that lists it.
  const nlohmann::json network = Said(core, name);
  const nlohmann::json before = ReservationOf(network, *address);
  if (!HoldsIfMatch(request, response, {Text("/api/v1/networks/", name), network}) ||
      !HoldsIfNoneMatch(request, response, {request.path, before})) {
    return;
  }
  const absl::Status status = core.Reserve(name, *address, who, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  if (request.method == "PUT") return ReplyNetwork(response, core, name);
  response.status = 204;
}

}  // namespace

void AddNetworks(Router& router, Core& core) {
  router.Get("/api/v1/networks",
             [&core](const httplib::Request& request, httplib::Response& response) {
               nlohmann::json list = nlohmann::json::array();
               const auto leases = core.leases().All();
               const auto config = core.served();
               for (const NetworkConfig& network : config->networks) {
                 list.push_back(Summary(core, network, leases));
               }
               ReplyPage(request, response, std::move(list), "name");
             });
  router.Get("/api/v1/networks/{network}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyNetwork(response, core, request.matches[1]);
             });
  router.Put("/api/v1/networks/{network}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               PutNetwork(request, response, core);
             });
  router.Delete("/api/v1/networks/{network}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  DeleteNetwork(request, response, core);
                });
  router.Put("/api/v1/networks/{network}/reservations/{address}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Reserve(request, response, core);
             });
  router.Delete("/api/v1/networks/{network}/reservations/{address}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  Reserve(request, response, core);
                });
}

void AddLeases(Router& router, Core& core) {
  router.Get("/api/v1/leases",
             [&core](const httplib::Request& request, httplib::Response& response) {
               const auto selector = SelectorOf(request, response);
               if (!selector) return;
               const auto scope = MachineScope::Of(RequestActor(request), core, *selector);
               if (!scope.ok()) return ReplyProblem(response, scope.status());
               nlohmann::json list = nlohmann::json::array();
               const std::int64_t now = std::time(nullptr);
               for (const dhcp::Lease& lease : core.leases().All()) {
                 if (!scope->TakesIn(lease.mac)) continue;
                 list.push_back({{"address", lease.address.ToString()},
                                 {"mac", lease.mac.ToString()},
                                 {"uuid", lease.uuid.is_set() ? lease.uuid.ToString() : ""},
                                 {"client_id", ToHex(AsText(lease.client_identifier.bytes()))},
                                 {"state", StateName(lease, now)},
                                 {"expires", lease.expires_unix_seconds}});
               }
               ReplyPage(request, response, std::move(list), "address");
             });
}

}  // namespace slipway::control
