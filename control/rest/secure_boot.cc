// SPDX-License-Identifier: Apache-2.0
//
// Secure Boot: GET /secure-boot (what machines are taken to trust), POST /secure-boot/recheck (the
// files of that read again, and image sets judged by them; "?all=true": also what was judged by the
// same), POST /secure-boot/check?file=NAME[&architecture=A] (the verdict on the body, of which
// nothing is kept).
#include "control/architecture.h"
#include "control/rest/routes.h"
#include "control/rest/upload_folder.h"

namespace slipway::control {

void AddSecureBoot(Router& router, Core& core) {
  router.Get("/api/v1/secure-boot", [&core](const httplib::Request&, httplib::Response& response) {
    nlohmann::json json = ToJson(*core.trust());
    json["policy"] =
        core.config().secure_boot.policy == SecureBootPolicy::kRefuse ? "refuse" : "warn";
    json["refused"] = core.trust_refusal();
    Reply(response, json);
  });
  router.Post("/api/v1/secure-boot/recheck", [&core](const httplib::Request& request,
                                                     httplib::Response& response) {
    const Actor& actor = RequestActor(request);
    if (const absl::Status read = core.ReadTrust(actor); !read.ok()) {
      return ReplyProblem(response, read);
    }
    const auto changed = core.Recheck(actor, request.get_param_value("all") == "true");
    if (!changed.ok()) return ReplyProblem(response, changed.status());
    const nlohmann::json told = {{"changed", *changed}, {"version", core.trust()->version}};
    core.Audit(actor, "secure-boot recheck", nullptr, told);
    Reply(response, told);
  });
  router.Post("/api/v1/secure-boot/check", [&core](const httplib::Request& request,
                                                   httplib::Response& response,
                                                   const httplib::ContentReader& reader) {
    const auto folder = UploadFolder::Make(core.config().state_directory, request, response);
    if (!folder) return;
    const auto file = folder->Receive(request, response, reader, core.config().upload_max);
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
