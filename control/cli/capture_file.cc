// SPDX-License-Identifier: Apache-2.0
#include "control/cli/capture_file.h"

#include <algorithm>
#include <optional>

namespace slipway::control {
namespace {

constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint16_t kDropCount = 4;         // of an enhanced packet
constexpr std::uint16_t kInterfaceDropped = 5;  // of interface statistics
constexpr std::size_t kBlockMin = 12;           // type, length, length
constexpr std::size_t kBlockMax = 1 << 20;      // none of ours comes near

std::uint64_t Number(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes && at + i < text.size(); ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
  }
  return number;
}

// The value of an option of eight bytes, among those from `at` to the block's last length.
std::optional<std::uint64_t> OptionOf(std::string_view block, std::size_t at, std::uint16_t code) {
  while (at + 8 <= block.size()) {
    const std::uint64_t found = Number(block, at, 2);
    const std::uint64_t size = Number(block, at + 2, 2);
    if (found == 0) break;
    if (found == code && size == 8) return Number(block, at + 4, 8);
    at += 4 + (size + 3) / 4 * 4;
  }
  return std::nullopt;
}

}  // namespace

bool CaptureFile::Take(std::string_view bytes, const std::function<bool(std::string_view)>& write) {
  rest_ += bytes;
  std::size_t whole = 0;
  while (rest_.size() - whole >= kBlockMin) {
    const std::uint64_t length = Number(rest_, whole + 4, 4);
    if (length < kBlockMin || length > kBlockMax || length % 4 != 0) return false;
    if (rest_.size() - whole < length) break;
    Look(std::string_view(rest_).substr(whole, length));
    whole += length;
  }
  if (whole == 0) return true;
  bytes_ += whole;
  const bool good = write(std::string_view(rest_).substr(0, whole));
  rest_.erase(0, whole);
  return good;
}

void CaptureFile::Look(std::string_view block) {
  const std::uint64_t type = Number(block, 0, 4);
  if (type == kEnhancedPacket) {
    constexpr std::size_t kData = 28;
    const std::uint64_t captured = Number(block, 20, 4);
    ++frames_;
    lost_ += OptionOf(block, kData + (captured + 3) / 4 * 4, kDropCount).value_or(0);
  } else if (type == kInterfaceStatistics) {
    constexpr std::size_t kOptions = 20;
    if (!complete_) lost_ = 0;  // they say it of each interface, from the beginning
    complete_ = true;
    lost_ += OptionOf(block, kOptions, kInterfaceDropped).value_or(0);
  }
}

}  // namespace slipway::control
