// SPDX-License-Identifier: Apache-2.0
#include "control/config/networks.h"

#include <algorithm>
#include <utility>

#include "control/config/cross_check.h"
#include "control/config/json_document.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string OptionValue(const Section& option) {
  if (const auto text = option.Get<std::string>("text")) return *text;
  if (const auto hex = option.Get<std::string>("hex")) return *hex;
  std::string octets;
  for (const Ipv4Address address : option.List<Ipv4Address>("addresses")) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      octets.push_back(static_cast<char>(address.value() >> shift & 0xff));
    }
  }
  return octets;
}

nlohmann::json ToJson(const ReservationConfig& reservation) {
  nlohmann::json told = {{"address", reservation.address.ToString()}};
  if (reservation.mac) told["mac"] = reservation.mac->ToString();
  if (reservation.uuid) told["uuid"] = reservation.uuid->ToString();
  if (!reservation.client_identifier.empty()) {
    told["client_id"] = ToHex(reservation.client_identifier);
  }
  return told;
}

// What networks are checked against and by, of the configuration.
nlohmann::json Root(const Config& config, std::span<const NetworkDocument> more) {
  nlohmann::json ports = nlohmann::json::array();
  for (const PortConfig& port : config.ports) {
    nlohmann::json addresses = nlohmann::json::array();
    for (const Ipv4Prefix& own : port.addresses) addresses.push_back(own.ToString());
    nlohmann::json each = {{"device", port.device}, {"addresses", addresses}};
    if (port.gateway) each["gateway"] = port.gateway->ToString();
    ports.push_back(std::move(each));
  }
  nlohmann::json networks = nlohmann::json::array();
  for (const NetworkConfig& network : config.networks) {
    nlohmann::json each = ToJson(network);
    each["name"] = network.name;
    networks.push_back(std::move(each));
  }
  for (const NetworkDocument& each : more) {
    nlohmann::json network = each.document.is_object() ? each.document : nlohmann::json::object();
    network["name"] = each.name;
    networks.push_back(std::move(network));
  }
  return {{"port", ports}, {"network", networks}};
}

std::vector<std::string> WordsOf(const std::vector<Problem>& problems) {
  std::vector<std::string> words;
  words.reserve(problems.size());
  for (const Problem& problem : problems) words.push_back(problem.what);
  return words;
}

}  // namespace

NetworkConfig BuildNetwork(const Section& section) {
  NetworkConfig network;
  network.name = *section.Get<std::string>("name");
  network.subnet = *section.Get<Ipv4Prefix>("subnet");
  network.pools = section.List<AddressRange>("pools");
  network.router = section.Get<Ipv4Address>("router");
  network.lease_time = std::chrono::seconds(*section.Get<std::int64_t>("lease_time"));
  network.dns = section.List<Ipv4Address>("dns");
  network.domain = section.Get<std::string>("domain").value_or("");
  network.proxy_dhcp = *section.Get<bool>("proxy_dhcp");
  network.relayed = *section.Get<bool>("relayed");
  network.authoritative = *section.Get<bool>("authoritative");
  const std::string unknown = *section.Get<std::string>("unknown_machines");
  network.unknown_machines = unknown == "serve"       ? UnknownMachines::kServe
                             : unknown == "boot_only" ? UnknownMachines::kBootOnly
                                                      : UnknownMachines::kIgnore;
  for (const Section& child : section.Children("reservation")) {
    network.reservations.push_back(
        {.mac = child.Get<MacAddress>("mac"),
         .uuid = child.Get<Uuid>("uuid"),
         .client_identifier = child.Get<std::string>("client_id").value_or(""),
         .address = *child.Get<Ipv4Address>("address")});
  }
  for (const Section& child : section.Children("route")) {
    network.routes.push_back(
        {*child.Get<Ipv4Prefix>("destination"), *child.Get<Ipv4Address>("via")});
  }
  for (const Section& child : section.Children("option")) {
    network.options.push_back(
        {static_cast<std::uint8_t>(*child.Get<std::int64_t>("code")), OptionValue(child)});
  }
  return network;
}

absl::StatusOr<Config> WithNetworks(const Config& config, std::span<const NetworkDocument> more) {
  // The file was checked when it was read; this is asked at each publication.
  if (more.empty()) return config;
  std::vector<Problem> problems;
  std::vector<Problem> warnings;  // networks have none
  const std::filesystem::path file("networks");
  const Section root = ReadJson(Root(config, more), file.string(), problems);
  Complaints complaints(file, {problems, warnings});
  CheckNetworks(root, complaints);
  if (!problems.empty()) return absl::InvalidArgumentError(Join(WordsOf(problems), "\n"));
  Config whole = config;
  whole.networks.clear();
  for (const Section& section : root.Children("network")) {
    whole.networks.push_back(BuildNetwork(section));
  }
  TakeRouters(whole);
  return whole;
}

std::vector<std::string> LentRouterTaken(const Config& config, const NetworkConfig& network) {
  Config alone;
  alone.ports = config.ports;
  alone.networks = {network};
  std::vector<Problem> problems;
  std::vector<Problem> warnings;
  const std::filesystem::path file("networks");
  const Section root = ReadJson(Root(alone, {}), file.string(), problems);
  Complaints complaints(file, {problems, warnings});
  CheckLentRouters(root, complaints);
  return WordsOf(problems);
}

void TakeRouters(Config& config) {
  for (NetworkConfig& network : config.networks) {
    const auto lends = [&](const PortConfig& port) {
      return port.gateway && network.subnet.Contains(*port.gateway);
    };
    const auto port = std::ranges::find_if(config.ports, lends);
    if (network.router || port == config.ports.end()) continue;
    if (LentRouterTaken(config, network).empty()) network.inherited_router = port->gateway;
  }
}

nlohmann::json ToJson(const NetworkConfig& network) {
  constexpr std::string_view kUnknown[] = {"serve", "boot_only", "ignore"};
  nlohmann::json told = {
      {"subnet", network.subnet.ToString()},
      {"lease_time", Text(network.lease_time.count(), 's')},
      {"proxy_dhcp", network.proxy_dhcp},
      {"relayed", network.relayed},
      {"authoritative", network.authoritative},
      {"unknown_machines", kUnknown[static_cast<std::size_t>(network.unknown_machines)]}};
  for (const char* list : {"pools", "dns", "reservation", "route", "option"}) {
    told[list] = nlohmann::json::array();
  }
  if (network.router) told["router"] = network.router->ToString();
  if (!network.domain.empty()) told["domain"] = network.domain;
  for (const AddressRange& pool : network.pools) told["pools"].push_back(ToString(pool));
  for (const Ipv4Address& server : network.dns) told["dns"].push_back(server.ToString());
  for (const ReservationConfig& each : network.reservations) {
    told["reservation"].push_back(ToJson(each));
  }
  for (const RouteConfig& each : network.routes) {
    told["route"].push_back(
        {{"destination", each.destination.ToString()}, {"via", each.via.ToString()}});
  }
  for (const OptionConfig& each : network.options) {
    const bool empty = each.value.empty();  // which no hexadecimal octets say
    told["option"].push_back(
        {{"code", each.code}, {empty ? "text" : "hex", empty ? "" : ToHex(each.value)}});
  }
  return told;
}

}  // namespace slipway::control
