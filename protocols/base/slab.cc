// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/slab.h"

#include <bit>
#include <new>
#include <utility>

#include "protocols/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLIPWAY_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLIPWAY_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef SLIPWAY_ADDRESS_SANITIZER
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's
extern "C" void __asan_poison_memory_region(const volatile void* begin, std::size_t size);
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's
extern "C" void __asan_unpoison_memory_region(const volatile void* begin, std::size_t size);
#endif

namespace slipway {
namespace {

// So that the sanitizer still finds who uses a block that he gave back.
#ifdef SLIPWAY_ADDRESS_SANITIZER
void Forbid(void* bytes, std::size_t size) { __asan_poison_memory_region(bytes, size); }
void Allow(void* bytes, std::size_t size) { __asan_unpoison_memory_region(bytes, size); }
#else
void Forbid(void* /*bytes*/, std::size_t /*size*/) {}
void Allow(void* /*bytes*/, std::size_t /*size*/) {}
#endif

}  // namespace

Slab::Slab(std::size_t size, std::pmr::memory_resource& pages)
    : size_((size + kLine - 1) / kLine * kLine), pages_(pages) {
  SLIPWAY_CHECK(size > 0 && size_ <= kBlockMax);
}

Slab::~Slab() {
  SLIPWAY_CHECK(taken_ == 0);
  if (spare_ != nullptr) GiveBack(*spare_);
}

void* Slab::Take() {
  if (roomy_ == nullptr) {
    if (spare_ == nullptr) {
      spare_ = new (pages_.allocate(kChunkBytes, kChunkBytes)) Chunk{.slab = this};
      Forbid(spare_ + 1, kChunkBytes - sizeof(Chunk));
      ++chunks_;
    }
    Link(*std::exchange(spare_, nullptr));
  }
  Chunk& chunk = *roomy_;
  void* block = chunk.free;
  if (block != nullptr) {
    Allow(block, size_);
    chunk.free = chunk.free->next;
  } else {
    void* const blocks = &chunk + 1;
    block = static_cast<std::uint8_t*>(blocks) + chunk.begun++ * size_;
    Allow(block, size_);
  }
  ++taken_;
  if (++chunk.used == blocks_max()) Unlink(chunk);
  return block;
}

void Slab::Give(void* block) {
  const std::size_t at = std::bit_cast<std::uintptr_t>(block) % kChunkBytes;
  void* const begin = static_cast<std::uint8_t*>(block) - at;
  auto& chunk = *static_cast<Chunk*>(begin);
  chunk.slab->GiveTo(chunk, block);
}

void Slab::GiveTo(Chunk& chunk, void* block) {
  SLIPWAY_CHECK(chunk.used > 0);
  --taken_;
  if (chunk.used-- == blocks_max()) Link(chunk);
  chunk.free = new (block) Free{chunk.free};
  Forbid(block, size_);
  if (chunk.used != 0) return;
  Unlink(chunk);
  if (spare_ == nullptr) {
    spare_ = &chunk;
  } else {
    GiveBack(chunk);
  }
}

void Slab::GiveBack(Chunk& chunk) {
  --chunks_;
  Allow(&chunk, kChunkBytes);
  pages_.deallocate(&chunk, kChunkBytes, kChunkBytes);
}

void Slab::Link(Chunk& chunk) {
  chunk.before = nullptr;
  chunk.after = roomy_;
  if (roomy_ != nullptr) roomy_->before = &chunk;
  roomy_ = &chunk;
}

void Slab::Unlink(Chunk& chunk) {
  (chunk.before != nullptr ? chunk.before->after : roomy_) = chunk.after;
  if (chunk.after != nullptr) chunk.after->before = chunk.before;
}

}  // namespace slipway
