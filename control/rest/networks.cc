// SPDX-License-Identifier: Apache-2.0
//
// Networks and leases: GET /networks, GET /leases. Both are read here and made elsewhere: networks
// by the configuration, leases by the worker that owns them.
#include "control/rest/routes.h"

namespace slipway::control {

void AddNetworks(Router& router, Core& core) {
  router.Get("/api/v1/networks", [&core](const httplib::Request& request,
                                         httplib::Response& response) {
    nlohmann::json list = nlohmann::json::array();
    const auto leases = core.leases().All();
    for (const NetworkConfig& network : core.config().networks) {
      std::uint64_t addresses = 0;
      nlohmann::json pools = nlohmann::json::array();
      for (const AddressRange& pool : network.pools) {
        addresses += pool.size();
        pools.push_back(ToString(pool));
      }
      const auto bound = std::ranges::count_if(leases, [&](const dhcp::Lease& lease) {
        return lease.state == dhcp::LeaseState::kBound && network.subnet.Contains(lease.address);
      });
      list.push_back({{"name", network.name},
                      {"subnet", network.subnet.ToString()},
                      {"mode", network.proxy_dhcp ? "proxy" : "full"},
                      {"pools", pools},
                      {"addresses", addresses},
                      {"leases", bound},
                      {"lease_seconds", network.lease_time.count()},
                      {"reservations", network.reservations.size()}});
    }
    ReplyPage(request, response, std::move(list), "name");
  });
}

void AddLeases(Router& router, Core& core) {
  router.Get("/api/v1/leases",
             [&core](const httplib::Request& request, httplib::Response& response) {
               nlohmann::json list = nlohmann::json::array();
               for (const dhcp::Lease& lease : core.leases().All()) {
                 list.push_back({{"address", lease.address.ToString()},
                                 {"mac", lease.mac.ToString()},
                                 {"uuid", lease.uuid.is_set() ? lease.uuid.ToString() : ""},
                                 {"client_id", ToHex(AsText(lease.client_identifier.bytes()))},
                                 {"state", Name(lease.state)},
                                 {"expires", lease.expires_unix_seconds}});
               }
               ReplyPage(request, response, std::move(list), "address");
             });
}

}  // namespace slipway::control
