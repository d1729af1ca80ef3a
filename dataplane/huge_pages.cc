// SPDX-License-Identifier: Apache-2.0
#include "dataplane/huge_pages.h"

#include <sys/mman.h>

#include <bit>
#include <cstdint>
#include <new>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kPage = std::size_t{2} << 20;

// Whole pages for what takes up one and more; what is smaller would waste most of one.
std::size_t RoundedUp(std::size_t bytes) {
  constexpr std::size_t kSmall = 4096;
  const std::size_t unit = bytes >= kPage ? kPage : kSmall;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

HugePages& HugePages::Get() {
  static HugePages pages;
  return pages;
}

void* HugePages::do_allocate(std::size_t bytes, std::size_t alignment) {
  SLIPWAY_CHECK(alignment <= kPage);
  const std::size_t size = RoundedUp(bytes);
  // More than is needed, so that it holds one that begins a page.
  void* const mapped = ::mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::uint8_t*>(mapped);
  const std::size_t before = (kPage - std::bit_cast<std::uintptr_t>(begin) % kPage) % kPage;
  std::uint8_t* const memory = begin + before;
  if (before != 0) ::munmap(begin, before);
  ::munmap(memory + size, kPage - before);
  // Where it is refused, small pages do as well.
  static_cast<void>(::madvise(memory, size, MADV_HUGEPAGE));
  return memory;
}

void HugePages::do_deallocate(void* memory, std::size_t bytes, std::size_t /*alignment*/) {
  ::munmap(memory, RoundedUp(bytes));
}

}  // namespace slipway::dataplane
