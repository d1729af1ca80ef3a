// SPDX-License-Identifier: Apache-2.0
//
// The table itself, by resource.
#include "control/rest/route_table.h"

#include <algorithm>

namespace slipway::control {
namespace {

using enum Effect;
using enum Role;

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/health", std::nullopt, kNone,
     "Whether machines are served; 503 where no lease can be written.", "Health"},
    {"GET", "/api/v1/status", kViewer, kNone, "What the appliance is doing.", "Status"},
    {"GET", "/api/v1/drops", kViewer, kNone, "Frames that were not served, and why.", "[Drop]", "",
     "limit after"},
    {"GET", "/api/v1/workers", kViewer, kNone, "What each packet worker has counted.", "Workers"},
    {"GET", "/metrics", kViewer, kNone, "Everything counted, for Prometheus.", "@text/plain"},

    {"GET", "/api/v1/openapi.json", kViewer, kNone, "This description.", "object"},
    {"GET", "/problems/{kind}", std::nullopt, kNone, "What a kind of problem means.",
     "ProblemKind"},

    {"GET", "/", std::nullopt, kNone, "The web page.", "@text/html"},
    {"GET", "/web/app.js", std::nullopt, kNone, "Its program.", "@text/javascript"},
    {"GET", "/web/style.css", std::nullopt, kNone, "Its style.", "@text/css"},
    {"GET", "/web/icon.svg", std::nullopt, kNone, "Its icon.", "@image/svg+xml"},

    {"GET", "/api/v1/whoami", kViewer, kNone, "Who asks, with which role.", "Actor"},
    {"POST", "/api/v1/session", kViewer, kNone,
     "Begins a browser's session: a cookie for the token.", "201 Actor"},
    {"DELETE", "/api/v1/session", kViewer, kNone, "Ends it.", "204"},
    {"GET", "/api/v1/tokens", kAdmin, kNone, "Tokens, without their texts.", "[Token]", "",
     "limit after"},
    {"PUT", "/api/v1/tokens/{name}", kAdmin, kChange, "Makes a token; its text is shown once.",
     "201 NewToken", "TokenRequest"},
    {"DELETE", "/api/v1/tokens/{name}", kAdmin, kChange, "Removes a token.", "204"},

    {"GET", "/api/v1/certificates", kViewer, kNone, "Certificates in use, and their ends.",
     "[Certificate]", "", "limit after"},
    {"POST", "/api/v1/certificates/rotate", kAdmin, kChange, "New certificates.", "[Certificate]"},
    {"GET", "/api/v1/backup", kAdmin, kNone, "The state of the appliance as a tar.",
     "@application/x-tar", "", "images"},
    {"GET", "/api/v1/ca", kViewer, kNone,
     "The CA certificate (PEM); both while it is rotated, the one that signs first.",
     "@application/x-pem-file", "", "newest"},
    {"GET", "/api/v1/ca/efi", kViewer, kNone, "The same as an EFI signature list.",
     "@application/octet-stream"},
    {"GET", "/api/v1/ca/rotation", kViewer, kNone, "How far the CA's rotation is.", "CaRotation"},
    {"POST", "/api/v1/ca/rotate", kAdmin, kChange,
     "Makes the next CA, to be enrolled beside the one that signs.", "CaRotation"},
    {"POST", "/api/v1/ca/withdraw", kAdmin, kChange,
     "Gives the next CA up before it signs; clients that enrolled it go on believing it.",
     "CaRotation"},
    {"POST", "/api/v1/ca/activate", kAdmin, kChange, "The next CA signs from then on.",
     "CaRotation"},
    {"POST", "/api/v1/ca/deactivate", kAdmin, kChange,
     "The way back from that: the previous CA signs again.", "CaRotation"},
    {"POST", "/api/v1/ca/retire", kAdmin, kChange,
     "Ends the previous CA: clients that know it alone are refused.", "CaRotation"},

    {"GET", "/api/v1/audit", kOperator, kNone, "The audit log, the newest record first.",
     "[AuditRecord]", "", "limit before since"},
    {"GET", "/api/v1/audit/verify", kOperator, kNone, "Checks the audit log's chain.",
     "AuditVerdict", "", "head"},

    {"GET", "/api/v1/images", kViewer, kNone, "Image sets.", "[ImageSet]", "", "limit after"},
    {"GET", "/api/v1/images/{reference+}", kViewer, kNone, "One image set and its files.",
     "ImageSet"},
    {"PUT", "/api/v1/images/{reference+}", kOperator, kChange, "Imports an image set.",
     "201 ImageSet", "ImageImport @application/octet-stream",
     "file as boot arguments arch labels needs"},
    {"DELETE", "/api/v1/images/{reference+}", kOperator, kChange, "Removes an image set.", "204"},
    {"GET", "/api/v1/tags/{reference+}", kViewer, kNone,
     "Where a tag leads, and where it led before.", "Tag"},
    {"PUT", "/api/v1/tags/{reference+}", kOperator, kChange,
     "Makes a tag lead to a version that its repository has; back is where it led before.", "Tag",
     "TagChange"},
    {"DELETE", "/api/v1/tags/{reference+}", kOperator, kChange,
     "Takes a tag away; its version stays by its digest for seven days.", "204"},

