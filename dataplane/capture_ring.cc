// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_ring.h"

#include <bit>
#include <type_traits>

#include "protocols/base/check.h"

namespace slipway::dataplane {

static_assert(std::is_trivially_copyable_v<CaptureRecord> && sizeof(CaptureRecord) == 24);

CaptureRing::CaptureRing(std::size_t bytes) : bytes_(bytes), mask_(bytes - 1) {
  SLIPWAY_CHECK(std::has_single_bit(bytes) && bytes >= sizeof(CaptureRecord));
}

bool CaptureRing::Begin(const CaptureRecord& record) {
  const std::size_t needed = sizeof(record) + record.kept;
  if (ahead_.written + needed - read_seen_ > bytes_.size()) {
    read_seen_ = read_.load(std::memory_order_acquire);
    if (ahead_.written + needed - read_seen_ > bytes_.size()) {
      ++ahead_.lost;
      return false;
    }
  }
  std::array<std::uint8_t, sizeof(CaptureRecord)> head;
  std::memcpy(head.data(), &record, sizeof(record));
  Append(head);
  return true;
}

void CaptureRing::Append(Bytes bytes) {
  const std::size_t at = ahead_.written & mask_;
  const std::size_t before_end = Copy(bytes, MutableBytes(bytes_).subspan(at));
  Copy(bytes.subspan(before_end), bytes_);
  ahead_.written += bytes.size();
}

void CaptureRing::Publish(const Mark& mark) {
  ahead_ = mark;
  lost_.store(mark.lost, std::memory_order_relaxed);
  written_.store(mark.written, std::memory_order_release);
  offered_.store(kNone, std::memory_order_release);
}

void CaptureRing::CopyOut(std::uint64_t from, MutableBytes to) const {
  const std::size_t before_end = Copy(Bytes(bytes_).subspan(from & mask_), to);
  Copy(bytes_, to.subspan(before_end));
}

bool CaptureRing::Read(CaptureRecord& record, std::vector<std::uint8_t>& bytes) {
  const std::uint64_t read = read_.load(std::memory_order_relaxed);
  if (read == written_.load(std::memory_order_acquire)) return false;
  std::array<std::uint8_t, sizeof(CaptureRecord)> head;
  CopyOut(read, head);
  std::memcpy(&record, head.data(), sizeof(record));
  bytes.resize(record.kept);
  CopyOut(read + sizeof(record), bytes);
  read_.store(read + sizeof(record) + record.kept, std::memory_order_release);
  return true;
}

}  // namespace slipway::dataplane
