// SPDX-License-Identifier: Apache-2.0
//
// HugePages: memory for what is read with each packet, on pages of 2 MiB where the kernel has such
// to give (transparent huge pages, "madvise" or "always"; "never" means small ones). For tables and
// slabs of a thread that lives as long as the program: each piece is a mapping of its own.
#pragma once

#include <memory_resource>

namespace slipway::dataplane {

class HugePages final : public std::pmr::memory_resource {
 public:
  // It keeps nothing, so there is one. Any thread.
  static HugePages& Get();

 private:
  HugePages() = default;
  // Whole pages, zeroed; `alignment` is at most 2 MiB. Throws std::bad_alloc.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace slipway::dataplane
