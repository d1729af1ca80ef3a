// SPDX-License-Identifier: Apache-2.0
//
// The seam for packet capture: the control plane says whose frames it wants, workers copy them into
// rings, the control plane takes them out. No DPDK type is named here.
//
// A capture has a ring for each worker and port, in memory of its own that the control plane takes
// before and gives back after. Workers look at one number in each round, generation(), which says
// that other machines are captured than before; they keep no lock and no count. What a worker was
// shown is freed when every worker has been shown something newer, as with snapshots.
//
// A frame belongs to a machine when it comes from its station or goes there, or when it is DHCP
// about it (chaddr): servers broadcast to who has no address yet, and relays send for others.
// Left out: what a machine behind a router says otherwise (its frames bear the router's MAC).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dataplane/capture_ring.h"
#include "protocols/base/bytes.h"
#include "protocols/base/mac.h"

namespace slipway::dataplane {

struct CaptureOrder {
  static constexpr std::uint32_t kWhole = 65'535 + 22;  // longer than any frame

  MacAddress machine;
  std::uint32_t bytes_max = kWhole;  // kept of each frame
};

// A frame as it was, or will be, on the wire: checksums that were left to the port are filled in,
// its tag is where it belongs. One that the port cuts into segments is whole.
struct CapturedFrame {
  std::int64_t unix_nanoseconds = 0;  // when its burst came, or was offered to the port
  unsigned worker = 0;
  unsigned interface = 0;              // index into the ports
  bool sent = false;                   // by us; else received
  std::uint16_t segment_text_max = 0;  // the port cuts it into segments of so much text; 0: not
  std::uint32_t size = 0;              // of the whole frame
  std::vector<std::uint8_t> bytes;     // what was kept of it
};

// One machine's. Filled by workers, drained by one thread of the control plane.
class Capture {
 public:
  Capture(const CaptureOrder& order, unsigned workers, unsigned ports);

  const CaptureOrder& order() const { return order_; }
  unsigned workers() const { return workers_; }
  unsigned ports() const { return static_cast<unsigned>(rings_.size()) / workers_; }

  // Whether a frame is the machine's. `headers`: its first bytes, without a tag; of DHCP, all.
  bool Wants(Bytes headers) const {
    constexpr std::size_t kAddress = 6;
    constexpr std::size_t kEthernet = 14;
    constexpr std::size_t kProtocol = kEthernet + 9;  // of IPv4
    constexpr std::uint8_t kUdp = 17;
    if (headers.size() < kEthernet) return false;
    const auto is_at = [&](std::size_t offset) {
      return std::memcmp(headers.data() + offset, order_.machine.octets.data(), kAddress) == 0;
    };
    if (is_at(0) || is_at(kAddress)) return true;
    // Most frames of others are told by this one byte.
    return headers.size() > kProtocol && headers[kProtocol] == kUdp && IsDhcpAbout(headers);
  }
  CaptureRing& ring(unsigned worker, unsigned interface) {
    return *rings_[interface * workers_ + worker];
  }

  // What workers have shown since, in the order of time, also from one call to the next: an answer
  // comes after what it answers, whichever workers told the two. At most twice `frames_max` of each
  // ring; empty when there is nothing, or nothing yet behind which none can come. `all`: without
  // waiting for what a worker offers to the port and has not shown.
  std::vector<CapturedFrame> Take(std::size_t frames_max, bool all = false);
  // Frames for which a ring had no room.
  std::uint64_t lost(unsigned worker, unsigned interface) const {
    return rings_[interface * workers_ + worker]->lost();
  }

 private:
  bool IsDhcpAbout(Bytes headers) const;
  void Fill(std::size_t frames_max);

  const CaptureOrder order_;
  const unsigned workers_;
  std::vector<std::unique_ptr<CaptureRing>> rings_;
  // The consumer's: of each ring what was read and not yet taken.
  std::vector<std::deque<CapturedFrame>> read_;
};

// Who is captured now. The control plane's calls may come from any thread.
class Captures {
 public:
  static constexpr std::size_t kAtOnceMax = 4;
  using Set = std::array<Capture*, kAtOnceMax>;  // null behind the last

  Captures(unsigned workers, unsigned ports);
  ~Captures();
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;

  unsigned workers() const { return workers_; }
  unsigned ports() const { return ports_; }

  // --- The control plane ---
  // Null where as many run as may.
  std::shared_ptr<Capture> Begin(const CaptureOrder& order);
  // No worker fills it any more once this is true: it waits for them, but no longer than
  // `patience`. What they left in the rings is there to be taken.
  bool End(const std::shared_ptr<Capture>& capture, std::chrono::milliseconds patience);
  std::size_t running() const;

  // --- Workers ---
  // Changes with what Current() gives.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Null: nobody is captured. Good until the worker has said that it has seen a later generation.
  const Set* Current() const { return current_.load(); }
  void Online(unsigned worker) { seen_[worker].generation.store(0); }
  // It uses nothing any more that Current() gave before this generation.
  void Seen(unsigned worker, std::uint64_t generation) {
    seen_[worker].generation.store(generation, std::memory_order_release);
  }
  void Offline(unsigned worker) { seen_[worker].generation.store(kGone); }

 private:
  static constexpr std::uint64_t kGone = ~std::uint64_t{0};
  struct alignas(64) SeenGeneration {
    std::atomic<std::uint64_t> generation{kGone};
  };
  struct Shown {
    Set set{};
    std::vector<std::shared_ptr<Capture>> keeps;
    std::uint64_t replaced_by = 0;  // generation
  };

  void Show();  // the caller holds mutex_
  bool AllHaveSeen(std::uint64_t generation) const;
  void Collect();  // the caller holds mutex_

  const unsigned workers_;
  const unsigned ports_;
  std::atomic<const Set*> current_{nullptr};
  std::atomic<std::uint64_t> generation_{0};
  std::vector<SeenGeneration> seen_;

  mutable std::mutex mutex_;  // what follows
  std::vector<std::shared_ptr<Capture>> running_;
  std::unique_ptr<Shown> shown_;
  std::vector<std::unique_ptr<Shown>> retired_;
};

}  // namespace slipway::dataplane
