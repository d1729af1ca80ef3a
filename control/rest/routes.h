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

void AddImages(httplib::Server& server, Core& core);
void AddSecureBoot(httplib::Server& server, Core& core);
void AddMachines(httplib::Server& server, Core& core);
void AddNetworks(httplib::Server& server, Core& core);
void AddLeases(httplib::Server& server, Core& core);
void AddBoots(httplib::Server& server, Core& core);
void AddSystem(httplib::Server& server, Core& core);  // health, drops, ca
void AddWorkers(httplib::Server& server, Core& core);
void AddMetrics(httplib::Server& server, Core& core);  // /metrics

}  // namespace slipway::control
