// SPDX-License-Identifier: Apache-2.0
//
// Networks against ports, pools against subnets, reservations against both.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/cross_check.h"
#include "control/config/value.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Options that the server writes itself or that are the protocol's own (RFC 2132 3.1-3.5, 8.17, 9;
// RFC 3046; RFC 3442; RFC 4578; RFC 6842).
constexpr std::array kServersOwn = {1,  3,  6,  15, 26, 43, 50, 51, 52, 53, 54, 55, 56,
                                    57, 58, 59, 60, 61, 66, 67, 82, 93, 94, 97, 121};

std::string Shown(const Ipv4Prefix& subnet) {
  return Ipv4Prefix{subnet.network(), subnet.length}.ToString();
}

// Networks of the REST interface have no lines.
std::string InLine(unsigned line) { return line == 0 ? "" : Text(" in line ", line); }

class NetworkChecker {
 public:
  NetworkChecker(const Section& root, Complaints& complaints)
      : root_(root), complaints_(complaints) {
    for (const Section& port : root.Children("port")) {
      for (const Ipv4Prefix& own : port.List<Ipv4Prefix>("addresses")) own_.push_back(own);
    }
  }

  void Check() {
    const auto& networks = root_.Children("network");
    for (std::size_t i = 0; i < networks.size(); ++i) {
      const Section& network = networks[i];
      CheckName(network);
      const auto subnet = network.Get<Ipv4Prefix>("subnet");
      if (!subnet) continue;
      for (std::size_t earlier = 0; earlier < i; ++earlier)
        CheckOverlap(network, networks[earlier]);
      CheckSubnet(network, *subnet);
      CheckPools(network, *subnet);
      CheckRouters(network, *subnet);
      CheckReservations(network, *subnet);
      CheckOptions(network);
    }
  }

 private:
  void CheckName(const Section& network) {
    const auto name = network.Get<std::string>("name");
    if (!name) return;
    if (name->empty()) {
      complaints_.Add(network, "name", "empty; write what operators call the network");
    } else if (!names_.emplace(*name, network.where.line).second) {
      complaints_.Add(network, "name",
                      Text("already a network", InLine(names_[*name]), "; name it otherwise"));
    }
  }

  void CheckOverlap(const Section& network, const Section& earlier) {
    const auto a = network.Get<Ipv4Prefix>("subnet");
    const auto b = earlier.Get<Ipv4Prefix>("subnet");
    if (!b || !(a->Contains(b->network()) || b->Contains(a->network()))) return;
    complaints_.Add(
        network, "subnet",
        Text("overlaps ", Shown(*b), " of ", earlier.Get<std::string>("name").value_or("?"),
             InLine(earlier.At("subnet").where.line), "; an address must name its network"));
  }

  void CheckSubnet(const Section& network, const Ipv4Prefix& subnet) {
    if (subnet.length == 0 || subnet.length > 30) {
      complaints_.Add(network, "subnet", "no room for clients; write a length of 1 to 30");
      return;
    }
    if (subnet.address != subnet.network()) {
      complaints_.Add(network, "subnet",
                      Text("has bits behind its length; write \"", Shown(subnet), '"'));
    }
    const bool attached = std::ranges::any_of(
        own_, [&](const Ipv4Prefix& own) { return subnet.Contains(own.address); });
    const bool relayed = network.Get<bool>("relayed").value_or(false);
    if (!attached && !relayed) {
      complaints_.Add(network, "subnet",
                      "no port has an address inside; add one to a port, or write relayed = true");
    } else if (attached && relayed) {
      complaints_.Add(network, "relayed", "a port has an address inside; leave relayed out");
    }
    CheckIsOnOneWire(network, subnet);
    for (const Ipv4Prefix& own : own_) {
      if (subnet.Contains(own.address) && own.length != subnet.length) {
        complaints_.Add(
            network, "subnet",
            Text("the port's address inside is ", own.ToString(), "; give both the same length"));
      }
    }
  }

