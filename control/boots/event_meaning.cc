// SPDX-License-Identifier: Apache-2.0
#include "control/boots/event_meaning.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "control/boots/story.h"
#include "control/boots/words.h"

namespace slipway::control {
namespace {

using dataplane::Event;
using dataplane::EventKind;

// The last step of this kind on this connection, or null.
const BootStep* LastOf(const Boot& boot, EventKind kind, std::uint64_t connection) {
  const auto step = std::find_if(boot.steps.rbegin(), boot.steps.rend(), [&](const BootStep& each) {
    return each.kind == kind && each.connection == connection;
  });
  return step == boot.steps.rend() ? nullptr : &*step;
}

// Texts come from the wire. What is no printable ASCII would be no UTF-8, and so no JSON.
std::string Printable(std::string_view text) {
  std::string printable(text);
  std::ranges::replace_if(
      printable, [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable;
}

// It asked where we are since it last got an address, or is done.
bool AskedAlready(const Boot& boot) {
  if (boot.outcome == BootOutcome::kComplete) return true;
  for (auto step = boot.steps.rbegin(); step != boot.steps.rend(); ++step) {
    if (step->kind == EventKind::kDhcpAck) return false;
    if (step->kind == EventKind::kArpAsked) return true;
  }
  return false;
}

// The connection ended in the middle of a file, or of its handshake, or unanswered.
bool EndedTooSoon(const Boot& boot, const Event& event) {
  const BootStep* request = LastOf(boot, EventKind::kHttpRequest, event.connection);
  const bool by_us = !FactText(event.text(), "because").empty();
  if (event.kind == EventKind::kTcpClosed) return request != nullptr && by_us;
  if (event.kind == EventKind::kTcpTimedOut) return true;
  if (event.kind != EventKind::kTcpReset) return false;
  if (request != nullptr) {
    // All that was sent may have been acknowledged before the last of it was sent.
    const BootStep* complete = LastOf(boot, EventKind::kHttpComplete, event.connection);
    const bool is_whole = !HasFile(*request) || (complete != nullptr && complete > request);
    return event.number > 0 || !is_whole;
  }
  const BootStep* opened = LastOf(boot, EventKind::kTcpOpened, event.connection);
  return LastOf(boot, EventKind::kTlsDone, event.connection) == nullptr && opened != nullptr &&
         opened->number == kHttpsPort;
}

}  // namespace

bool Repeats(const Boot& boot, const Event& event) {
  if (event.kind == EventKind::kArpAsked) return AskedAlready(boot);
  return event.kind == EventKind::kTcpRefused && !boot.steps.empty() &&
         boot.steps.back().kind == event.kind && boot.steps.back().number == event.number;
}

bool IsFailure(const Boot& boot, const Event& event) {
  return event.kind == EventKind::kTlsFailed || event.kind == EventKind::kDhcpNak ||
         (event.kind == EventKind::kTcpRefused && event.number == kHttpPort) ||
         (event.kind == EventKind::kHttpRequest && event.number >= 400) ||
         EndedTooSoon(boot, event);
}

bool BeginsAnother(const Boot& boot, const Event& event) {
  if (event.kind != EventKind::kDhcpDiscover || !IsBootClient(event.text())) return false;
  // What no boot client began is no try that this one could go on with.
  if (boot.outcome != BootOutcome::kUnderWay || !IsATry(boot)) return true;
  // DISCOVER again without having come further is the same try.
  return std::ranges::any_of(boot.steps, [](const BootStep& step) {
    return step.kind == EventKind::kDhcpAck || step.kind == EventKind::kTcpOpened;
  });
}

BootStep StepOf(const Event& event) {
  return {.unix_nanoseconds = event.unix_nanoseconds,
          .kind = event.kind,
          .number = event.number,
          .extra = event.extra,
          .connection = event.connection,
          .text = Printable(event.text())};
}

}  // namespace slipway::control
