// SPDX-License-Identifier: Apache-2.0
//
// ExtentStream: see the header. Lookups are a binary search over at most a few dozen extents.
#include "protocols/source/extent_stream.h"

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway {

bool ExtentStream::HasRoom(std::size_t extents, std::size_t owned_bytes) const {
  const std::uint64_t used = ring_end_ - ring_begin_;
  return extents <= extents_.size() - count_ && owned_bytes <= ring_.size() - used;
}

void ExtentStream::AppendOwned(Bytes bytes) {
  SLIPWAY_CHECK(!finished_ && HasRoom(0, bytes.size()));
  if (bytes.empty()) return;
  const std::uint64_t ring_at = ring_end_;
  const std::size_t at = static_cast<std::size_t>(ring_at % ring_.size());
  const std::size_t copied = Copy(bytes, ring_.subspan(at));
  static_cast<void>(Copy(bytes.subspan(copied), ring_));
  ring_end_ += bytes.size();
  // Owned bytes that follow owned bytes stand next to each other in the ring too.
  if (count_ != 0 && At(count_ - 1).image.empty()) {
    At(count_ - 1).size += bytes.size();
    length_ += bytes.size();
    return;
  }
  Push(bytes.size()).ring_at = ring_at;
}

void ExtentStream::AppendImage(Bytes slice) {
  SLIPWAY_CHECK(!finished_);
  if (!slice.empty()) Push(slice.size()).image = slice;
}

Extent& ExtentStream::Push(std::uint64_t size) {
  SLIPWAY_CHECK(count_ < extents_.size());
  Extent& extent = At(count_++);
  extent.begin = length_;
  extent.size = size;
  extent.image = {};
  length_ += size;
  return extent;
}

std::size_t ExtentStream::Find(std::uint64_t offset) {
  std::size_t low = 0;
  // The newest extent, as a rule a whole image, is asked for most often.
  if (offset >= At(count_ - 1).begin) return count_ - 1;
  std::size_t high = count_ - 1;  // At(low).begin <= offset < At(high).begin
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (At(middle).begin <= offset ? low : high) = middle;
  }
  return low;
}

void ExtentStream::Read(std::uint64_t offset, MutableBytes out) {
  SLIPWAY_CHECK(offset >= released_ && offset <= length_ && out.size() <= length_ - offset);
  if (out.empty()) return;
  for (std::size_t index = Find(offset); !out.empty(); ++index) {
    const Extent& extent = At(index);
    const std::uint64_t skip = offset - extent.begin;
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent.size - skip));
    if (extent.image.empty()) {
      CopyOwned(extent.ring_at + skip, out.first(size));
    } else {
      static_cast<void>(Copy(extent.image.subspan(static_cast<std::size_t>(skip), size), out));
    }
    out = out.subspan(size);
    offset += size;
  }
}

Bytes ExtentStream::Borrow(std::uint64_t offset, std::uint64_t limit) {
  SLIPWAY_CHECK(offset >= released_ && offset <= length_);
  if (offset == length_) return {};
  const Extent& extent = At(Find(offset));
  if (extent.image.empty()) return {};
  const std::uint64_t skip = offset - extent.begin;
  return extent.image.subspan(static_cast<std::size_t>(skip),
                              static_cast<std::size_t>(std::min(limit, extent.size - skip)));
}

void ExtentStream::Release(std::uint64_t offset) {
  SLIPWAY_CHECK(offset <= length_);
  if (offset <= released_) return;
  released_ = offset;
  while (count_ != 0) {
    const Extent& extent = At(0);
    const std::uint64_t gone = std::min(offset - extent.begin, extent.size);
    if (extent.image.empty()) ring_begin_ = extent.ring_at + gone;
    if (gone < extent.size) return;
    if (++first_ == extents_.size()) first_ = 0;
    --count_;
  }
  // Nothing is held: what comes next goes where the last went, on lines that are still near.
  first_ = 0;
  ring_begin_ = ring_end_ = 0;
}

void ExtentStream::CopyOwned(std::uint64_t ring_at, MutableBytes out) const {
  const std::size_t at = static_cast<std::size_t>(ring_at % ring_.size());
  const std::size_t head = std::min(out.size(), ring_.size() - at);
  static_cast<void>(Copy(ring_.subspan(at, head), out));
  static_cast<void>(Copy(ring_, out.subspan(head)));
}

}  // namespace slipway
