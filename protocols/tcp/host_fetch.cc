// SPDX-License-Identifier: Apache-2.0
//
// With thousands of connections each finds its state cold, when a segment comes for it and when its
// turn to send comes. What will be touched hangs together by pointers, so it is asked for a link at
// a time, and something else is done in between. Hints alone: nothing here changes what is done.
#include "protocols/base/fetch.h"
#include "protocols/tcp/host.h"

namespace slipway::tcp {
namespace {

// Of a source's own lines: what each Read() and Release() looks at.
constexpr std::size_t kSourceFetched = 384;
// Of a scoreboard: its counts, and the runs of a window that is not large.
constexpr std::size_t kScoreboardFetched = 128;

}  // namespace

std::uint32_t Host::FetchSlot(const FourTuple& tuple) const {
  const std::uint32_t hash = table_.HashOf(tuple);
  table_.Fetch(hash);
  return hash;
}

std::optional<std::uint32_t> Host::FetchConnection(std::uint32_t hash) const {
  const auto index = table_.FindHashed(hash, [](std::uint32_t) { return true; });
  if (index) FetchHot(*index);
  return index;
}

void Host::FetchHot(std::uint32_t index) const {
  FetchToRead(&connections_[index], sizeof(HotConnection));
  wheel_.Fetch(index);
}

void Host::FetchSource(std::uint32_t index) const {
  const Connection& c = connections_[index];
  if (c.source != nullptr) FetchToRead(c.source, kSourceFetched);
  if (c.sack) FetchToRead(&c.scoreboard, kScoreboardFetched);
}

void Host::FetchReleased(std::uint32_t index) const {
  const ByteSource* const source = connections_[index].source;
  if (source != nullptr) source->FetchAhead(ByteSource::Soon::kRelease);
}

void Host::FetchRead(std::uint32_t index) const {
  const ByteSource* const source = connections_[index].source;
  if (source != nullptr) source->FetchAhead(ByteSource::Soon::kRead);
}

// Who comes third has its connection fetched, who comes second its source, and the next what its
// source seals with.
std::optional<std::uint32_t> Host::FetchAhead() const {
  if (ready_head_ == kNone) return std::nullopt;
  const Connection& next = connections_[ready_head_];
  FetchRead(ready_head_);
  if (next.ready_next == kNone) return std::nullopt;
  FetchSource(next.ready_next);
  const std::uint32_t third = connections_[next.ready_next].ready_next;
  if (third == kNone) return std::nullopt;
  FetchHot(third);
  return third;
}

}  // namespace slipway::tcp
