// SPDX-License-Identifier: Apache-2.0
//
// Secure Boot: GET /secure-boot (what machines are taken to trust), POST /secure-boot/recheck
// ("?all=true": also what was judged by the same), POST
// /secure-boot/check?file=NAME[&architecture=A] (the verdict on the body, of which nothing is
// kept).
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "control/architecture.h"
#include "control/rest/routes.h"

namespace slipway::control {

UploadFolder::UploadFolder(const std::filesystem::path& state) {
  std::string pattern = (state / "upload-XXXXXX").string();
  const char* made = ::mkdtemp(pattern.data());
  if (made != nullptr) path_ = made;
}

UploadFolder::~UploadFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::optional<std::filesystem::path> UploadFolder::Receive(const httplib::Request& request,
                                                           httplib::Response& response,
                                                           const httplib::ContentReader& reader) {
  const std::string name =
      std::filesystem::path(request.get_param_value("file")).filename().string();
  if (name.empty() || name == "." || name == "..") {
    ReplyProblem(response, 400, "the upload has no name; add ?file=NAME to the address");
    return std::nullopt;
  }
  std::ofstream file(path_ / name, std::ios::binary);
  const bool whole = reader([&](const char* data, std::size_t size) {
    return file.write(data, static_cast<std::streamsize>(size)).good();
  });
  file.close();
  if (whole && file) return path_ / name;
  ReplyProblem(response, 507,
               "the upload could not be written whole; make room on the state directory's disk");
  return std::nullopt;
}

void AddSecureBoot(Router& router, Core& core) {
  router.Get("/api/v1/secure-boot", [&core](const httplib::Request&, httplib::Response& response) {
    nlohmann::json json = ToJson(*core.trust());
    json["policy"] =
        core.config().secure_boot.policy == SecureBootPolicy::kRefuse ? "refuse" : "warn";
    Reply(response, json);
  });
  router.Post("/api/v1/secure-boot/recheck", [&core](const httplib::Request& request,
                                                     httplib::Response& response) {
    const auto changed = core.Recheck(request.get_param_value("all") == "true");
    if (!changed.ok()) return ReplyProblem(response, changed.status());
    const nlohmann::json told = {{"changed", *changed}, {"version", core.trust()->version}};
    core.Audit(RequestActor(request), "secure-boot recheck", nullptr, told);
    Reply(response, told);
  });
  router.Post("/api/v1/secure-boot/check",
              [&core](const httplib::Request& request, httplib::Response& response,
                      const httplib::ContentReader& reader) {
                UploadFolder folder(core.config().state_directory);
                const auto file = folder.Receive(request, response, reader);
                if (!file) return;
                const auto trust = core.trust();
                const std::string role(UefiArchitecture(request.get_param_value("architecture")));
                const auto verdict = JudgeLooseFile(*file, role, *trust);
                if (!verdict.ok()) return ReplyProblem(response, verdict.status());
                nlohmann::json json = ToJson(*verdict);
                json["judged_by"] = trust->sources;
                Reply(response, json);
              });
}

}  // namespace slipway::control
