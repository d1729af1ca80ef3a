// SPDX-License-Identifier: Apache-2.0
//
// The review of who is served: whose turn is used, and how many turns there are from now on.
#include <algorithm>

#include "dataplane/admission.h"

namespace slipway::dataplane {
namespace {

// A machine that takes less than this part of what a turn takes does not use its own.
constexpr double kUnusedPart = 8;
constexpr double kNewest = 0.16;     // weight of the last review in the rate of turns
constexpr double kStillBest = 0.93;  // what is left of the best rate at the next review
constexpr double kSpareMuch = 0.25;

}  // namespace

void Admission::See(Id id, const Share& share) {
  if (id == kNobody) return;
  Machine& machine = machines_[id];
  machine.bytes += share.bytes;
  machine.blameless |= share.waits_for_us;
  machine.rests &= share.rests;
}

// Of the machines that took anything in this review, those that took a fair part of it: also who is
// not counted, as many may have come back at once.
std::uint32_t Admission::Takers(double bytes) const {
  const auto takes = [](const Machine& m) {
    return m.state == State::kAdmitted && m.connections > 0 && m.bytes > 0;
  };
  const auto present = static_cast<double>(std::ranges::count_if(machines_, takes));
  const double least = bytes / std::max(1.0, present) / kUnusedPart;
  return static_cast<std::uint32_t>(std::ranges::count_if(machines_, [&](const Machine& m) {
    return takes(m) && static_cast<double>(m.bytes) > least;
  }));
}

// Bytes that a machine which uses its turn takes in a review: what left, divided among the turns,
// or, while the worker has much time to spare, what they did take when it was not so. Else readers
// that are all slow would find each other quick enough, and keep everybody else out. Not the mean
// over those who are here: a quick machine is gone before the next review, and slow ones are left.
double Admission::ShareOf(const AdmissionLimit::Load& load, double seconds) {
  best_rate_ = std::max(best_rate_ * kStillBest, load.bytes_per_second);
  const double bytes = load.bytes_per_second * seconds;
  const double mean = bytes / std::max({1U, limit(), serving_, Takers(bytes)});
  return load.spare < kSpareMuch ? mean : std::max(mean, best_rate_ * seconds / limit());
}

void Admission::EndReview(const AdmissionLimit::Load& load, Time now) {
  const double seconds =
      next_review_ == Time{} ? 0 : std::chrono::duration<double>(now - last_review_).count();
  if (seconds > 0 && (turns_ > 0 || !waiting_.empty())) {
    const double rate = static_cast<double>(turns_) / seconds;
    turns_per_second_ =
        turns_per_second_ <= 0 ? rate : (1 - kNewest) * turns_per_second_ + kNewest * rate;
  }
  turns_ = 0;
  last_review_ = now;
  next_review_ = now + kReviewEvery;

  const double share = ShareOf(load, seconds);
  for (Id id = 0; id < machines_.size(); ++id) {
    Machine& machine = machines_[id];
    if (machine.state == State::kFree) continue;
    const auto bytes = static_cast<double>(machine.bytes);
    if (machine.counted && machine.connections > 0) {
      const bool unused =
          machine.rests ? machine.bytes == 0 : !machine.blameless && bytes * kUnusedPart < share;
      if (machine.reviews > 0 && unused) {
        Uncount(id);
        if (!machine.rests) ++counters_.excused;
      }
      machine.reviews = 1;
    } else if (machine.state == State::kAdmitted && machine.connections > 0 && share > 0 &&
               bytes * 2 > share) {
      Count(id);  // it takes its share again
    }
    machine.bytes = 0;
    machine.blameless = false;
    machine.rests = true;
  }
  if (now < next_adjust_) return;
  next_adjust_ = now + kAdjustEvery;
  limit_.Adjust({.bytes_per_second = load.bytes_per_second,
                 .spare = load.spare,
                 .some_wait = !waiting_.empty()});
}

}  // namespace slipway::dataplane
