// SPDX-License-Identifier: Apache-2.0
//
// Certificates: GET /certificates (the CA, the boot servers', management's), POST
// /certificates/rotate. The CA itself: GET /ca (PEM), GET /ca/efi (EFI_SIGNATURE_LIST).
#include <ctime>

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

}  // namespace

void AddCertificates(Router& router, Core& core) {
  router.Get("/api/v1/certificates",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyPage(request, response, ToJson(core.Certificates()), "name");
             });
  router.Post("/api/v1/certificates/rotate",
              [&core](const httplib::Request& request, httplib::Response& response) {
                const absl::Status status = core.RotateCertificates(RequestActor(request));
                if (!status.ok()) return ReplyProblem(response, status);
                Reply(response, ToJson(core.Certificates()));
              });
  router.Get("/api/v1/ca", [&core](const httplib::Request&, httplib::Response& response) {
    response.set_content(core.authority().certificate_pem, "application/x-pem-file");
  });
  router.Get("/api/v1/ca/efi", [&core](const httplib::Request&, httplib::Response& response) {
    const auto list = tls::FirmwareEnrolment(core.authority().certificate_pem);
    response.set_content(std::string(list.begin(), list.end()), "application/octet-stream");
  });
}

}  // namespace slipway::control
