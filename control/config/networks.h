// SPDX-License-Identifier: Apache-2.0
//
// Networks beside those of slipway.toml: each a JSON object with the keys of [[network]], read by
// the same schema and checked together with all the others, so that one set of rules, and of words,
// holds for both.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/config/document.h"

namespace slipway::control {

struct NetworkDocument {
  std::string name;
  nlohmann::json document;  // the keys of [[network]] but its name
};

// The configuration with these networks behind its own. InvalidArgument: every mistake there is, by
// the keys' names; mistakes between two networks are told of the later one.
absl::StatusOr<Config> WithNetworks(const Config& config, std::span<const NetworkDocument> more);

// Every key but the name, defaults too; WithNetworks() reads it back. What the network inherits
// from its port is none of them: written back it would be its own, whatever the port says by then.
nlohmann::json ToJson(const NetworkConfig& network);

// Of a section without problems.
NetworkConfig BuildNetwork(const Section& section);

// The network's pools and reservations that take the gateway which its port would lend it as its
// router, each in the words of a check; empty where it names its own. It is refused for them where
// it is put; one that was there when the gateway came is served without a router.
std::vector<std::string> LentRouterTaken(const Config& config, const NetworkConfig& network);

// Networks that name no router inherit their port's, where that is inside the subnet and not taken.
void TakeRouters(Config& config);

}  // namespace slipway::control
