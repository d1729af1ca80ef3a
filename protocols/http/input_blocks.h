// SPDX-License-Identifier: Apache-2.0
//
// InputBlocks: room for requests that have not arrived whole, shared by the sessions of a worker.
// A request that comes in one segment needs it for the length of a call; so thousands of
// connections that wait, or download, hold none, and a flood of half requests is bounded by the
// number of blocks and not by the number of connections. Allocates at construction only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

namespace slipway::http {

class InputBlocks {
 public:
  InputBlocks(std::size_t count, std::size_t block_bytes)
      : block_bytes_(block_bytes), bytes_(count * block_bytes) {
    free_.reserve(count);
    for (std::size_t i = count; i-- > 0;) free_.push_back(i * block_bytes);
  }

  // A block for one session; empty when all are taken.
  MutableBytes Take() {
    if (free_.empty()) return {};
    const std::size_t at = free_.back();
    free_.pop_back();
    return MutableBytes(bytes_).subspan(at, block_bytes_);
  }
  void Give(MutableBytes block) {
    const auto at = static_cast<std::size_t>(block.data() - bytes_.data());
    SLIPWAY_CHECK(at < bytes_.size() && at % block_bytes_ == 0);
    free_.push_back(at);
  }
  std::size_t available() const { return free_.size(); }

 private:
  std::size_t block_bytes_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> free_;
};

}  // namespace slipway::http
