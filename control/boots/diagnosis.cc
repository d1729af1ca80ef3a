// SPDX-License-Identifier: Apache-2.0
#include "control/boots/diagnosis.h"

#include <algorithm>
#include <array>

#include "control/boots/story.h"
#include "control/boots/words.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSoon = 30 * kSecond;  // a fresh DISCOVER after a complete download
constexpr std::int64_t kLoopWithin = 900 * kSecond;
constexpr std::size_t kLoopBoots = 3;
constexpr std::int64_t kSignOfLife = 20;  // seconds: what was loaded is heard of by then
constexpr std::int64_t kStillOfInterest = 600 * kSecond;
// A loader asks at once; later it is the system's own affair.
constexpr std::int64_t kOfTheLoader = 60 * kSecond;

// What shim and GRUB ask for and can do without.
bool IsOptional(std::string_view path) {
  const std::string_view leaf = path.substr(path.rfind('/') + 1);
  if (path.find("-efi/") != path.npos) return true;  // GRUB's modules and lists
  constexpr std::array<std::string_view, 5> kPrefixes = {"revocations", "shim_certificate_", "mm",
                                                         "fb", "grub.cfg-"};
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return leaf.starts_with(prefix); });
}

// The machine goes on after its download: its program asks for something, or an operating system.
bool ShowsLife(const Story& story, const BootStep* complete) {
  return std::ranges::any_of(
      std::array{EventKind::kDhcpDiscover, EventKind::kDhcpRequest, EventKind::kDnsQuery,
                 EventKind::kTcpOpened, EventKind::kTcpRefused, EventKind::kHttpRequest},
      [&](EventKind kind) { return story.Last(kind, 0, complete) != nullptr; });
}

bool BeganAsIpxe(const Boot& boot) {
  return !boot.steps.empty() && boot.steps.front().kind == EventKind::kDhcpDiscover &&
         IsIpxe(boot.steps.front().text);
}

// What firmware loaded was iPXE: it runs, and asks in its turn.
bool LoadedIpxe(const Boot& boot, const Boot& next) {
  return !BeganAsIpxe(boot) && BeganAsIpxe(next) && next.began() - boot.last() < kSoon;
}

std::size_t CompleteBootsBefore(std::span<const Boot> boots, std::int64_t now) {
  std::size_t complete = 0;
  for (std::size_t i = 0; i < boots.size(); ++i) {
    if (boots[i].outcome != BootOutcome::kComplete || now - boots[i].began() >= kLoopWithin)
      continue;
    if (i + 1 == boots.size() || !LoadedIpxe(boots[i], boots[i + 1])) ++complete;
  }
  return complete;
}

Judgement AfterDownload(const Story& story, const BootStep* complete) {
  const BootStep* request = story.Last(EventKind::kHttpRequest, 0, complete);
  if (request != nullptr && request->number == 404 && complete != nullptr &&
      request->unix_nanoseconds - complete->unix_nanoseconds < kOfTheLoader &&
      !IsOptional(PathOf(request->text)) && story.Quiet(kSignOfLife)) {
    return {CauseId::kNextFileMissing,
            Certainty::kCertain,
            std::string(PathOf(request->text)),
            {complete, request}};
  }
  const BootStep* refused = story.Last(EventKind::kTcpRefused, 0, complete);
  if (refused != nullptr && complete != nullptr && story.Quiet(kSignOfLife) &&
      refused->unix_nanoseconds - complete->unix_nanoseconds < kOfTheLoader) {
    if (auto closed = JudgeClosedPort(story, complete)) return *closed;
  }
  if (!story.around().secure_boot_refusal.empty() && story.Quiet(kSignOfLife) &&
      !ShowsLife(story, complete)) {
    return {CauseId::kSecureBootRefused,
            Certainty::kPossible,  // by silence alone; many run where Secure Boot is off
            story.around().secure_boot_refusal,
            {complete}};
  }
  return {CauseId::kComplete,
          Certainty::kCertain,
          complete == nullptr ? "" : std::string(PathOf(complete->text)),
          {complete}};
}

Judgement JudgeBoot(const Story& story) {
  if (story.boot().outcome == BootOutcome::kComplete) {
    return AfterDownload(story, story.LastComplete());
  }
  auto finding = JudgeConnection(story);
  const bool connected = story.Has(EventKind::kTcpOpened);
  if (!finding && !connected) finding = JudgeDhcp(story);
  if (finding) return *finding;
  const BootStep* last = story.boot().steps.empty() ? nullptr : &story.boot().steps.back();
  if (story.Quiet(60)) return {CauseId::kWentSilent, Certainty::kCertain, {}, {last}};
  return {CauseId::kUnderWay, Certainty::kCertain, {}, {last}};
}

