// SPDX-License-Identifier: Apache-2.0
//
// ExtentStream: a ByteSource that is a queue of extents: short bytes it owns (headers) and slices
// of immutable images that lie elsewhere. It is what lets a 4 GB download cost no send buffer.
//
// Invariants: extents stand in order without gaps and cover [released, length()); owned bytes live
// in a ring and are written once, when they are appended, so a byte that was readable never
// changes; Release frees extents from the front. Storage comes from the owner, so a connection's
// session keeps everything in one place and nothing is allocated.
// Left out: the lifetime of images. Whoever appends a slice keeps the image until it was released.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocols/source/byte_source.h"

namespace slipway {

// One run of bytes of the stream, from `begin` to the next extent's begin.
struct Extent {
  std::uint64_t begin = 0;    // offset in the stream
  std::uint64_t size = 0;     // never 0
  Bytes image;                // the slice; empty for owned bytes
  std::uint64_t ring_at = 0;  // owned bytes: counted position in the ring
};

class ExtentStream : public ByteSource {
 public:
  // `extents` and `ring` are the storage, used by this stream alone for as long as it lives.
  ExtentStream(std::span<Extent> extents, MutableBytes ring) : extents_(extents), ring_(ring) {}
  ExtentStream(const ExtentStream&) = delete;
  ExtentStream& operator=(const ExtentStream&) = delete;

  // True if `extents` more extents with `owned_bytes` between them can be appended.
  bool HasRoom(std::size_t extents, std::size_t owned_bytes) const;
  // Copies `bytes`; HasRoom(1, bytes.size()) must hold, as must !finished().
  void AppendOwned(Bytes bytes);
  // Refers to `slice`, which must stay unchanged until released; HasRoom(1, 0) must hold.
  void AppendImage(Bytes slice);
  // Nothing is appended after this.
  void Finish() { finished_ = true; }

  std::uint64_t released() const { return released_; }
  bool drained() const { return released_ == length_; }

  std::uint64_t length() const override { return length_; }
  bool finished() const override { return finished_; }
  void Read(std::uint64_t offset, MutableBytes out) override;
  bool lends() const override { return true; }
  Bytes Borrow(std::uint64_t offset, std::uint64_t limit) override;
  void Release(std::uint64_t offset) override;

 private:
  Extent& At(std::size_t index) {
    const std::size_t at = first_ + index;
    return extents_[at < extents_.size() ? at : at - extents_.size()];
  }
  // Index of the extent that holds `offset`, which must be in [released_, length_).
  std::size_t Find(std::uint64_t offset);
  // Appends an extent of no image, at no place of the ring.
  Extent& Push(std::uint64_t size);
  void CopyOwned(std::uint64_t ring_at, MutableBytes out) const;

  std::span<Extent> extents_;  // a ring: first_, count_
  MutableBytes ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint64_t ring_begin_ = 0;  // counted positions; the ring holds [ring_begin_, ring_end_)
  std::uint64_t ring_end_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t released_ = 0;
  bool finished_ = false;
};

}  // namespace slipway