  // Machines of the second would not be answered.
  void CheckIsOnOneWire(const Section& network, const Ipv4Prefix& subnet) {
    std::vector<Ipv4Address> inside;  // of each port the first
    for (const Section& port : root_.Children("port")) {
      const auto addresses = port.List<Ipv4Prefix>("addresses");
      const auto own = std::ranges::find_if(
          addresses, [&](const Ipv4Prefix& each) { return subnet.Contains(each.address); });
      if (own != addresses.end()) inside.push_back(own->address);
    }
    if (inside.size() < 2) return;
    complaints_.Add(network, "subnet",
                    Text("two ports or VLANs have an address inside, ", inside[0].ToString(),
                         " and ", inside[1].ToString(),
                         "; a network is on one of them: write addresses of another subnet at the "
                         "other"));
  }

  void CheckPools(const Section& network, const Ipv4Prefix& subnet) {
    const auto pools = network.List<AddressRange>("pools");
    const bool proxy = network.Get<bool>("proxy_dhcp").value_or(false);
    if (proxy && !pools.empty()) {
      complaints_.Add(network, "pools",
                      "a proxy gives no addresses; leave pools out or write proxy_dhcp = false");
    }
    if (!proxy && pools.empty() && network.At("pools").shown == "[]" &&
        network.Children("reservation").empty()) {
      complaints_.Add(network, "pools",
                      "no address can be given; write a pool, a reservation, or proxy_dhcp = true");
    }
    for (std::size_t i = 0; i < pools.size(); ++i) {
      const AddressRange& pool = pools[i];
      const auto complain = [&](std::string_view what) {
        complaints_.AddElement(network, "pools", i, ToString(pool), what);
      };
      if (!subnet.Contains(pool.first) || !subnet.Contains(pool.last)) {
        complain(Text("reaches outside the subnet; stay inside ", Shown(subnet)));
        continue;
      }
      if (pool.Contains(subnet.network()) || pool.Contains(subnet.broadcast())) {
        complain("holds the network's own or its broadcast address; leave them out");
      }
      for (const Ipv4Prefix& own : own_) {
        if (pool.Contains(own.address)) {
          complain(
              Text("holds the server's own address ", own.address.ToString(), "; leave it out"));
        }
      }
      if (const auto router = network.Get<Ipv4Address>("router");
          router && pool.Contains(*router)) {
        complain(Text("holds the router ", router->ToString(), "; leave it out"));
      }
      for (std::size_t earlier = 0; earlier < i; ++earlier) {
        if (Overlap(pool, pools[earlier])) {
          complain(Text("overlaps \"", ToString(pools[earlier]), "\"; write each address once"));
        }
      }
    }
  }

  void CheckRouters(const Section& network, const Ipv4Prefix& subnet) {
    if (const auto router = network.Get<Ipv4Address>("router");
        router && !subnet.Contains(*router)) {
      complaints_.Add(network, "router",
                      Text("clients cannot reach it; write an address inside ", Shown(subnet)));
    }
    for (const Section& route : network.Children("route")) {
      const auto via = route.Get<Ipv4Address>("via");
      if (via && !subnet.Contains(*via)) {
        complaints_.Add(route, "via",
                        Text("clients cannot reach it; write an address inside ", Shown(subnet)));
      }
      const auto destination = route.Get<Ipv4Prefix>("destination");
      if (destination && destination->address != destination->network()) {
        complaints_.Add(route, "destination",
                        Text("has bits behind its length; write \"", Shown(*destination), '"'));
      }
    }
  }