Diagnosis ToDiagnosis(const Judgement& finding, const Boot& boot) {
  Diagnosis diagnosis{.cause = finding.cause,
                      .certainty = finding.certainty,
                      .detail = finding.detail,
                      .boot = boot.id};
  for (const BootStep* step : finding.evidence) {
    if (step == nullptr) continue;
    diagnosis.evidence.push_back({step->unix_nanoseconds, Sentence(*step)});
  }
  std::ranges::stable_sort(diagnosis.evidence, {}, &Evidence::unix_nanoseconds);
  return diagnosis;
}

// The newest boot has only just begun: what came of the one before?
std::optional<Diagnosis> BeforeItTriedAgain(std::span<const Boot> boots,
                                            const Surroundings& around) {
  if (boots.size() < 2) return {};
  const Boot& newest = boots.back();
  const Boot& before = boots[boots.size() - 2];
  const Story story(before, around);
  const BootStep* complete = story.LastComplete();
  if (before.outcome == BootOutcome::kComplete && complete != nullptr) {
    const std::int64_t pause = newest.began() - complete->unix_nanoseconds;
    if (pause > kSoon || ShowsLife(story, complete) || LoadedIpxe(before, newest)) return {};
    const std::string& refusal = around.secure_boot_refusal;
    Diagnosis diagnosis = ToDiagnosis({CauseId::kSecureBootRefused,
                                       refusal.empty() ? Certainty::kPossible : Certainty::kLikely,
                                       refusal,
                                       {complete}},
                                      before);
    diagnosis.evidence.push_back({newest.began(), Sentence(newest.steps.front())});
    return diagnosis;
  }
  if (newest.began() - before.last() > kStillOfInterest) return {};
  Diagnosis diagnosis = ToDiagnosis(JudgeBoot(story), before);
  // What kept it from an address is over once it has one.
  const bool over = Describe(diagnosis.cause).id.starts_with("dhcp.") &&
                    Story(newest, around).Has(EventKind::kDhcpAck);
  if (over) return {};
  return diagnosis.failed() ? std::optional(std::move(diagnosis)) : std::nullopt;
}

std::optional<Diagnosis> OfLoop(std::span<const Boot> boots, std::int64_t now) {
  const std::size_t complete = CompleteBootsBefore(boots, now);
  if (complete < kLoopBoots) return {};
  Diagnosis diagnosis{.cause = CauseId::kBootLoop,
                      .certainty = Certainty::kCertain,
                      .detail = Text(complete, " complete boots in the last ",
                                     kLoopWithin / kSecond / 60, " minutes"),
                      .boot = boots.back().id};
  for (const Boot& boot : boots) {
    if (now - boot.began() < kLoopWithin) diagnosis.evidence.push_back({boot.began(), boot.words});
  }
  return diagnosis;
}

}  // namespace

std::string_view Name(Certainty certainty) {
  switch (certainty) {
    case Certainty::kCertain:
      return "certain";
    case Certainty::kLikely:
      return "likely";
    case Certainty::kPossible:
      return "possible";
  }
  return "";
}

std::string Diagnosis::Sentence() const {
  const std::string_view sentence = Describe(cause).sentence;
  return detail.empty() ? std::string(sentence) : Text(sentence, ": ", detail);
}

Diagnosis Diagnose(std::span<const Boot> boots, const Surroundings& surroundings) {
  if (boots.empty() || boots.back().steps.empty()) {
    Diagnosis diagnosis;
    for (const std::string& note : surroundings.notes) diagnosis.evidence.push_back({0, note});
    return diagnosis;
  }
  const Story story(boots.back(), surroundings);
  Diagnosis diagnosis = ToDiagnosis(JudgeBoot(story), boots.back());
  const bool began_anew = diagnosis.cause == CauseId::kUnderWay &&
                          !story.Has(EventKind::kHttpRequest) && !story.Has(EventKind::kTlsDone);
  if (!diagnosis.failed()) {
    if (auto loop = OfLoop(boots, story.now())) return *loop;
  }
  if (began_anew) {
    if (auto before = BeforeItTriedAgain(boots, surroundings)) {
      before->tries_again = true;
      return *before;
    }
  }
  return diagnosis;
}

}  // namespace slipway::control
