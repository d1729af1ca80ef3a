// SPDX-License-Identifier: Apache-2.0
#include "dataplane/handover.h"

#include <atomic>
#include <string>
#include <utility>

namespace slipway::dataplane {

absl::StatusOr<std::unique_ptr<Handover>> Handover::Create(unsigned workers) {
  constexpr unsigned kFramesPerRing = 1024;
  static std::atomic<unsigned> instances{0};
  const std::string prefix = "handover" + std::to_string(instances.fetch_add(1)) + '.';
  auto handover = std::unique_ptr<Handover>(new Handover(workers));
  for (unsigned pair = 0; pair < workers * workers; ++pair) {
    if (pair / workers == pair % workers) {
      handover->rings_.push_back(nullptr);
      handover->notices_.push_back(nullptr);
      continue;
    }
    auto ring = FrameRing::Create(prefix + std::to_string(pair), kFramesPerRing);
    if (!ring.ok()) return ring.status();
    handover->rings_.push_back(*std::move(ring));
    handover->notices_.push_back(
        std::make_unique<ValueRing<Notice>>(prefix + std::to_string(pair) + 'n', kNoticesPerRing));
  }
  return handover;
}

bool Handover::Give(unsigned from, unsigned to, Frame frame) {
  return rings_[from * workers_ + to]->Push(std::span(&frame, 1)) == 1;
}

std::size_t Handover::Take(unsigned worker, std::span<Frame> frames) {
  std::size_t taken = 0;
  for (unsigned from = 0; from < workers_ && taken < frames.size(); ++from) {
    if (from != worker) taken += rings_[from * workers_ + worker]->Pop(frames.subspan(taken));
  }
  return taken;
}

unsigned Handover::Tell(unsigned from, const Notice& notice) {
  unsigned lost = 0;
  for (unsigned to = 0; to < workers_; ++to) {
    if (to != from && !notices_[from * workers_ + to]->Push(notice)) ++lost;
  }
  return lost;
}

bool Handover::Hear(unsigned worker, Notice& notice) {
  for (unsigned from = 0; from < workers_; ++from) {
    if (from == worker) continue;
    if (notices_[from * workers_ + worker]->Pop(std::span(&notice, 1)) == 1) return true;
  }
  return false;
}

}  // namespace slipway::dataplane