  void CheckReservations(const Section& network, const Ipv4Prefix& subnet) {
    std::map<Ipv4Address, unsigned> addresses;
    std::map<std::string, unsigned> machines;
    for (const Section& reservation : network.Children("reservation")) {
      std::string machine;
      int named = 0;
      for (const std::string_view key : {"mac", "uuid", "client_id"}) {
        if (!reservation.Written(key)) continue;
        ++named;
        machine = reservation.At(key).shown;
        if (!machines.emplace(machine, reservation.where.line).second) {
          complaints_.Add(
              reservation, key,
              Text("already has a reservation", InLine(machines[machine]), "; keep one of them"));
        }
      }
      if (named != 1) {
        complaints_.Add(reservation,
                        named == 0 ? "nothing says whose; write mac, uuid or client_id"
                                   : "named in several ways; write one of mac, uuid, client_id");
      }
      const auto address = reservation.Get<Ipv4Address>("address");
      if (!address) continue;
      const bool own = std::ranges::any_of(
          own_, [&](const Ipv4Prefix& prefix) { return prefix.address == *address; });
      if (!subnet.Contains(*address)) {
        complaints_.Add(reservation, "address",
                        Text("outside the subnet; write an address inside ", Shown(subnet)));
      } else if (own || *address == subnet.network() || *address == subnet.broadcast()) {
        complaints_.Add(reservation, "address",
                        own ? "the server's own address; write another"
                            : "the network's own or its broadcast address; write a host's");
      } else if (address == network.Get<Ipv4Address>("router")) {
        complaints_.Add(reservation, "address", "the network's router; write another");
      } else if (!addresses.emplace(*address, reservation.where.line).second) {
        complaints_.Add(reservation, "address",
                        Text("already reserved", InLine(addresses[*address]), "; write another"));
      }
    }
  }

  void CheckOptions(const Section& network) {
    std::map<std::int64_t, unsigned> codes;
    for (const Section& option : network.Children("option")) {
      const int forms =
          option.Written("text") + option.Written("hex") + option.Written("addresses");
      if (forms != 1) {
        complaints_.Add(option, forms == 0 ? "no value; write text, hex or addresses"
                                           : "several values; write one of text, hex, addresses");
      }
      const auto code = option.Get<std::int64_t>("code");
      if (!code) continue;
      if (std::ranges::find(kServersOwn, *code) != kServersOwn.end()) {
        complaints_.Add(option, "code",
                        "written by the server itself; use the network's keys for it");
      } else if (!codes.emplace(*code, option.where.line).second) {
        complaints_.Add(option, "code",
                        Text("already set", InLine(codes[*code]), "; keep one of them"));
      }
    }
  }

  const Section& root_;
  Complaints& complaints_;
  std::vector<Ipv4Prefix> own_;
  std::map<std::string, unsigned> names_;
};

// The port's gateway that the network inherits as its router, as none is written; beside another
// DHCP server machines are told none.
std::optional<Ipv4Address> LentRouter(const Section& root, const Section& network) {
  const auto subnet = network.Get<Ipv4Prefix>("subnet");
  if (!subnet || network.Written("router") || network.Get<bool>("proxy_dhcp").value_or(false)) {
    return std::nullopt;
  }
  for (const Section& port : root.Children("port")) {
    const auto gateway = port.Get<Ipv4Address>("gateway");
    if (gateway && subnet->Contains(*gateway)) return gateway;
  }
  return std::nullopt;
}

}  // namespace

void CheckNetworks(const Section& root, Complaints& complaints) {
  NetworkChecker(root, complaints).Check();
}

void CheckLentRouters(const Section& root, Complaints& complaints) {
  constexpr std::string_view kWhat =
      "the port's gateway, which is the router of a network that names none; ";
  for (const Section& network : root.Children("network")) {
    const auto router = LentRouter(root, network);
    if (!router) continue;
    const auto pools = network.List<AddressRange>("pools");
    for (std::size_t i = 0; i < pools.size(); ++i) {
      if (!pools[i].Contains(*router)) continue;
      complaints.AddElement(network, "pools", i, ToString(pools[i]),
                            Text("holds ", router->ToString(), ", ", kWhat,
                                 "leave it out, or write the network's own router"));
    }
    for (const Section& reservation : network.Children("reservation")) {
      if (reservation.Get<Ipv4Address>("address") != router) continue;
      complaints.Add(reservation, "address",
                     Text(kWhat, "write another, or the network's own router"));
    }
  }
}

}  // namespace slipway::control
