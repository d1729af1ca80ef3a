// SPDX-License-Identifier: Apache-2.0
#include "control/rest/selection.h"

#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kSearchMax = 256;

}  // namespace

std::optional<Selector> SelectorOf(const httplib::Request& request, httplib::Response& response) {
  const auto selector = Selector::Parse(request.get_param_value("selector"));
  if (!selector.ok()) {
    ReplyProblem(response, selector.status());
    return std::nullopt;
  }
  if (const std::string* word = NeedsMessage(*selector)) {
    ReplyProblem(
        response, 400,
        Text("selector: ", *word,
             ": is told by a machine's message, and a list is of what the catalog has; "
             "write labels, such as rack=a1, or group, name, serial, mac, uuid, tcp-fingerprint, "
             "tls-fingerprint"));
    return std::nullopt;
  }
  return *selector;
}

std::optional<MachineSearch> SearchOf(const httplib::Request& request,
                                      httplib::Response& response) {
  const std::string text = request.get_param_value("search");
  if (text.size() <= kSearchMax) return MachineSearch(text);
  ReplyProblem(response, 400, Text("search: is longer than ", kSearchMax, " bytes; shorten it"));
  return std::nullopt;
}

}  // namespace slipway::control
