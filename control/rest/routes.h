// SPDX-License-Identifier: Apache-2.0
//
// What the resources share: replies, problem documents, and one function each that adds its routes.
#pragma once

#include <httplib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "control/rest/authenticate.h"
#include "control/rest/router.h"
#include "control/serve/core.h"

namespace slipway::control {

inline constexpr std::string_view kJsonType = "application/json";

void Reply(httplib::Response& response, const nlohmann::json& body, int status = 200);
void ReplyProblem(httplib::Response& response, int status, std::string_view detail);
void ReplyProblem(httplib::Response& response, const absl::Status& status);
// A folder of one upload below the state directory; gone with the object.
class UploadFolder {
 public:
  explicit UploadFolder(const std::filesystem::path& state);
  ~UploadFolder();
  UploadFolder(const UploadFolder&) = delete;
  UploadFolder& operator=(const UploadFolder&) = delete;

  // Writes the body as the file that "?file=" names; nullopt, and a problem replied, when it has no
  // name or cannot be written whole.
  std::optional<std::filesystem::path> Receive(const httplib::Request& request,
                                               httplib::Response& response,
                                               const httplib::ContentReader& reader);

 private:
  std::filesystem::path path_;
};

// The body as a JSON object; nullopt, and a problem replied, when it is none.
std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response);

void AddImages(Router& router, Core& core);
void AddSecureBoot(Router& router, Core& core);
void AddMachines(Router& router, Core& core);
void AddRules(Router& router, Core& core);  // rules, explain
void AddRollouts(Router& router, Core& core);
void AddNetworks(Router& router, Core& core);
void AddLeases(Router& router, Core& core);
void AddBoots(Router& router, Core& core);
void AddWhy(Router& router, Core& core);
void AddSystem(Router& router, Core& core);  // health, drops, ca
void AddAudit(Router& router, Core& core);
void AddWorkers(Router& router, Core& core);
void AddMetrics(Router& router, Core& core);  // /metrics

}  // namespace slipway::control
