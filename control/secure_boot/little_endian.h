// SPDX-License-Identifier: Apache-2.0
//
// Numbers as UEFI and PE/COFF keep them: least significant byte first, at any offset. A number that
// does not lie wholly inside the bytes reads as zero, and the view remembers that one was asked
// for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocols/base/bytes.h"

namespace slipway::control {

class LittleEndianView {
 public:
  explicit LittleEndianView(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t U8(std::size_t offset) { return static_cast<std::uint8_t>(Number(offset, 1)); }
  std::uint16_t U16(std::size_t offset) { return static_cast<std::uint16_t>(Number(offset, 2)); }
  std::uint32_t U32(std::size_t offset) { return static_cast<std::uint32_t>(Number(offset, 4)); }
  std::uint64_t U64(std::size_t offset) { return Number(offset, 8); }
  // Empty when they are not all there.
  Bytes Part(std::size_t offset, std::size_t size) {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      ok_ = false;
      return {};
    }
    return bytes_.subspan(offset, size);
  }

  bool ok() const { return ok_; }

 private:
  std::uint64_t Number(std::size_t offset, std::size_t size) {
    std::uint64_t number = 0;
    const Bytes part = Part(offset, size);
    for (std::size_t i = part.size(); i != 0; --i) number = number << 8 | part[i - 1];
    return number;
  }

  Bytes bytes_;
  bool ok_ = true;
};

}  // namespace slipway::control
