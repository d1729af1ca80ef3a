// SPDX-License-Identifier: Apache-2.0
//
// InputBlocks: room for requests that have not arrived whole, shared by the sessions of a worker.
// A request that comes in one segment needs none, so thousands of connections that wait, or
// download, hold none, and a flood of half requests is bounded by the number of blocks and not by
// the number of connections.
//
// There is always a block for whoever needs one: when none is free, the session that has had its
// own for longest gives it up. Allocates at construction only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocols/base/bytes.h"
#include "protocols/base/check.h"
#include "protocols/base/time.h"

namespace slipway::http {

// Whoever has a block.
class BlockHolder {
 public:
  virtual ~BlockHolder() = default;
  // Somebody else needs the block: gives it back before it returns.
  virtual void GiveUpBlock(Time now) = 0;
};

class InputBlocks {
 public:
  // `count` is at least 1.
  InputBlocks(std::size_t count, std::size_t block_bytes)
      : block_bytes_(block_bytes), bytes_(count * block_bytes), places_(count + 1), end_(count) {
    SLIPWAY_CHECK(count > 0);
    places_[end_] = {.before = end_, .after = end_};
    free_.reserve(count);
    for (std::size_t i = count; i-- > 0;) free_.push_back(i);
  }

  // A block for `holder`, which has none.
  MutableBytes Take(BlockHolder& holder, Time now) {
    if (free_.empty()) places_[places_[end_].after].holder->GiveUpBlock(now);
    SLIPWAY_CHECK(!free_.empty());
    const std::size_t index = free_.back();
    free_.pop_back();
    places_[index] = {.holder = &holder, .before = places_[end_].before, .after = end_};
    places_[places_[index].before].after = index;
    places_[end_].before = index;
    return MutableBytes(bytes_).subspan(index * block_bytes_, block_bytes_);
  }
  void Give(MutableBytes block) {
    const auto at = static_cast<std::size_t>(block.data() - bytes_.data());
    SLIPWAY_CHECK(at < bytes_.size() && at % block_bytes_ == 0);
    const std::size_t index = at / block_bytes_;
    const Place& place = places_[index];
    places_[place.before].after = place.after;
    places_[place.after].before = place.before;
    free_.push_back(index);
  }
  std::size_t available() const { return free_.size(); }

 private:
  // Of a block that is held, in the order in which they were taken.
  struct Place {
    BlockHolder* holder = nullptr;
    std::size_t before = 0;
    std::size_t after = 0;
  };

  std::size_t block_bytes_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Place> places_;  // of the blocks; behind them the place before the first and after
  std::size_t end_;            // the last
  std::vector<std::size_t> free_;
};

}  // namespace slipway::http
