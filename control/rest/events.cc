// SPDX-License-Identifier: Apache-2.0
//
// GET /events: the feed as server-sent events (WHATWG HTML 9.2), until the reader goes away.
//
// ?kind= (step, boot, link, change, held, audit; several with commas) and ?mac= choose; the header
// Last-Event-ID, or ?after= where it cannot be sent, is the id of the last event that the reader
// has, without which it begins with what happens next. An event "gap" says what it missed: how many
// events, or null where they were of a run before. After a quarter of a minute of silence comes a
// comment with the id reached, so that who asks for little resumes where it is.
//
// A reader with a scope is told of its machines, and of what is about no machine. Whether a machine
// is one of them is asked of the catalog as it is when the event is given, and the audit log is
// beyond every scope.
//
// A reader that is overtaken by the ring, or takes nothing for as long as a write may take, is
// dropped; so is one whose token or certificate ends or is removed.
#include <charconv>
#include <chrono>

#include "control/events/feed.h"
#include "control/parse_json.h"
#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Clock = EventFeed::Clock;

constexpr auto kKeepAlive = std::chrono::seconds(15);
// A reader that has gone is found that soon.
constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr std::chrono::seconds kWriteTimeout(CPPHTTPLIB_WRITE_TIMEOUT_SECOND);
// Some 5 kB, one TLS record: what a connection brought before it broke is not asked for again.
constexpr std::size_t kEventsPerWrite = 16;
constexpr std::string_view kRetry = "retry: 2000\n";  // milliseconds, until a reader comes again
constexpr auto kScopeInterval = std::chrono::seconds(1);

// A machine that is known by its UUID alone is named in the words of its change.
bool IsOf(const MachineScope& scope, const FeedEvent& event) {
  if (event.mac) return scope.TakesIn(*event.mac);
  if (event.kind != FeedKind::kChange) return true;
  constexpr std::string_view kMachine = "machine ";
  const auto data = ParseJson(DataOf(event));
  const std::string what = data.is_object() ? data.value("what", "") : "";
  if (!what.starts_with(kMachine)) return true;
  const auto uuid = Uuid::Parse(std::string_view(what).substr(kMachine.size()));
  return uuid && scope.TakesIn(*uuid);
}

