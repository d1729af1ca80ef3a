// SPDX-License-Identifier: Apache-2.0
//
// GET /machines/{mac}/capture: a machine's frames as pcapng, as they come and go, until ?seconds=
// are over, ?bytes= are written, the reader goes away, or DELETE /captures/{id} ends it; ?snap=
// bytes of each frame are kept. The header Location names it for that. GET /captures lists.
//
// For operators: who decides what a machine boots may see what it is sent, within his scope:
// others' captures are neither listed nor ended. A reader whose token or certificate ends or is
// removed is dropped, as is one whose scope no longer holds the machine.
#include "control/rest/captures.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "control/capture/capture_desk.h"
#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Clock = std::chrono::steady_clock;

// Who reads is asked so often: what machines are sent is not for whoever had a token once.
constexpr auto kCheckInterval = std::chrono::seconds(2);

// Nullopt where it is no number within the bounds.
std::optional<std::uint64_t> NumberOf(const std::string& text, std::uint64_t least,
                                      std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < least || number > most) return std::nullopt;
  return number;
}

// Nullopt, and a problem replied, when something cannot be.
std::optional<CaptureTerms> ReadTerms(const httplib::Request& request,
                                      httplib::Response& response) {
  CaptureTerms terms;
  const auto mac = MacAddress::Parse(request.matches[1].str());
  if (!mac || !mac->is_station()) {
    ReplyProblem(response, 400, "not a machine's MAC; write one such as 52:54:00:12:34:56");
    return std::nullopt;
  }
  terms.order.machine = *mac;
  const auto read = [&](const char* name, std::uint64_t least, std::uint64_t most,
                        std::uint64_t otherwise) -> std::optional<std::uint64_t> {
    if (!request.has_param(name)) return otherwise;
    const auto number = NumberOf(request.get_param_value(name), least, most);
    if (!number) ReplyProblem(response, 400, Text(name, " is a number from ", least, " to ", most));
    return number;
  };
  const auto seconds = read("seconds", 1, static_cast<std::uint64_t>(CaptureTerms::kSecondsMax),
                            static_cast<std::uint64_t>(terms.seconds.count()));
  if (!seconds) return std::nullopt;
  const auto bytes = read("bytes", 1, CaptureTerms::kBytesMax, terms.bytes);
  if (!bytes) return std::nullopt;
  const auto snap =
      read("snap", CaptureTerms::kSnapMin, dataplane::CaptureOrder::kWhole, terms.order.bytes_max);
  if (!snap) return std::nullopt;
  terms.seconds = std::chrono::seconds(*seconds);
  terms.bytes = *bytes;
  terms.order.bytes_max = static_cast<std::uint32_t>(*snap);
  return terms;
}

class Stream {
 public:
  // The request outlives the stream: it is answered by it.
  Stream(Core& core, const httplib::Request& request, const MacAddress& machine,
         std::shared_ptr<CaptureSession> session)
      : core_(core), request_(request), machine_(machine), session_(std::move(session)) {}

  bool Give(httplib::DataSink& sink) {
    const std::string text = session_->Next();
    if (!text.empty() && !sink.write(text.data(), text.size())) return false;
    if (session_->is_over()) {
      sink.done();
      return true;
    }
    const auto now = Clock::now();
    if (now - checked_ < kCheckInterval) return true;
    checked_ = now;
    const auto actor = Authenticate(request_, core_);
    if (!actor.ok() || !May(*actor, Role::kOperator)) return false;
    const auto is_in = IsInScope(*actor, core_, machine_);
    return is_in.ok() && *is_in;
  }

 private:
  Core& core_;
  const httplib::Request& request_;
  const MacAddress machine_;
  const std::shared_ptr<CaptureSession> session_;
  Clock::time_point checked_ = Clock::now();
};

void StreamCapture(const httplib::Request& request, httplib::Response& response, Core& core,
                   CaptureDesk& desk) {
  const auto terms = ReadTerms(request, response);
  if (!terms || !MayRead(request, response, core, terms->order.machine)) return;
  auto session = desk.Begin(*terms, RequestActor(request));
  if (!session.ok()) return ReplyProblem(response, session.status());
  response.set_header("Location", Text("/api/v1/captures/", (*session)->id()));
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Accel-Buffering", "no");  // of nginx, should one stand between
  const auto stream =
      std::make_shared<Stream>(core, request, terms->order.machine, *std::move(session));
  response.set_chunked_content_provider(
      "application/x-pcapng",
      [stream](std::size_t, httplib::DataSink& sink) { return stream->Give(sink); });
}

void ListCaptures(const httplib::Request& request, httplib::Response& response, Core& core,
                  const CaptureDesk& desk) {
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  nlohmann::json list = nlohmann::json::array();
  for (const CaptureSession::State& state : desk.List()) {
    if (!scope->TakesIn(state.machine)) continue;
    list.push_back({{"id", state.id},
                    {"mac", state.machine.ToString()},
                    {"who", state.actor},
                    {"began", state.began},
                    {"frames", state.frames},
                    {"bytes", state.bytes},
                    {"lost", state.lost}});
  }
  ReplyPage(request, response, std::move(list), "id");
}

void EndCapture(const httplib::Request& request, httplib::Response& response, Core& core,
                CaptureDesk& desk) {
  const auto id = NumberOf(request.matches[1].str(), 0, ~std::uint64_t{0});
  const auto all = desk.List();
  const auto found =
      std::ranges::find_if(all, [&](const CaptureSession::State& state) { return state.id == id; });
  // One of a machine out of the scope is not there.
  const auto is_in = found == all.end() ? absl::StatusOr<bool>(false)
                                        : IsInScope(RequestActor(request), core, found->machine);
  if (!is_in.ok()) return ReplyProblem(response, is_in.status());
  if (!*is_in || !desk.End(*id)) {
    return ReplyProblem(response, 404,
                        "no such capture; GET /api/v1/captures lists those that run");
  }
  response.status = 204;
}

}  // namespace

void AddCaptures(Router& router, Core& core, CaptureDesk& desk) {
  router.Get("/api/v1/machines/{mac}/capture",
             [&](const httplib::Request& request, httplib::Response& response) {
               StreamCapture(request, response, core, desk);
             });
  router.Get("/api/v1/captures", [&](const httplib::Request& request, httplib::Response& response) {
    ListCaptures(request, response, core, desk);
  });
  router.Delete("/api/v1/captures/{capture}",
                [&](const httplib::Request& request, httplib::Response& response) {
                  EndCapture(request, response, core, desk);
                });
}

}  // namespace slipway::control
