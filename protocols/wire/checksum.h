// SPDX-License-Identifier: Apache-2.0
//
// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit
// words. One Checksum is fed a header, a pseudo header and a payload piece by piece; a piece of odd
// length leaves half a word, which the next byte completes, so where pieces end does not matter.
//
// Invariants: Finish() does not change the state. Over bytes that hold a right checksum, Finish()
// is 0. The sum is kept in 64 bits with end-around carry and folded only in Finish() (section 2
// (A) to (C): the order of the words and their byte order do not matter to the sum).
//
// Small sums are made inline, word by word: an IPv4 header costs what its loads cost.
#pragma once

#include <bit>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/strong.h"

namespace slipway {

// What is known of a checksum before the bytes are looked at.
enum class ChecksumState : std::uint8_t {
  kVerify,     // nothing: compute it
  kKnownGood,  // the port has verified it
};

class Checksum {
 public:
  void Add(Bytes bytes);
  void Add16(std::uint16_t value) { AddWord(Turn16(value)); }
  void Add32(std::uint32_t value) {
    Add16(static_cast<std::uint16_t>(value >> 16));
    Add16(static_cast<std::uint16_t>(value));
  }
  // The value for the checksum field, host order; 0 over bytes that include a right checksum.
  std::uint16_t Finish() const {
    std::uint64_t sum = (sum_ >> 32) + (sum_ & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return static_cast<std::uint16_t>(~Turn16(static_cast<std::uint16_t>(sum)));
  }

 private:
  // Sums are made in the machine's own byte order (RFC 1071 section 2 (B)); only the result turns.
  static constexpr std::uint16_t Turn16(std::uint16_t value) {
    return std::endian::native == std::endian::little
               ? static_cast<std::uint16_t>(value << 8 | value >> 8)
               : value;
  }
  static constexpr std::uint64_t AddWithCarry(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t sum = a + b;
    return sum + (sum < b ? 1 : 0);
  }
  // What a piece at an odd place adds: every byte in the other half of its word.
  void AddWord(std::uint64_t word) { sum_ = AddWithCarry(sum_, odd_ ? std::rotl(word, 8) : word); }

  std::uint64_t sum_ = 0;  // in the machine's byte order, as if every piece began at an even place
  bool odd_ = false;       // an odd number of bytes was added so far
};

// The checksum of one run of bytes.
std::uint16_t ChecksumOf(Bytes bytes);

// The pseudo header of UDP and TCP over IPv4 (RFC 768, RFC 9293 3.1): start with this, then Add()
// the transport's header and payload.
struct PseudoHeader {
  Ipv4Address source;
  Ipv4Address destination;
  IpProtocol protocol;
  std::uint16_t length = 0;  // of the transport's header and payload
};
inline Checksum StartChecksum(const PseudoHeader& pseudo) {
  Checksum checksum;
  checksum.Add32(pseudo.source.value());
  checksum.Add32(pseudo.destination.value());
  checksum.Add16(pseudo.protocol.value());
  checksum.Add16(pseudo.length);
  return checksum;
}

// What the checksum becomes when one 16-bit field under it grows by `added` without overflow
// (RFC 1624 section 3, equation 3).
inline std::uint16_t ChecksumOfMore(std::uint16_t checksum, std::uint16_t added) {
  const std::uint32_t sum = static_cast<std::uint16_t>(~checksum) + std::uint32_t{added};
  return static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16)));
}

}  // namespace slipway
