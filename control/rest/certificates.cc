// SPDX-License-Identifier: Apache-2.0
//
// Certificates: GET /certificates (the CA, the boot servers', management's), POST
// /certificates/rotate. The CA itself: GET /ca (PEM), GET /ca/efi (EFI_SIGNATURE_LIST), both of two
// while it is rotated; GET /ca/rotation, and POST /ca/rotate, withdraw, activate, deactivate and
// retire, of which all but the last may be sent twice; with If-Match they are refused where another
// step came in between.
#include <ctime>
#include <memory>
#include <mutex>

#include "control/rest/routes.h"

namespace slipway::control {
namespace {

// By the clock of this machine.
std::string_view StandingOf(const CertificateState& certificate, std::int64_t now) {
  if (certificate.not_before > now) return "not-yet-valid";
  return certificate.not_after < now ? "expired" : "valid";
}

nlohmann::json ToJson(const std::vector<CertificateState>& certificates) {
  const std::int64_t now = std::time(nullptr);
  nlohmann::json list = nlohmann::json::array();
  for (const CertificateState& each : certificates) {
    list.push_back({{"name", each.name},
                    {"subject", each.subject},
                    {"issuer", each.issuer},
                    {"key", each.key},
                    {"names", each.names},
                    {"not_before", each.not_before},
                    {"not_after", each.not_after},
                    {"days_left", DaysLeft(each, now)},
                    {"state", StandingOf(each, now)},
                    {"renewed_by_itself", each.is_ours},
                    {"fingerprint", each.fingerprint}});
  }
  return list;
}

// What its ETag is made of: days that pass are no change.
nlohmann::json Versioned(const Authorities& now) {
  nlohmann::json version = {{"phase", std::string(NameOf(now.phase))}};
  for (const CertificateState& each : StatesOf(now)) version[each.name] = each.fingerprint;
  return version;
}

void ReplyRotation(httplib::Response& response, const Authorities& now,
                   const std::string& next_step) {
  response.set_header("ETag", EntityTag(Versioned(now)));
  Reply(response, {{"phase", std::string(NameOf(now.phase))},
                   {"certificates", ToJson(StatesOf(now))},
                   {"next_step", next_step}});
}

void AddRotation(Router& router, Core& core) {
  router.Get("/api/v1/ca/rotation", [&core](const httplib::Request&, httplib::Response& response) {
    const auto now = core.certificates().authorities();
    ReplyRotation(response, *now, NextStep(*now));
  });
  // Holds from the look at If-Match to the change.
  const auto turn = std::make_shared<std::mutex>();
  constexpr struct {
    const char* path;
    CaStep step;
  } kSteps[] = {{"/api/v1/ca/rotate", CaStep::kRotate},
                {"/api/v1/ca/withdraw", CaStep::kWithdraw},
                {"/api/v1/ca/activate", CaStep::kActivate},
                {"/api/v1/ca/deactivate", CaStep::kDeactivate},
                {"/api/v1/ca/retire", CaStep::kRetire}};
  for (const auto& each : kSteps) {
    router.Post(each.path, [&core, turn, step = each.step](const httplib::Request& request,
                                                           httplib::Response& response) {
      const std::scoped_lock lock(*turn);
      if (!MayChange(request, response, Versioned(*core.certificates().authorities()))) return;
      const absl::Status status = core.certificates().StepCa(step, RequestActor(request));
      if (!status.ok()) return ReplyProblem(response, status);
      const auto now = core.certificates().authorities();
      ReplyRotation(response, *now, NextStepAfter(step, *now));
    });
  }
}

}  // namespace

void AddCertificates(Router& router, Core& core) {
  router.Get("/api/v1/certificates",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyPage(request, response, ToJson(core.certificates().All()), "name");
             });
  router.Post("/api/v1/certificates/rotate",
              [&core](const httplib::Request& request, httplib::Response& response) {
                const absl::Status status = core.certificates().Rotate(RequestActor(request));
                if (!status.ok()) return ReplyProblem(response, status);
                Reply(response, ToJson(core.certificates().All()));
              });
  router.Get("/api/v1/ca", [&core](const httplib::Request& request, httplib::Response& response) {
    const auto now = core.certificates().authorities();
    const bool newest = request.get_param_value("newest") == "true";
    response.set_content(newest ? NewestOf(*now) : BundleOf(*now), "application/x-pem-file");
  });
  router.Get("/api/v1/ca/efi", [&core](const httplib::Request&, httplib::Response& response) {
    const auto list = tls::FirmwareEnrolment(BundleOf(*core.certificates().authorities()));
    response.set_content(std::string(list.begin(), list.end()), "application/octet-stream");
  });
  AddRotation(router, core);
}

}  // namespace slipway::control
