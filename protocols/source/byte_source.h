// SPDX-License-Identifier: Apache-2.0
//
// ByteSource: one direction of a stream as its sender sees it: bytes by offset, no send buffer.
//
// TCP asks for `[offset, offset + n)` whenever it sends or sends again; the source makes the same
// bytes again each time. The rule that makes this safe with encryption, and that every source
// keeps: **a byte that was once readable never changes** until it was released.
//
// Sources stand on each other: an extent list (HTTP headers and slices of images) below a sealed
// source (TLS records) below TCP. Offsets count from the stream's first byte and never wrap.
#pragma once

#include <cstdint>
#include <span>

#include "protocols/base/bytes.h"

namespace slipway {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Bytes that exist so far: any range within [released, length()) may be read. Never shrinks.
  virtual std::uint64_t length() const = 0;

  // True once length() is final: what follows it is the end of the stream (FIN).
  virtual bool finished() const = 0;

  // The sender could now send `room` bytes from length() on. A source that decides lazily (a TLS
  // source sizing its next records to the window) may grow length(), by at most `room` rounded up
  // to what it must add at least. Does nothing in a source that always knows its length.
  virtual void Extend(std::uint64_t room) { static_cast<void>(room); }

  // Writes the bytes [offset, offset + out.size()) to `out`. The range must be readable.
  virtual void Read(std::uint64_t offset, MutableBytes out) = 0;

  // Who wants to know when a piece of a run has its turn.
  class RunPieces {
   public:
    virtual void Begin(std::size_t piece) = 0;

   protected:
    ~RunPieces() = default;
  };
  // The same for text that leaves in several pieces, one behind the other, from `offset` on. Pieces
  // are not empty. Each is begun before it is written, if `turns` is given.
  virtual void ReadRun(std::uint64_t offset, std::span<const MutableBytes> pieces,
                       RunPieces* turns) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (turns != nullptr) turns->Begin(i);
      Read(offset, pieces[i]);
      offset += pieces[i].size();
    }
  }

  // Whether Borrow() ever gives anything.
  virtual bool lends() const { return false; }
  // The bytes at `offset` where they lie in immutable image memory that outlives their release:
  // at most `limit` of them, without a copy. Empty where they must be Read().
  virtual Bytes Borrow(std::uint64_t offset, std::uint64_t limit) {
    static_cast<void>(offset), static_cast<void>(limit);
    return {};
  }

  // What will be called soon.
  enum class Soon : std::uint8_t { kRead, kRelease };
  // Asks the memory for what that touches beside the source's own first lines. A hint, without
  // effect on what is read.
  virtual void FetchAhead(Soon soon) const { static_cast<void>(soon); }

  // The peer acknowledged everything below `offset`: it will not be read again.
  virtual void Release(std::uint64_t offset) = 0;
};

}  // namespace slipway
