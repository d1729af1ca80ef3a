// SPDX-License-Identifier: Apache-2.0
//
// FrameRing: hands frames from one worker to another (one producer, one consumer: a ring for each
// ordered pair of workers, so neither ever waits for a third).
#pragma once

#include <rte_ring.h>

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/frame.h"

namespace slipway::dataplane {

class FrameRing {
 public:
  // Holds at least `frames`. `name` is unique in the process, at most 27 characters.
  static absl::StatusOr<std::unique_ptr<FrameRing>> Create(const std::string& name,
                                                           unsigned frames);
  ~FrameRing();  // frees what is left
  FrameRing(const FrameRing&) = delete;
  FrameRing& operator=(const FrameRing&) = delete;

  // Takes frames from the front until the ring is full; returns how many. Those are empty then.
  std::size_t Push(std::span<Frame> frames);
  // Fills empty frames from the front; returns how many.
  std::size_t Pop(std::span<Frame> frames);
  std::size_t size() const { return rte_ring_count(ring_); }

 private:
  explicit FrameRing(rte_ring* ring) : ring_(ring) {}
  rte_ring* ring_;
};

}  // namespace slipway::dataplane
