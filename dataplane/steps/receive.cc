// SPDX-License-Identifier: Apache-2.0
//
// Receive: a burst from the ports, and what other workers told and handed over.
#include "dataplane/worker.h"
#include "protocols/base/fetch.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kHeadersPrefetched = 63;  // where a bare TCP segment's last line is
constexpr std::size_t kNoticesMax = 64;         // heard in a round

}  // namespace

std::size_t Worker::HearOthers(Time now) {
  Notice notice;
  std::size_t heard = 0;
  for (; heard < kNoticesMax && seams_.others.Hear(index_, notice); ++heard) {
    if (const auto* lease = std::get_if<LeaseNotice>(&notice)) {
      admission_.Leased(lease->mac, lease->address, now);
    } else if (const auto* path = std::get_if<PathMtuNotice>(&notice)) {
      tcp_.PathMtu(path->tuple, path->mtu, path->sequence);
    } else if (const auto* gone = std::get_if<UnreachableNotice>(&notice)) {
      tcp_.Unreachable(gone->tuple, gone->sequence);
    }
  }
  return heard;
}

std::size_t Worker::Receive() {
  burst_size_ = 0;
  std::array<Frame, kBurst>& frames = from_port_;
  // Ports take turns at being first, so that a busy one cannot keep the burst from the others.
  for (std::size_t i = 0; i < links_.size() && burst_size_ < kBurst; ++i) {
    Link& link = links_[(first_link_ + i) % links_.size()];
    const std::size_t got = link.Receive(std::span(frames).first(kBurst - burst_size_));
    reporter_.statistics.receive_bursts.Add(got);
    for (std::size_t j = 0; j < got; ++j) {
      // Its headers, which a NIC or another core wrote, come while others are looked at: to be
      // written, for a SYN's answer is written over it, and a line that is only shared comes twice.
      const std::uint8_t* const headers = frames[j].bytes().data();
      FetchLineToWrite(headers);
      FetchLineToWrite(headers + kHeadersPrefetched);
      FetchLineToRead(&frames[j].buffers()->next);  // of its own lines, the one that freeing reads
      burst_[burst_size_++] = {std::move(frames[j]), link.index(), /*ours=*/false};
    }
  }
  if (++first_link_ >= links_.size()) first_link_ = 0;
  const std::size_t handed =
      seams_.others.Take(index_, std::span(frames).first(kBurst - burst_size_));
  for (std::size_t i = 0; i < handed; ++i) {
    const std::uint16_t link = frames[i].buffers()->port;
    burst_[burst_size_++] = {std::move(frames[i]), link, /*ours=*/true};
  }
  StepCounters& step = reporter_.statistics.steps[static_cast<std::size_t>(Step::kReceive)];
  step.in += burst_size_;
  step.out += burst_size_;
  return burst_size_;
}

}  // namespace slipway::dataplane