    {"POST", "/api/v1/images/pull", kOperator, kPart,
     "Pulls from another registry; the same that is under way is not begun again.", "202 Pull",
     "PullRequest"},
    {"GET", "/api/v1/pulls", kViewer, kNone, "Pulls from other registries, and how far they are.",
     "[Pull]", "", "limit after"},
    {"GET", "/api/v1/pulls/{pull}", kViewer, kNone, "How far one pull is.", "Pull"},
    {"DELETE", "/api/v1/pulls/{pull}", kOperator, kChange, "Ends a pull.", "204"},

    // OCI's distribution-spec 1.1.
    {"GET", "/v2", kViewer, kNone, "Whether this is a registry."},
    {"GET", "/v2/", kViewer, kNone, "Whether this is a registry."},
    {"GET", "/v2/_catalog", kViewer, kNone, "Repositories."},
    {"GET", "/v2/{name+}/tags/list", kViewer, kNone, "A repository's tags."},
    {"GET", "/v2/{name+}/referrers/{digest}", kViewer, kNone, "What has a manifest as subject."},
    {"GET", "/v2/{name+}/manifests/{reference}", kViewer, kNone, "A manifest."},
    {"PUT", "/v2/{name+}/manifests/{reference}", kOperator, kChange, "Takes a manifest in."},
    {"DELETE", "/v2/{name+}/manifests/{reference}", kOperator, kChange,
     "Deletes a tag, or a manifest with its tags."},
    {"GET", "/v2/{name+}/blobs/{digest}", kViewer, kNone, "A blob, or a part of it."},
    {"DELETE", "/v2/{name+}/blobs/{digest}", kOperator, kChange, "Deletes a blob not in use."},
    {"POST", "/v2/{name+}/blobs/uploads", kOperator, kPart, "Begins an upload."},
    {"POST", "/v2/{name+}/blobs/uploads/", kOperator, kPart,
     "Begins an upload, mounts a blob, or takes one whole."},
    {"GET", "/v2/{name+}/blobs/uploads/{session}", kViewer, kNone, "How far an upload is."},
    {"PATCH", "/v2/{name+}/blobs/uploads/{session}", kOperator, kPart, "Takes a chunk."},
    {"PUT", "/v2/{name+}/blobs/uploads/{session}", kOperator, kPart, "Ends an upload."},
    {"DELETE", "/v2/{name+}/blobs/uploads/{session}", kOperator, kPart, "Gives an upload up."},

    {"GET", "/api/v1/secure-boot", kViewer, kNone, "What the machines' firmware trusts.",
     "SecureBootTrust"},
    {"POST", "/api/v1/secure-boot/recheck", kOperator, kChange,
     "Reads what is trusted again, and judges the image sets by it.", "SecureBootRecheck", "",
     "all"},
    {"POST", "/api/v1/secure-boot/check", kOperator, kNone, "Judges an EFI program.",
     "SecureBootVerdict", "@application/octet-stream", "file architecture"},

    {"GET", "/api/v1/machines", kViewer, kNone, "Machines.", "[Machine]", "",
     "limit after selector search"},
    {"GET", "/api/v1/machines/{machine}", kViewer, kNone, "One machine.", "Machine"},
    {"PUT", "/api/v1/machines/{machine}", kOperator, kChange, "Makes or changes a machine.",
     "Machine", "MachineChange"},
    {"DELETE", "/api/v1/machines/{machine}", kOperator, kChange, "Removes a machine.", "204"},

    {"GET", "/api/v1/held", kViewer, kNone,
     "Machines that rules hold until they are approved, that asked within a day or since.",
     "[HeldMachine]", "", "limit after since"},

    {"GET", "/api/v1/rules", kViewer, kNone, "Rules, in their order.", "[Rule]", "", "limit after"},
    {"GET", "/api/v1/rules/{rule+}", kViewer, kNone, "One rule.", "Rule"},
    {"PUT", "/api/v1/rules/{rule+}", kOperator, kChange, "Makes or replaces a rule.", "Rule",
     "RuleChange"},
    {"DELETE", "/api/v1/rules/{rule+}", kOperator, kChange, "Removes a rule.", "204"},
    {"GET", "/api/v1/explain", kViewer, kNone, "What a machine would get, and by which rule.",
     "Explanation", "",
     "mac uuid client_id arch client network vendor_class circuit_id remote_id "
     "dhcp_fingerprint"},

    {"GET", "/api/v1/rollouts", kViewer, kNone, "Rollouts, and how their versions' boots end.",
     "[RolloutState]", "", "limit after"},
    {"GET", "/api/v1/rollouts/{stable}", kViewer, kNone, "One rollout.", "Rollout"},
    {"PUT", "/api/v1/rollouts/{stable}", kOperator, kChange, "Begins or changes a rollout.",
     "Rollout", "RolloutChange"},
    {"POST", "/api/v1/rollouts/{stable}/promote", kOperator, kChange, "Makes the candidate stable.",
     "204"},
    {"DELETE", "/api/v1/rollouts/{stable}", kOperator, kChange, "Rolls back to the stable version.",
     "204"},

