// SPDX-License-Identifier: Apache-2.0
//
// What the resources share: replies, problem documents, and one function each that adds its routes.
#pragma once

#include <httplib.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "control/rest/authenticate.h"
#include "control/rest/router.h"
#include "control/serve/core.h"

namespace slipway::control {

// With the parameter, which says nothing new, httplib does not take it for JSON: it would compress
// each answer to a browser by brotli's best and slowest, a second for a long list.
inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";

void Reply(httplib::Response& response, const nlohmann::json& body, int status = 200);
// With an ETag; 304 to whoever has that already (If-None-Match).
void ReplyTagged(const httplib::Request& request, httplib::Response& response,
                 const nlohmann::json& body);

// A problem document's `type` is "/problems/" and its kind's name.
struct ProblemKind {
  int status = 0;
  std::string_view kind;
  std::string_view title;
  std::string_view remedy;
};
std::span<const ProblemKind> ProblemKinds();
// `detail` says what is wrong with this very request, and what to do.
void ReplyProblem(httplib::Response& response, int status, std::string_view detail);
void ReplyProblem(httplib::Response& response, const absl::Status& status);
// The same in the words of whoever is asked: below /v2/ as the registry's specification has errors,
// which lets no other JSON be one.
void ReplyFault(const httplib::Request& request, httplib::Response& response, int status,
                std::string_view detail);
// To what a handler threw: 400 where it is of a value in the body, else 500, which the log tells
// more of.
void ReplyException(const httplib::Request& request, httplib::Response& response,
                    const std::exception_ptr& thrown);

inline constexpr std::size_t kPageItems = 1000;  // where ?limit= does not say another number
inline constexpr std::size_t kPageItemsMax = 10000;
// The part of the list that ?limit= and ?after= ask for, with "Link: <...>; rel=next" where more
// follows. `key` names the items by which a page is found again when the list has changed.
void ReplyPage(const httplib::Request& request, httplib::Response& response, nlohmann::json list,
               std::string_view key);
// A list whose items are made only where a page shows them. All take a place, from 0. A page is of
// those that fit (null: all do), and full but for the last; where it ends is a place among all, so
// that the next one begins there though what stood there fits no more.
struct Listing {
  std::size_t size = 0;
  std::function<std::string(std::size_t)> key;
  std::function<nlohmann::json(std::size_t)> item;
  std::function<bool(std::size_t)> fits = {};
};
void ReplyPage(const httplib::Request& request, httplib::Response& response, const Listing& list);

// The tag of a resource's JSON, for the header ETag.
std::string EntityTag(const nlohmann::json& value);
// What a request may be bound to.
struct Resource {
  std::string path;
  const nlohmann::json& now;  // null where there is nothing
};
// Each looks at one header; false, and 412 replied with the resource's path, where it does not
// hold. Whoever then writes keeps others from writing in between.
bool HoldsIfMatch(const httplib::Request& request, httplib::Response& response,
                  const Resource& resource);
bool HoldsIfNoneMatch(const httplib::Request& request, httplib::Response& response,
                      const Resource& resource);
// Both, of the resource that the request names.
bool MayChange(const httplib::Request& request, httplib::Response& response,
               const nlohmann::json& current);
// What is wrong, naming the field, where an object has one that is not among the known.
std::optional<std::string> UnknownField(const nlohmann::json& body,
                                        std::initializer_list<std::string_view> known);
// The body as a JSON object; nullopt, and a problem replied, when it is none.
std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response);
// The same, and it may have no field but the known.
std::optional<nlohmann::json> BodyOf(const httplib::Request& request, httplib::Response& response,
                                     std::initializer_list<std::string_view> known);

class Pulls;
class Registry;
class Webhooks;

void AddImages(Router& router, Core& core);
void AddRegistry(Router& router, Registry& registry);  // /v2/
void AddPulls(Router& router, Pulls& pulls);
// As the registry's specification words errors.
void ReplyRegistryError(httplib::Response& response, int status, std::string_view code,
                        std::string_view message);
void AddSecureBoot(Router& router, Core& core);
void AddMachines(Router& router, Core& core);
void AddHeld(Router& router, Core& core);
void AddRules(Router& router, Core& core);  // rules, explain
void AddRollouts(Router& router, Core& core);
void AddTemplates(Router& router, Core& core);
// A MAC or a UUID, into the machine; false where it is neither.
bool NameMachine(const std::string& key, Machine& machine);
inline constexpr std::string_view kBadMachineName =
    "not a MAC such as 52:54:00:12:34:56 nor a UUID; see 'slipway machine list'";
void AddNetworks(Router& router, Core& core);
void AddLeases(Router& router, Core& core);
void AddBoots(Router& router, Core& core);
void AddWhy(Router& router, Core& core);
void AddEvents(Router& router, Core& core);
void AddSystem(Router& router, Core& core);  // health, status, drops
void AddAudit(Router& router, Core& core);
void AddBackup(Router& router, Core& core);
void AddCertificates(Router& router, Core& core);
void AddTokens(Router& router, Core& core);
void AddSession(Router& router, Core& core);
void AddWeb(Router& router);
void AddWorkers(Router& router, Core& core);
void AddWebhooks(Router& router, Webhooks& webhooks);
void AddMetrics(Router& router, Core& core, Webhooks& webhooks);  // /metrics

}  // namespace slipway::control
