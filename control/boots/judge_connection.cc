// SPDX-License-Identifier: Apache-2.0
//
// What the last connection of a boot says: its handshake, its request, and how the transfer went.
#include "control/boots/story.h"
#include "control/boots/words.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

constexpr std::int64_t kPatience = 20;  // between one step of firmware and the next
// So many segments sent again, and one of twenty, are more than a sound wire loses.
constexpr std::int64_t kLossesMin = 10;
constexpr std::int64_t kLossShare = 20;

// The last connection that a step of the boot belongs to; 0: none.
std::uint64_t LastConnection(const Boot& boot) {
  for (auto step = boot.steps.rbegin(); step != boot.steps.rend(); ++step) {
    if (step->connection != 0) return step->connection;
  }
  return 0;
}

Judgement OfStatus(const BootStep& request) {
  const std::string path(PathOf(request.text));
  if (request.number == 404) return {CauseId::kNotFound, Certainty::kCertain, path, {&request}};
  if (request.number == 503) return {CauseId::kNotLoaded, Certainty::kCertain, path, {&request}};
  return {CauseId::kRequestRefused,
          Certainty::kCertain,
          Text(path.empty() ? "" : path + ", ", "status ", request.number),
          {&request}};
}

// The transfer of a file ended before its last byte was acknowledged.
Judgement OfTransfer(const Story& story, const BootStep& get, const BootStep& end) {
  const BootStep* progress = story.Last(EventKind::kHttpProgress, end.connection);
  const BootStep* opened = story.Last(EventKind::kTcpOpened, end.connection);
  const std::string where = progress == nullptr
                                ? std::string("before any of it arrived")
                                : Text("at ", progress->number, " of ", progress->extra, " bytes");
  Judgement finding{CauseId::kResetWhileLoading,
                    Certainty::kCertain,
                    Text(PathOf(get.text), ", ", where),
                    {opened, &get, progress, &end}};
  const std::int64_t mss = opened != nullptr && opened->extra > 0 ? opened->extra : 1460;
  const std::int64_t segments = Fact(end.text, "acked") / mss + 1;
  const bool closed = Fact(end.text, "closed_ms") >= 1000;
  if (closed) {
    finding.cause = CauseId::kWindowClosed;
    finding.detail += Text(", closed for ", Fact(end.text, "closed_ms") / 1000, " s");
  } else if (end.extra >= kLossesMin && end.extra * kLossShare >= segments) {
    finding.cause = CauseId::kReceiveRingFull;
    finding.certainty = Certainty::kLikely;
    finding.detail += Text(", ", end.extra, " of about ", segments, " segments sent again");
  } else if (end.kind == EventKind::kTcpTimedOut || !FactText(end.text, "because").empty()) {
    finding.cause = CauseId::kStoppedAnswering;
  }
  return finding;
}

std::optional<Judgement> OfRequests(const Story& story, const BootStep& request) {
  if (request.number >= 400) return OfStatus(request);
  const BootStep* get = story.LastGet();
  if (get == nullptr) {  // only HEAD
    if (story.EndOf(request.connection) == nullptr && !story.Quiet(kPatience)) return {};
    if (!story.Quiet(kPatience)) return {};
    return Judgement{CauseId::kNoGetAfterHead,
                     Certainty::kLikely,
                     Text(PathOf(request.text), ", ", request.extra, " bytes"),
                     {&request, story.EndOf(request.connection)}};
  }
  if (story.LastComplete(get) != nullptr) return {};
  if (const BootStep* end = story.EndOf(get->connection)) {
    const bool in_the_middle =
        (end->number > 0 || HasFile(*get)) && end->kind != EventKind::kTcpClosed;
    const bool by_us = !FactText(end->text, "because").empty();
    if (in_the_middle || by_us || story.Quiet(kPatience)) return OfTransfer(story, *get, *end);
    return {};
  }
  if (!story.Quiet(2 * kPatience)) return {};
  return Judgement{CauseId::kStoppedAnswering,
                   Certainty::kLikely,
                   std::string(PathOf(get->text)),
                   {get, story.Last(EventKind::kHttpProgress, get->connection)}};
}

}  // namespace

std::optional<Judgement> JudgeClosedPort(const Story& story, const BootStep* after) {
  const BootStep* refused = story.Last(EventKind::kTcpRefused, 0, after);
  if (refused == nullptr || refused->number != kHttpPort) return {};
  if (story.Last(EventKind::kTcpOpened, 0, refused) != nullptr) return {};
  const BootStep* offer = story.Last(EventKind::kDhcpOffer);
  const bool had_uri = offer != nullptr && offer->text.find("://") != std::string::npos;
  return Judgement{CauseId::kPlainHttpOff,
                   Certainty::kCertain,
                   had_uri ? "it was offered " + offer->text : "",
                   {offer, refused}};
}

std::optional<Judgement> JudgeConnection(const Story& story) {
  if (auto closed = JudgeClosedPort(story, nullptr)) return closed;
  const std::uint64_t connection = LastConnection(story.boot());
  if (connection == 0) return {};
  const BootStep* opened = story.Last(EventKind::kTcpOpened, connection);
  const BootStep* end = story.EndOf(connection);
  if (const BootStep* failed = story.Last(EventKind::kTlsFailed, connection)) {
    return JudgeTls(story, *failed);
  }
  const BootStep* request = story.Last(EventKind::kHttpRequest);
  const bool secured = story.Last(EventKind::kTlsDone, connection) != nullptr;
  const bool https = opened != nullptr && opened->number == kHttpsPort;
  if (request == nullptr && https && !secured && end != nullptr &&
      end->kind == EventKind::kTcpReset) {
    const BootStep as_failed{.kind = EventKind::kTlsFailed,
                             .number = -1,
                             .extra = -1,
                             .connection = connection,
                             .text = std::string(dataplane::kEndedAfterCertificate)};
    auto finding = JudgeTls(story, as_failed);
    if (finding) std::erase(finding->evidence, &as_failed);
    return finding;
  }
  if (request != nullptr) return OfRequests(story, *request);
  const BootStep* waits = story.Last(EventKind::kAdmissionWaits);
  if (waits != nullptr && story.Last(EventKind::kAdmissionTurn, 0, waits) == nullptr) {
    const bool left = end != nullptr || story.Quiet(60);
    return Judgement{left ? CauseId::kGaveUpWaiting : CauseId::kWaitsForItsTurn,
                     Certainty::kCertain,
                     waits->text,
                     {waits, end}};
  }
  if (end != nullptr && end->kind == EventKind::kTcpTimedOut) {
    return Judgement{CauseId::kWentSilent, Certainty::kCertain, {}, {opened, end}};
  }
  if (!story.Quiet(kPatience)) return {};
  return Judgement{https && !secured ? CauseId::kNoClientHello : CauseId::kNoRequest,
                   Certainty::kLikely,
                   {},
                   {opened, story.Last(EventKind::kTlsDone, connection), end}};
}

}  // namespace slipway::control
