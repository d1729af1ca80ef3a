// SPDX-License-Identifier: Apache-2.0
//
// Boots: GET /boots (a page of summaries, newest first), GET /boots/{MAC} (the last one with its
// steps), GET /boots/{id}. They are the archive's, and what has changed since it was last written.
// Boots under way say how far their download is. GET /queue: machines that wait for their turn. All
// of machines within the reader's scope.
//
// A page: ?mac= ?outcome= ?cause= ?since= (Unix seconds) and ?selector= (of machines, so none that
// nobody has entered) filter it, ?limit= (1 to 1,000) is its size, and ?before= (an id) where it
// begins; the Link header has the next one (RFC 8288).
#include <algorithm>
#include <charconv>
#include <chrono>
#include <unordered_set>
#include <vector>

#include "control/boots/boot_json.h"
#include "control/boots/causes.h"
#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/rest/selection.h"
#include "control/serve/boots_of.h"
#include "control/store/boot_archive.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::uint32_t kPageMax = 1000;

// A whole number within bounds; nullopt: it is none.
std::optional<std::int64_t> Number(const std::string& text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || read != end || number < least || number > most) return std::nullopt;
  return number;
}

// Nullopt, and a problem replied, when a parameter cannot be.
std::optional<BootFilter> ReadFilter(const httplib::Request& request, httplib::Response& response) {
  const auto wrong = [&](std::string_view detail) {
    ReplyProblem(response, 400, detail);
    return std::nullopt;
  };
  BootFilter filter;
  if (request.has_param("mac")) {
    filter.mac = MacAddress::Parse(request.get_param_value("mac"));
    if (!filter.mac) return wrong("mac is not a MAC such as 52:54:00:12:34:56");
  }
  filter.outcome = request.get_param_value("outcome");
  const auto is_outcome = [&](BootOutcome each) { return Name(each) == filter.outcome; };
  constexpr BootOutcome kAll[] = {BootOutcome::kUnderWay, BootOutcome::kComplete,
                                  BootOutcome::kFailed, BootOutcome::kAbandoned};
  if (!filter.outcome.empty() && std::ranges::none_of(kAll, is_outcome)) {
    return wrong("outcome is not \"under way\", \"complete\", \"failed\" or \"abandoned\"");
  }
  filter.cause = request.get_param_value("cause");
  if (!filter.cause.empty() && FindCause(filter.cause) == nullptr) {
    return wrong("cause is none of /api/v1/causes");
  }
  constexpr std::int64_t kSecondsMax = 10'000'000'000;
  const std::string since = request.get_param_value("since");
  const auto seconds = since.empty() ? 0 : Number(since, 0, kSecondsMax);
  if (!seconds) return wrong("since is not a time in Unix seconds");
  // Beyond what 64 bits of nanoseconds hold lies no boot.
  constexpr std::int64_t kNanosecondsMax = std::numeric_limits<std::int64_t>::max();
  filter.since_unix_nanoseconds =
      *seconds > kNanosecondsMax / 1'000'000'000 ? kNanosecondsMax : *seconds * 1'000'000'000;
  const std::string before = request.get_param_value("before");
  const auto id = before.empty() ? filter.before_id : Number(before, 1, filter.before_id);
  if (!id) return wrong("before is not the id of a boot");
  filter.before_id = *id;
  const std::string limit = request.get_param_value("limit");
  const auto size = limit.empty() ? filter.limit : Number(limit, 1, kPageMax);
  if (!size) return wrong("limit is not a number of boots from 1 to 1000");
  filter.limit = static_cast<std::uint32_t>(*size);
  return filter;
}

// The archive knows no labels. Of few machines it is asked for theirs, wherever they lie among
// others'; else it is read on, in pieces, until the page is full. Nullopt: they are not few.
std::optional<std::vector<MacAddress>> Few(const Core& core, const BootFilter& filter,
                                           const MachineScope& scope) {
  constexpr std::uint64_t kBootsMax = 8192;  // that they may have: some tens of milliseconds
  if (scope.is_all() || filter.mac) return std::nullopt;
  std::vector<MacAddress> macs = scope.Macs();
  if (macs.size() * core.config().limits.boots_per_machine > kBootsMax) return std::nullopt;
  return macs;
}

// The newest that fit and are in scope, newest first, without steps.
absl::StatusOr<std::vector<Boot>> ListBoots(Core& core, const BootFilter& filter,
                                            const MachineScope& scope) {
  std::vector<Boot> page;
  std::unordered_set<std::int64_t> newer;  // the archive has them as they were
  for (Boot& boot : core.timelines().Changed()) {
    newer.insert(boot.id);
    if (Fits(filter, boot) && scope.TakesIn(boot.mac)) page.push_back(std::move(boot));
  }
  BootFilter piece = filter;
  piece.limit += static_cast<std::uint32_t>(newer.size());
  const auto few = Few(core, filter, scope);
  for (std::size_t kept = 0; kept < filter.limit;) {
    auto stored = few ? core.archive().ListOf(*few, piece) : core.archive().List(piece);
    if (!stored.ok()) return stored.status();
    const bool is_last = stored->size() < piece.limit;
    if (!stored->empty()) piece.before_id = stored->back().id;
    for (Boot& boot : *stored) {
      if (newer.contains(boot.id) || !scope.TakesIn(boot.mac)) continue;
      page.push_back(std::move(boot));
      ++kept;
    }
    if (is_last) break;
    piece.limit = kPageMax;
  }
  std::ranges::sort(page, std::ranges::greater{}, &Boot::id);
  if (page.size() > filter.limit) page.resize(filter.limit);
  return page;
}

