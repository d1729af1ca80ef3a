// SPDX-License-Identifier: Apache-2.0
//
// The audit log: GET /audit (the newest record first; ?since= in Unix seconds, ?before= a record's
// number, ?limit=), GET /audit/verify (?head=NUMBER:HASH, as noted earlier).
#include <algorithm>
#include <charconv>

#include "control/parse_json.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::uint32_t kPageMax = 1000;

nlohmann::json ToJson(const AuditRecord& record) {
  return {{"id", record.id},
          {"at", record.unix_seconds},
          {"who", record.who},
          {"address", record.address},
          {"request", record.request},
          {"what", record.what},
          {"before", ParseJson(record.before)},
          {"after", ParseJson(record.after)},
          {"previous", record.previous},
          {"hash", record.hash}};
}

// False, and a problem replied, where the parameter is there and no number from `least` on.
bool Number(const httplib::Request& request, httplib::Response& response, const char* name,
            std::int64_t least, std::int64_t& value) {
  if (!request.has_param(name)) return true;
  const std::string text = request.get_param_value(name);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least) {
    return true;
  }
  ReplyProblem(response, 400, Text(name, "=", text, ": write a whole number from ", least, " on"));
  return false;
}

void ListAudit(const httplib::Request& request, httplib::Response& response, Core& core) {
  AuditQuery query;
  std::int64_t limit = query.limit;
  if (!Number(request, response, "before", 0, query.before)) return;
  if (!Number(request, response, "since", 0, query.since)) return;
  if (!Number(request, response, "limit", 1, limit)) return;
  query.limit = static_cast<std::uint32_t>(std::min<std::int64_t>(limit, kPageMax));
  const auto records = core.store().Audit(query);
  if (!records.ok()) return ReplyProblem(response, records.status());
  nlohmann::json list = nlohmann::json::array();
  for (const AuditRecord& record : *records) list.push_back(ToJson(record));
  if (records->size() == query.limit) {
    response.set_header("Link", Text("</api/v1/audit?limit=", query.limit, "&since=", query.since,
                                     "&before=", records->back().id, ">; rel=\"next\""));
  }
  Reply(response, list);
}

void VerifyAudit(const httplib::Request& request, httplib::Response& response, Core& core) {
  std::optional<AuditHead> witness;
  if (request.has_param("head")) {
    witness = AuditHead::Parse(request.get_param_value("head"));
    if (!witness) {
      return ReplyProblem(response, 400, "head is not NUMBER:HASH as 'slipway audit verify' says");
    }
  }
  const auto head = core.store().VerifyAudit(witness);
  if (!head.ok() && head.status().code() != absl::StatusCode::kDataLoss) {
    return ReplyProblem(response, head.status());
  }
  nlohmann::json answer = {{"good", head.ok()}, {"fault", nullptr}, {"head", nullptr}};
  if (head.ok()) {
    answer["head"] = head->ToString();
  } else {
    answer["fault"] = std::string(head.status().message());
  }
  Reply(response, answer);
}

}  // namespace

void AddAudit(Router& router, Core& core) {
  router.Get("/api/v1/audit",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListAudit(request, response, core);
             });
  router.Get("/api/v1/audit/verify",
             [&core](const httplib::Request& request, httplib::Response& response) {
               VerifyAudit(request, response, core);
             });
}

}  // namespace slipway::control
