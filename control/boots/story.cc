// SPDX-License-Identifier: Apache-2.0
#include "control/boots/story.h"

#include <algorithm>

namespace slipway::control {

using dataplane::EventKind;

const BootStep* Story::Last(EventKind kind, std::uint64_t connection, const BootStep* after) const {
  for (auto step = boot_.steps.rbegin(); step != boot_.steps.rend(); ++step) {
    if (&*step == after) return nullptr;
    if (step->kind == kind && (connection == 0 || step->connection == connection)) return &*step;
  }
  return nullptr;
}

std::size_t Story::Count(EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(boot_.steps, kind, &BootStep::kind));
}

const BootStep* Story::EndOf(std::uint64_t connection) const {
  for (const EventKind kind :
       {EventKind::kTcpReset, EventKind::kTcpTimedOut, EventKind::kTcpClosed}) {
    if (const BootStep* step = Last(kind, connection)) return step;
  }
  return nullptr;
}

const BootStep* Story::LastGet() const {
  for (auto step = boot_.steps.rbegin(); step != boot_.steps.rend(); ++step) {
    if (step->kind == EventKind::kHttpRequest && !step->text.starts_with("HEAD")) return &*step;
  }
  return nullptr;
}

const BootStep* Story::LastComplete(const BootStep* after) const {
  for (auto step = boot_.steps.rbegin(); step != boot_.steps.rend() && &*step != after; ++step) {
    if (step->kind == EventKind::kHttpComplete && !step->text.starts_with("HEAD")) return &*step;
  }
  return nullptr;
}

std::int64_t Story::now() const { return std::max(around_.now_unix_nanoseconds, boot_.last()); }

bool Story::Quiet(std::int64_t seconds) const {
  return boot_.outcome == BootOutcome::kAbandoned ||
         now() - boot_.last() >= seconds * 1'000'000'000;
}

std::string_view Story::OfferedHost() const {
  const BootStep* offer = Last(EventKind::kDhcpOffer);
  if (offer == nullptr) return {};
  std::string_view uri = offer->text;
  const std::size_t scheme = uri.find("://");
  if (scheme == uri.npos) return {};
  uri.remove_prefix(scheme + 3);
  return uri.substr(0, std::min({uri.find('/'), uri.find(':'), uri.size()}));
}

bool IsIpxe(std::string_view text) { return text.starts_with("iPXE"); }

}  // namespace slipway::control
