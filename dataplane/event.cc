// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <string>
#include <type_traits>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

// A single-producer, single-consumer rte_ring of values of T.
template <class T>
class ValueRing {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0,
                "rte_ring copies 4-byte words");

 public:
  ValueRing(const std::string& name, unsigned capacity)
      : ring_(rte_ring_create_elem(name.c_str(), sizeof(T), capacity, SOCKET_ID_ANY,
                                   RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ)) {
    SLIPWAY_CHECK(ring_ != nullptr);
  }
  ~ValueRing() { rte_ring_free(ring_); }
  ValueRing(const ValueRing&) = delete;
  ValueRing& operator=(const ValueRing&) = delete;

  bool Push(const T& value) {
    return rte_ring_sp_enqueue_elem(ring_, Words(value), sizeof(T)) == 0;
  }
  std::size_t Pop(std::span<T> out) {
    return rte_ring_sc_dequeue_burst_elem(ring_, out.data(), sizeof(T),
                                          static_cast<unsigned>(out.size()), nullptr);
  }

 private:
  // rte_ring takes a mutable pointer and only reads from it.
  static void* Words(const T& value) { return const_cast<T*>(&value); }

  rte_ring* ring_;
};

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
