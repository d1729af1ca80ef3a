// SPDX-License-Identifier: Apache-2.0
//
// Randomness as an argument. The dataplane injects the kernel's; the simulator, the fuzzers and
// the load generator inject a seeded one, so that the same seed gives the same run.
#pragma once

#include <cstdint>

#include "protocols/base/bytes.h"

namespace slipway {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void Fill(MutableBytes out) = 0;

  std::uint64_t Next64() {
    std::array<std::uint8_t, 8> bytes{};
    Fill(bytes);
    return Reader(bytes).U64();
  }
  std::uint32_t Next32() { return static_cast<std::uint32_t>(Next64() >> 32); }
  // Uniform in [0, bound); bound must not be 0. The modulo bias is below bound / 2^64.
  std::uint64_t Below(std::uint64_t bound) { return Next64() % bound; }
};

// SplitMix64 (Steele, Lea, Flood 2014). Repeatable, not secret: never for keys.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}

  void Fill(MutableBytes out) override {
    while (!out.empty()) {
      std::array<std::uint8_t, 8> word{};
      Writer(word).U64(Step());
      out = out.subspan(Copy(word, out));
    }
  }

 private:
  std::uint64_t Step() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  std::uint64_t state_;
};

}  // namespace slipway