class Stream {
 public:
  // The request outlives the stream: it is answered by it.
  Stream(Core& core, const httplib::Request& request, FeedFilter filter)
      : core_(core), request_(request), actor_(RequestActor(request)), filter_(std::move(filter)) {}
  // The place in the ledger was taken before.
  ~Stream() {
    if (end_ == StreamEnd::kGone && Clock::now() - taken_ >= kWriteTimeout) end_ = StreamEnd::kSlow;
    core_.streams().Leave(actor_.name, end_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void Begin(const std::optional<std::uint64_t>& seen, bool resumes) {
    const EventFeed::Place place = seen      ? core_.feed().Resume(*seen)
                                   : resumes ? EventFeed::Place{core_.feed().newest(), false, {}}
                                             : EventFeed::Place{core_.feed().newest()};
    position_ = place.position;
    greeting_ = kRetry;
    if (!place.whole) {
      const nlohmann::json gap = {
          {"lost", place.lost ? nlohmann::json(*place.lost) : nlohmann::json()}};
      greeting_ += Text("event: gap\ndata: ", gap.dump(), '\n');
    }
    greeting_ += Text("id: ", position_, "\n\n");
  }

  // False: this ends without a last chunk, and the connection with it.
  bool Give(httplib::DataSink& sink) {
    taken_ = Clock::now();
    if (!greeting_.empty()) return Write(sink, std::exchange(greeting_, {}));
    auto batch = core_.feed().Read(position_, filter_, kEventsPerWrite,
                                   std::min(taken_ + kLookInterval, written_ + kKeepAlive));
    taken_ = Clock::now();
    if (batch.too_slow) return End(StreamEnd::kSlow);
    if (batch.closed) {
      end_ = StreamEnd::kShutdown;
      sink.done();
      return true;
    }
    // What cannot be judged is not given: the reader comes again for it.
    if (!actor_.scope.empty() && !KeepThoseInScope(batch.events)) return End(StreamEnd::kGone);
    position_ = batch.position;
    if (taken_ - checked_ >= kKeepAlive && !IsStillWelcome()) return End(StreamEnd::kUnauthorized);
    if (batch.events.empty()) {
      return taken_ - written_ < kKeepAlive ||
             Write(sink, Text(": still here\nid: ", position_, "\n\n"));
    }
    std::string text;
    for (const auto& event : batch.events) {
      text += Text("id: ", event->id, "\nevent: ", NameOf(event->kind), "\ndata: ", DataOf(*event),
                   "\n\n");
    }
    return Write(sink, text);
  }

 private:
  bool IsStillWelcome() {
    checked_ = taken_;
    const auto actor = Authenticate(request_, core_);
    return actor.ok() && May(*actor, filter_.role);
  }
  // False where the catalog cannot be read.
  bool KeepThoseInScope(std::vector<std::shared_ptr<const FeedEvent>>& events) {
    if (events.empty()) return true;
    // Every change of a machine is in the audit log before it is in the feed. Leases, which may say
    // which machine it is, are not.
    const auto newest = core_.store().Audit({.limit = 1});
    if (!newest.ok()) return false;
    const std::int64_t head = newest->empty() ? 0 : newest->front().id;
    if (head != scope_head_ || taken_ - scope_read_ >= kScopeInterval) {
      auto scope = MachineScope::Of(actor_, core_);
      if (!scope.ok()) return false;
      scope_ = *std::move(scope);
      scope_head_ = head;
      scope_read_ = taken_;
    }
    std::erase_if(events, [this](const auto& event) { return !IsOf(scope_, *event); });
    return true;
  }
  bool Write(httplib::DataSink& sink, const std::string& text) {
    const bool done = sink.write(text.data(), text.size());
    written_ = Clock::now();
    if (done) taken_ = written_;
    return done;
  }
  bool End(StreamEnd end) {
    end_ = end;
    return false;
  }

  Core& core_;
  const httplib::Request& request_;
  const Actor actor_;
  const FeedFilter filter_;
  std::string greeting_;
  std::uint64_t position_ = 0;
  StreamEnd end_ = StreamEnd::kGone;
  Clock::time_point taken_ = Clock::now();  // when it was last known to take what it is given
  Clock::time_point written_ = taken_;
  Clock::time_point checked_ = taken_;  // when it was last asked who reads
  MachineScope scope_;                  // as the catalog was at this record of the audit log
  std::int64_t scope_head_ = -1;
  Clock::time_point scope_read_{};
};

// Nullopt, and a problem replied, when a parameter cannot be.
std::optional<FeedFilter> ReadFilter(const httplib::Request& request, httplib::Response& response,
                                     Core& core) {
  const Actor& actor = RequestActor(request);
  // Nothing of the audit log for a reader with a scope.
  const Role role = actor.scope.empty() ? actor.role : Role::kViewer;
  FeedFilter filter{.mac = {}, .kinds = {}, .role = role};
  if (request.has_param("mac")) {
    filter.mac = MacAddress::Parse(request.get_param_value("mac"));
    if (!filter.mac) {
      ReplyProblem(response, 400, "mac is not a MAC such as 52:54:00:12:34:56");
      return std::nullopt;
    }
    if (!MayRead(request, response, core, *filter.mac)) return std::nullopt;
  }
  const auto kinds = ParseKinds(request.get_param_value("kind"));
  if (!kinds) {
    ReplyProblem(response, 400,
                 "kind is not of step, boot, link, change, held and audit, with commas between");
    return std::nullopt;
  }
  for (const FeedKind kind : *kinds) {
    if (role >= RoleFor(kind)) continue;
    if (May(actor, RoleFor(kind))) {
      ReplyProblem(response, 403,
                   Text(actor.name, " is for machines with ", actor.scope, "; events of kind ",
                        NameOf(kind), " need a token without a scope"));
      return std::nullopt;
    }
    ReplyProblem(response, 403,
                 Text(actor.name, " is ", NameOf(actor.role), "; events of kind ", NameOf(kind),
                      " need ", NameOf(RoleFor(kind)), ": use a token of that role"));
    return std::nullopt;
  }
  filter.kinds = *kinds;
  return filter;
}

// Nullopt: it is no number, and so none that was given here.
std::optional<std::uint64_t> IdOf(const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

void StreamEvents(const httplib::Request& request, httplib::Response& response, Core& core) {
  auto filter = ReadFilter(request, response, core);
  if (!filter) return;
  const std::string& reader = RequestActor(request).name;
  const auto entry = core.streams().Enter(reader);
  if (entry != StreamLedger::Entry::kTaken) {
    response.set_header("Retry-After", "10");
    return ReplyProblem(
        response, 503,
        entry == StreamLedger::Entry::kFull
            ? "as many event streams are open as may be; close one that nobody reads"
            : Text(reader,
                   " has as many event streams open as one reader may; "
                   "close one, or give others tokens of their own"));
  }
  const auto stream = std::make_shared<Stream>(core, request, *std::move(filter));
  const std::string seen = request.has_header("Last-Event-ID")
                               ? request.get_header_value("Last-Event-ID")
                               : request.get_param_value("after");
  stream->Begin(IdOf(seen), !seen.empty());
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Accel-Buffering", "no");  // of nginx, should one stand between
  response.set_chunked_content_provider(
      "text/event-stream",
      [stream](std::size_t, httplib::DataSink& sink) { return stream->Give(sink); });
}

}  // namespace

void AddEvents(Router& router, Core& core) {
  router.Get("/api/v1/events",
             [&core](const httplib::Request& request, httplib::Response& response) {
               StreamEvents(request, response, core);
             });
}

}  // namespace slipway::control
