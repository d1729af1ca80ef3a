// SPDX-License-Identifier: Apache-2.0
//
// What the resources share: replies, problem documents, and one function each that adds its routes.
#pragma once

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "control/serve/core.h"

namespace slipway::control {

inline constexpr std::string_view kJsonType = "application/json";

void Reply(httplib::Response& response, const nlohmann::json& body, int status = 200);
void ReplyProblem(httplib::Response& response, int status, std::string_view detail);
void ReplyProblem(httplib::Response& response, const absl::Status& status);
// The body as a JSON object; nullopt, and a problem replied, when it is none.
std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response);

void AddImages(httplib::Server& server, Core& core);
void AddMachines(httplib::Server& server, Core& core);
void AddNetworks(httplib::Server& server, Core& core);
void AddLeases(httplib::Server& server, Core& core);
void AddBoots(httplib::Server& server, Core& core);
void AddSystem(httplib::Server& server, Core& core);  // health, drops, ca
void AddWorkers(httplib::Server& server, Core& core);
void AddMetrics(httplib::Server& server, Core& core);  // /metrics

}  // namespace slipway::control