nlohmann::json Tell(const Boot& boot, BootDetail detail, Core& core) {
  nlohmann::json json = ToJson(boot, detail);
  const auto loading = core.timelines().LoadingOf(boot.mac, boot.id);
  if (loading) {
    json["loading"] = {{"path", loading->path}, {"bytes", loading->bytes}, {"of", loading->of}};
  } else {
    json["loading"] = nullptr;
  }
  return json;
}

// The same page, `before` replaced.
std::string NextPage(const httplib::Request& request, std::int64_t before) {
  httplib::Params parameters = request.params;
  parameters.erase("before");
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += Text(name, '=', httplib::detail::encode_query_param(value), '&');
  }
  return Text("</api/v1/boots?", query, "before=", before, ">; rel=\"next\"");
}

void ReplyBoots(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto filter = ReadFilter(request, response);
  if (!filter) return;
  const auto selector = SelectorOf(request, response);
  if (!selector) return;
  if (filter->mac && !MayRead(request, response, core, *filter->mac)) return;
  const auto scope = MachineScope::Of(RequestActor(request), core, *selector);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  const auto page = ListBoots(core, *filter, *scope);
  if (!page.ok()) return ReplyProblem(response, page.status());
  nlohmann::json list = nlohmann::json::array();
  for (const Boot& boot : *page) list.push_back(Tell(boot, BootDetail::kSummary, core));
  if (page->size() == filter->limit) {
    response.set_header("Link", NextPage(request, page->back().id));
  }
  ReplyTagged(request, response, list);
}

absl::StatusOr<std::optional<Boot>> FindBoot(Core& core, const std::string& key) {
  if (const auto mac = MacAddress::Parse(key)) {
    auto boots = BootsOf(core, *mac);
    if (!boots.ok()) return boots.status();
    return boots->empty() ? std::nullopt : std::optional(std::move(boots->back()));
  }
  const auto id = Number(key, 1, std::numeric_limits<std::int64_t>::max());
  if (!id) return std::nullopt;
  for (const Boot& boot : core.timelines().Changed()) {
    if (boot.id != *id) continue;
    for (Boot& whole : core.timelines().Of(boot.mac)) {
      if (whole.id == *id) return std::optional(std::move(whole));
    }
  }
  return core.archive().Find(*id);
}

void ShowBoot(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string key = request.matches[1];
  // Asked before it is looked for: whether a machine out of the scope ever booted is not told.
  const auto mac = MacAddress::Parse(key);
  if (mac && !MayRead(request, response, core, *mac)) return;
  const auto boot = FindBoot(core, key);
  if (!boot.ok()) return ReplyProblem(response, boot.status());
  if (*boot) {
    const auto is_in = IsInScope(RequestActor(request), core, (*boot)->mac);
    if (!is_in.ok()) return ReplyProblem(response, is_in.status());
    // By its number: whose it is, or that it is anybody's, is not told either.
    if (*is_in) return ReplyTagged(request, response, Tell(**boot, BootDetail::kSteps, core));
  }
  ReplyProblem(response, 404,
               Text(key,
                    ": no boot of it was seen; see 'slipway boot list', and 'slipway drops' "
                    "for frames that were not answered"));
}

// When the machine of a boot came to where it waits; nullptr when it does not wait.
const BootStep* WaitingStep(const Boot& boot) {
  const BootStep* waiting = nullptr;
  for (const BootStep& step : boot.steps) {
    using enum dataplane::EventKind;
    if (step.kind == kAdmissionWaits) waiting = &step;
    if (step.kind == kAdmissionTurn || step.kind == kTlsDone || step.kind == kHttpRequest) {
      waiting = nullptr;
    }
  }
  return boot.outcome == BootOutcome::kUnderWay ? waiting : nullptr;
}

// Machines that wait for their turn, the next one first: as they were told, less what has passed.
void ListQueue(const httplib::Request& request, httplib::Response& response, Core& core) {
  struct Waiting {
    Boot boot;
    BootStep step;
    std::int64_t turn = 0;  // expected, Unix nanoseconds
  };
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  std::vector<Waiting> waiting;
  for (Boot& boot : core.timelines().All()) {
    const BootStep* step = WaitingStep(boot);
    if (step == nullptr) continue;
    const std::int64_t turn =
        step->unix_nanoseconds + std::max<std::int64_t>(0, step->extra) * 1'000'000;
    waiting.push_back({std::move(boot), *step, turn});
  }
  std::ranges::stable_sort(waiting, {}, &Waiting::turn);
  const std::int64_t now =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  nlohmann::json list = nlohmann::json::array();
  std::size_t position = 0;  // among all, whoever may read of them
  for (const Waiting& each : waiting) {
    ++position;
    if (!scope->TakesIn(each.boot.mac)) continue;
    nlohmann::json entry = {{"position", position},
                            {"mac", each.boot.mac.ToString()},
                            {"address", each.boot.address.ToString()},
                            {"where", each.step.text},
                            {"waited_seconds", (now - each.step.unix_nanoseconds) / 1'000'000'000},
                            {"expected_seconds", nullptr}};
    if (each.step.extra >= 0) {
      entry["expected_seconds"] = std::max<std::int64_t>(0, (each.turn - now) / 1'000'000'000);
    }
    list.push_back(std::move(entry));
  }
  ReplyPage(request, response, std::move(list), "mac");
}

}  // namespace

void AddBoots(Router& router, Core& core) {
  router.Get("/api/v1/queue",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListQueue(request, response, core);
             });
  router.Get("/api/v1/boots",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyBoots(request, response, core);
             });
  router.Get("/api/v1/boots/{boot}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ShowBoot(request, response, core);
             });
}

}  // namespace slipway::control
