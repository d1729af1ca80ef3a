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
    {"GET", "/api/v1/health", std::nullopt, kNone, "Whether the daemon answers."},
    {"GET", "/api/v1/status", kViewer, kNone, "What the appliance is doing."},
    {"GET", "/api/v1/drops", kViewer, kNone, "Frames that were not served, and why."},
    {"GET", "/api/v1/workers", kViewer, kNone, "What each packet worker has counted."},
    {"GET", "/metrics", kViewer, kNone, "Everything counted, for Prometheus."},

    {"GET", "/api/v1/ca", kViewer, kNone, "The CA certificate (PEM)."},
    {"GET", "/api/v1/ca/efi", kViewer, kNone, "The CA as an EFI signature list."},

    {"GET", "/api/v1/audit", kAdmin, kNone, "The audit log, the newest record first."},
    {"GET", "/api/v1/audit/verify", kAdmin, kNone, "Checks the audit log's chain."},

    {"GET", "/api/v1/images", kViewer, kNone, "Image sets."},
    {"GET", "/api/v1/images/{reference}", kViewer, kNone, "One image set and its files."},
    {"PUT", "/api/v1/images/{reference}", kOperator, kChange, "Imports an image set."},
    {"DELETE", "/api/v1/images/{reference}", kOperator, kChange, "Removes an image set."},

    {"GET", "/api/v1/secure-boot", kViewer, kNone, "What the machines' firmware trusts."},
    {"POST", "/api/v1/secure-boot/recheck", kOperator, kChange, "Judges the image sets again."},
    {"POST", "/api/v1/secure-boot/check", kOperator, kNone, "Judges an EFI program."},

    {"GET", "/api/v1/machines", kViewer, kNone, "Machines."},
    {"GET", "/api/v1/machines/{machine}", kViewer, kNone, "One machine."},
    {"PUT", "/api/v1/machines/{machine}", kOperator, kChange, "Makes or changes a machine."},
    {"DELETE", "/api/v1/machines/{machine}", kOperator, kChange, "Removes a machine."},

    {"GET", "/api/v1/rules", kViewer, kNone, "Rules, in their order."},
    {"GET", "/api/v1/rules/{rule}", kViewer, kNone, "One rule."},
    {"PUT", "/api/v1/rules/{rule}", kOperator, kChange, "Makes or replaces a rule."},
    {"DELETE", "/api/v1/rules/{rule}", kOperator, kChange, "Removes a rule."},
    {"GET", "/api/v1/explain", kViewer, kNone, "What a machine would get, and by which rule."},

    {"GET", "/api/v1/rollouts", kViewer, kNone, "Rollouts, and how their versions' boots end."},
    {"PUT", "/api/v1/rollouts/{stable}", kOperator, kChange, "Begins or changes a rollout."},
    {"POST", "/api/v1/rollouts/{stable}/promote", kOperator, kChange,
     "Makes the candidate stable."},
    {"DELETE", "/api/v1/rollouts/{stable}", kOperator, kChange,
     "Rolls back to the stable version."},

    {"GET", "/api/v1/networks", kViewer, kNone, "Networks and how full they are."},
    {"GET", "/api/v1/leases", kViewer, kNone, "Leases."},
    {"GET", "/api/v1/queue", kViewer, kNone, "Machines that wait for their turn."},
    {"GET", "/api/v1/boots", kViewer, kNone, "Boots, without their steps."},
    {"GET", "/api/v1/boots/{boot}", kViewer, kNone, "A machine's last boot, or one by its id."},
    {"GET", "/api/v1/machines/{machine}/why", kViewer, kNone, "Why a machine did not boot."},
    {"GET", "/api/v1/causes", kViewer, kNone, "The causes that a diagnosis may name."},
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
