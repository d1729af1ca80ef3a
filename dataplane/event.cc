// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event.h"

#include <algorithm>
#include <string>

#include "dataplane/value_ring.h"

namespace slipway::dataplane {
namespace {

// Ring names are global to the process; several queues may exist in one test program.
std::string UniqueName(std::string_view what) {
  static std::atomic<unsigned> next{0};
  return std::string(what) + std::to_string(next.fetch_add(1));
}

}  // namespace

struct EventQueue::Rings {
  std::vector<std::unique_ptr<ValueRing<Event>>> of_worker;
};

EventQueue::EventQueue(unsigned workers, unsigned capacity) : rings_(std::make_unique<Rings>()) {
  for (unsigned i = 0; i < workers; ++i) {
    rings_->of_worker.push_back(std::make_unique<ValueRing<Event>>(UniqueName("events"), capacity));
  }
}

EventQueue::~EventQueue() = default;

bool EventQueue::Push(unsigned worker, const Event& event) {
  return rings_->of_worker[worker]->Push(event);
}

std::size_t EventQueue::Poll(std::span<Event> out) {
  // A share for each: a worker that is flooded must not hide what the others tell.
  const std::size_t share = std::max<std::size_t>(1, out.size() / rings_->of_worker.size());
  std::size_t taken = 0;
  for (auto& ring : rings_->of_worker) {
    taken += ring->Pop(out.subspan(taken, std::min(share, out.size() - taken)));
  }
  return taken;
}

struct LeaseChannel::Ring {
  explicit Ring(unsigned capacity) : values(UniqueName("leases"), capacity) {}
  ValueRing<Entry> values;
};

LeaseChannel::LeaseChannel(unsigned capacity) : ring_(std::make_unique<Ring>(capacity)) {}

LeaseChannel::~LeaseChannel() = default;

std::uint64_t LeaseChannel::Append(const dhcp::LeaseChange& change) {
  if (!ring_->values.Push({appended_ + 1, change})) return 0;
  return ++appended_;
}

std::size_t LeaseChannel::Take(std::span<Entry> out) { return ring_->values.Pop(out); }

void StatisticsBoard::Post(unsigned worker, const WorkerStatistics& statistics) {
  const std::unique_lock lock(workers_[worker].mutex, std::try_to_lock);
  if (lock.owns_lock()) workers_[worker].statistics = statistics;
}

WorkerStatistics StatisticsBoard::Read(unsigned worker) const {
  const std::scoped_lock lock(workers_[worker].mutex);
  return workers_[worker].statistics;
}

}  // namespace slipway::dataplane
