// SPDX-License-Identifier: Apache-2.0
//
// The core's networks. The configuration file's are fixed while the daemon runs; the catalog's are
// checked together with them, as if they stood behind them in the file.
#include <algorithm>
#include <ctime>
#include <utility>

#include "control/config/networks.h"
#include "control/policy/selector.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

absl::Status NoSuchNetwork(const std::string& name) {
  return absl::NotFoundError(Text(name, ": no such network; see 'slipway network list'"));
}

// The owner's names as ToJson() spells them; what is none stays for WithNetworks() to refuse.
nlohmann::json Spelled(const nlohmann::json& who) {
  nlohmann::json spelled = who;
  for (auto& [key, value] : spelled.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    if (const auto mac = MacAddress::Parse(text); key == "mac" && mac) value = mac->ToString();
    if (const auto uuid = Uuid::Parse(text); key == "uuid" && uuid) value = uuid->ToString();
    if (const auto id = ParseHex(text); key == "client_id" && id) value = ToHex(*id);
  }
  return spelled;
}

}  // namespace

std::shared_ptr<const Config> Core::served() const {
  const std::scoped_lock lock(served_mutex_);
  return served_;
}

absl::StatusOr<nlohmann::json> Core::CatalogNetwork(const std::string& name) {
  if (std::ranges::find(config_.networks, name, &NetworkConfig::name) != config_.networks.end()) {
    return absl::FailedPreconditionError(Text(
        name, ": is a network of the configuration file; change it there and restart slipwayd"));
  }
  const auto networks = store_->Networks();
  if (!networks.ok()) return networks.status();
  const auto network = std::ranges::find(*networks, name, &NetworkDocument::name);
  if (network == networks->end()) return NoSuchNetwork(name);
  return network->document;
}

absl::Status Core::PutNetwork(const std::string& name, const nlohmann::json& document,
                              const Actor& actor) {
  if (!IsLabelKey(name)) {
    return absl::InvalidArgumentError(
        Text("name: \"", name, "\": write letters, digits, '-', '_' and '.', such as \"lab-2\""));
  }
  const std::scoped_lock lock(mutex_);
  const auto before = CatalogNetwork(name);
  if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
  return PutNetworkLocked(name, document, actor);
}

absl::Status Core::PutNetworkLocked(const std::string& name, const nlohmann::json& document,
                                    const Actor& actor) {
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  auto networks = store_->Networks();
  if (!networks.ok()) return networks.status();
  // Behind all others, so that what does not fit between two is told of this one.
  std::erase_if(*networks, [&](const NetworkDocument& each) { return each.name == name; });
  networks->push_back({name, document});
  auto config = WithNetworks(config_, *networks);
  if (!config.ok()) return config.status();
  // One that took it already was told of at the start, and may be mended in steps.
  const auto served_now = served();
  const auto before = std::ranges::find(served_now->networks, name, &NetworkConfig::name);
  const bool took_it =
      before != served_now->networks.end() && !LentRouterTaken(*served_now, *before).empty();
  if (const auto taken = LentRouterTaken(*config, config->networks.back());
      !took_it && !taken.empty()) {
    return absl::InvalidArgumentError(Join(taken, "\n"));
  }
  // One spelling of each value, so that what is kept for a machine is found again.
  networks->back().document = ToJson(config->networks.back());
  site->config = std::make_shared<const Config>(*std::move(config));
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->PutNetwork(networks->back(), actor); !status.ok()) {
    return status;
  }
  return RepublishLocked();
}

absl::Status Core::RemoveNetwork(const std::string& name, bool all_the_same, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  if (const auto before = CatalogNetwork(name); !before.ok()) return before.status();
  const auto config = served();
  const auto network = std::ranges::find(config->networks, name, &NetworkConfig::name);
  const auto leases = leases_.All();
  const std::int64_t now = std::time(nullptr);
  const auto held = std::ranges::count_if(leases, [&](const dhcp::Lease& lease) {
    return network != config->networks.end() && IsHeld(lease, now) &&
           network->subnet.Contains(lease.address);
  });
  if (held != 0 && !all_the_same) {
    return absl::FailedPreconditionError(
        Text(name, ": has leases of ", held, held == 1 ? " machine" : " machines",
             ", which could not be renewed; to remove it all the same: ?all_the_same=true, or "
             "'slipway network rm ",
             name, " --all'"));
  }
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  auto networks = store_->Networks();
  if (!networks.ok()) return networks.status();
  std::erase_if(*networks, [&](const NetworkDocument& each) { return each.name == name; });
  auto without = WithNetworks(config_, *networks);
  if (!without.ok()) return without.status();
  site->config = std::make_shared<const Config>(*std::move(without));
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->RemoveNetwork(name, actor); !status.ok()) return status;
  return RepublishLocked();
}

absl::Status Core::Reserve(const std::string& network, Ipv4Address address,
                           const nlohmann::json& owner, const Actor& actor) {
  const nlohmann::json who = Spelled(owner);
  const std::scoped_lock lock(mutex_);
  auto document = CatalogNetwork(network);
  if (!document.ok()) return document.status();
  nlohmann::json& list = (*document)["reservation"];
  const auto is_it = [&](const nlohmann::json& each) {
    if (Ipv4Address::Parse(each.value("address", "")) == address) return true;
    return std::ranges::any_of(
        std::initializer_list<const char*>{"mac", "uuid", "client_id"},
        [&](const char* key) { return who.contains(key) && each.value(key, "") == who[key]; });
  };
  // Not the ranges' own: clang 14 cannot read what they give.
  const auto kept = std::remove_if(list.begin(), list.end(), is_it);
  const bool was_there = kept != list.end();
  list.erase(kept, list.end());
  if (who.is_null() && !was_there) {
    return absl::NotFoundError(
        Text(address.ToString(), ": is kept for nobody; see 'slipway network show ", network, "'"));
  }
  if (!who.is_null()) {
    nlohmann::json reservation = who;
    reservation["address"] = address.ToString();
    list.push_back(std::move(reservation));
  }
  return PutNetworkLocked(network, *document, actor);
}

}  // namespace slipway::control
