// SPDX-License-Identifier: Apache-2.0
//
// CaptureRing: frames on their way from one worker to whoever captures, as bytes: for each a
// CaptureRecord and as many bytes as were kept. One producer, one consumer; neither waits for the
// other. All memory is taken and touched by the constructor: the producer allocates nothing and
// causes no page fault.
//
// The producer writes ahead of what the consumer may see: Publish() shows it, or, given an earlier
// Mark, shows what was before that and forgets the rest. So a frame that was copied before the port
// had the chance to refuse it is not told. What finds no room is counted with the same care. In
// between it may be on the wire, and be answered: from Offer() to Publish() the consumer knows.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "protocols/base/bytes.h"

namespace slipway::dataplane {

// One frame as it was handed over, and what the port was still to do with it.
struct CaptureRecord {
  static constexpr std::uint8_t kSent = 1;     // else received
  static constexpr std::uint8_t kTagged = 2;   // an 802.1Q tag was, or will be, in front of it
  static constexpr std::uint8_t kNetwork = 4;  // the IPv4 header's checksum is the port's to fill
  static constexpr std::uint8_t kTcp = 8;      // the same of TCP's
  static constexpr std::uint8_t kUdp = 16;     // and of UDP's

  std::int64_t unix_nanoseconds = 0;
  std::uint32_t size = 0;              // of the whole frame, without a tag that is not in it
  std::uint32_t kept = 0;              // bytes that follow
  std::uint16_t tag = 0;               // control information, where kTagged
  std::uint16_t segment_text_max = 0;  // the port cuts it into segments; 0: it does not
  std::uint16_t network_bytes = 0;     // header lengths, where checksums are to be filled
  std::uint8_t link_bytes = 0;
  std::uint8_t flags = 0;
};

class CaptureRing {
 public:
  // `bytes`: a power of two.
  explicit CaptureRing(std::size_t bytes);

  // --- The producer ---
  struct Mark {
    std::uint64_t written = 0;  // bytes, ever
    std::uint64_t lost = 0;     // frames, ever
  };
  Mark mark() const { return ahead_; }
  // Room for a record and its bytes, which follow by Append. False: there is none; it is lost.
  bool Begin(const CaptureRecord& record);
  void Append(Bytes bytes);
  // What is written now, with that time, is offered to the port.
  void Offer(std::int64_t unix_nanoseconds) { offered_.store(unix_nanoseconds); }
  void Publish(const Mark& mark);

  // --- The consumer ---
  // The oldest frame; false when there is none.
  bool Read(CaptureRecord& record, std::vector<std::uint8_t>& bytes);
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  // The time of what was offered to the port and is not shown yet; kNone: nothing.
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::int64_t offered() const { return offered_.load(); }

 private:
  static constexpr std::size_t kCacheLine = 64;

  void CopyOut(std::uint64_t from, MutableBytes to) const;

  std::vector<std::uint8_t> bytes_;
  const std::size_t mask_;
  // The producer's.
  alignas(kCacheLine) Mark ahead_;
  std::uint64_t read_seen_ = 0;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::int64_t> offered_{kNone};
  // The consumer's.
  alignas(kCacheLine) std::atomic<std::uint64_t> read_{0};
};

}  // namespace slipway::dataplane
