// SPDX-License-Identifier: Apache-2.0
#include "tls/fingerprint.h"

#include <algorithm>
#include <span>

#include "protocols/base/fingerprint.h"

namespace slipway::tls {
namespace {

constexpr std::uint16_t kFallback = 0x5600;

constexpr bool Counts(std::uint16_t number) {
  const bool greased = (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
  return !greased && number != kFallback;
}

}  // namespace

std::uint64_t FingerprintOf(const ClientOffer& offer) {
  Fnv1a hash;
  for (const std::span<const std::uint16_t> list :
       {std::span(offer.versions), std::span(offer.suites), std::span(offer.groups),
        std::span(offer.signature_algorithms)}) {
    hash.AddU16(static_cast<std::uint16_t>(std::ranges::count_if(list, Counts)));
    for (const std::uint16_t number : list) {
      if (Counts(number)) hash.AddU16(number);
    }
  }
  return hash.value();
}

}  // namespace slipway::tls
