// SPDX-License-Identifier: Apache-2.0
//
// Slab: blocks of one size for what each connection has, one behind the other in chunks of 2 MiB.
//
// A heap strews a thousand connections over as many small pages, and each page costs a walk through
// page tables whenever its connection has its turn; a chunk of 2 MiB can be one page, where the
// memory it comes from has such (docs/performance.md has what that saves).
//
// A block goes back by its address alone, so that a class can have it for its operator delete:
// chunks begin at multiples of their size and know their slab. One thread at a time; the fullest
// chunk is not sought. Of chunks without blocks one is kept, so that who takes and gives by turns
// does not map and unmap a chunk each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace slipway {

class Slab {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{2} << 20;
  static constexpr std::size_t kLine = 64;

  // Blocks of at least `size` bytes, at most kBlockMax, each beginning a line. `pages` gives the
  // chunks and outlives the slab.
  Slab(std::size_t size, std::pmr::memory_resource& pages);
  // Every block has been given back.
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Throws what `pages` throws when it has no more.
  void* Take();
  // To the slab that it was taken from.
  static void Give(void* block);

  std::size_t block_bytes() const { return size_; }
  std::size_t chunks() const { return chunks_; }
  // In blocks that are out.
  std::size_t bytes_taken() const { return taken_ * size_; }

  static constexpr std::size_t kBlockMax = kChunkBytes / 2;

 private:
  struct Free {
    Free* next;
  };
  // At the beginning of each chunk.
  struct alignas(kLine) Chunk {
    Slab* slab;
    Chunk* before = nullptr;  // of those with blocks and room
    Chunk* after = nullptr;
    Free* free = nullptr;   // given back
    std::size_t begun = 0;  // blocks that were ever taken
    std::size_t used = 0;
  };

  std::size_t blocks_max() const { return (kChunkBytes - sizeof(Chunk)) / size_; }
  void Link(Chunk& chunk);
  void Unlink(Chunk& chunk);
  void GiveTo(Chunk& chunk, void* block);
  void GiveBack(Chunk& chunk);

  std::size_t size_;
  std::pmr::memory_resource& pages_;
  Chunk* roomy_ = nullptr;  // the first of those with blocks and room
  Chunk* spare_ = nullptr;  // without blocks
  std::size_t chunks_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace slipway