    {"GET", "/api/v1/templates", kViewer, kNone, "Templates, without their texts.",
     "[TemplateState]", "", "limit after"},
    {"GET", "/api/v1/templates/{template}", kViewer, kNone,
     "One template, and the machines that it fails.", "TemplateState"},
    {"PUT", "/api/v1/templates/{template}", kOperator, kChange, "Makes or changes a template.",
     "TemplateState", "TemplateChange"},
    {"DELETE", "/api/v1/templates/{template}", kOperator, kChange, "Removes a template.", "204"},
    {"GET", "/api/v1/templates/{template}/preview", kViewer, kNone,
     "The document that a machine gets.", "TemplatePreview", "", "machine"},
    {"POST", "/api/v1/templates/{template}/preview", kViewer, kNone,
     "The document that a machine would get by a changed template; nothing is changed.",
     "TemplatePreview", "TemplateChange", "machine"},

    {"GET", "/api/v1/networks", kViewer, kNone, "Networks and how full they are.", "[Network]", "",
     "limit after"},
    {"GET", "/api/v1/networks/{network}", kViewer, kNone, "One network.", "NetworkDefinition"},
    {"PUT", "/api/v1/networks/{network}", kAdmin, kChange, "Makes or replaces a network.",
     "NetworkDefinition", "NetworkChange"},
    {"DELETE", "/api/v1/networks/{network}", kAdmin, kChange, "Removes a network.", "204", "",
     "all_the_same"},
    {"PUT", "/api/v1/networks/{network}/reservations/{address}", kOperator, kChange,
     "Keeps an address for one machine; `If-Match`: the network's; `If-None-Match: *`: where it is "
     "kept for nobody.",
     "NetworkDefinition", "Owner"},
    {"DELETE", "/api/v1/networks/{network}/reservations/{address}", kOperator, kChange,
     "Keeps an address for nobody any more; `If-Match`: the network's.", "204"},
    {"GET", "/api/v1/leases", kViewer, kNone, "Leases.", "[Lease]", "", "limit after selector"},
    {"GET", "/api/v1/queue", kViewer, kNone, "Machines that wait for their turn.", "[Waiting]", "",
     "limit after"},
    {"GET", "/api/v1/boots", kViewer, kNone, "Boots, without their steps.", "[Boot]", "",
     "limit before mac selector outcome cause since"},
    {"GET", "/api/v1/boots/{boot}", kViewer, kNone, "A machine's last boot, or one by its id.",
     "BootStory"},
    {"GET", "/api/v1/machines/{machine}/why", kViewer, kNone, "Why a machine did not boot.",
     "Diagnosis"},
    {"GET", "/api/v1/machines/{mac}/capture", kOperator, kNone,
     "A machine's frames as they come and go, as pcapng; see [Captures](#captures).",
     "@application/x-pcapng", "", "seconds bytes snap"},
    {"GET", "/api/v1/captures", kOperator, kNone, "Captures that run, and what they have seen.",
     "[Capture]", "", "limit after"},
    {"DELETE", "/api/v1/captures/{capture}", kOperator, kChange,
     "Ends a capture; its reader gets a whole file.", "204"},
    {"GET", "/api/v1/events", kViewer, kNone,
     "What happens, as server-sent events; see [Live events](#live-events).", "@text/event-stream",
     "", "kind mac after"},
    {"GET", "/api/v1/webhooks", kAdmin, kNone, "Webhooks, without secrets, and how they go.",
     "[Webhook]", "", "limit after"},
    {"PUT", "/api/v1/webhooks/{name}", kAdmin, kChange,
     "Makes a webhook; its secret is shown once. See [Webhooks](#webhooks).", "201 NewWebhook",
     "WebhookRequest"},
    {"DELETE", "/api/v1/webhooks/{name}", kAdmin, kChange, "Removes a webhook.", "204"},
    {"POST", "/api/v1/webhooks/{name}/test", kAdmin, kChange, "Sends one message, now.",
     "WebhookAttempt"},
    {"GET", "/api/v1/causes", kViewer, kNone, "The causes that a diagnosis may name.", "[Cause]",
     "", "limit after"},
};

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

const Route* FindRoute(std::string_view method, std::string_view path) {
  const auto* found = std::ranges::find_if(
      kRoutes, [&](const Route& route) { return route.method == method && route.path == path; });
  return found == std::end(kRoutes) ? nullptr : found;
}

std::string PatternOf(std::string_view path) {
  std::string pattern;
  while (!path.empty()) {
    const std::size_t open = path.find('{');
    for (const char letter : path.substr(0, open)) {
      if (letter == '.') pattern += '\\';
      pattern += letter;
    }
    if (open == path.npos) break;
    const std::size_t close = path.find('}', open);
    pattern += path[close - 1] == '+' ? "(.+)" : "([^/]+)";
    path.remove_prefix(close + 1);
  }
  return pattern;
}

}  // namespace slipway::control
