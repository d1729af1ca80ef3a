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
// Left out: incremental update (RFC 1624). Nothing here rewrites a header in place.
#pragma once

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
  void Add16(std::uint16_t value);
  void Add32(std::uint32_t value);
  // The value for the checksum field, host order; 0 over bytes that include a right checksum.
  std::uint16_t Finish() const;

 private:
  void AddWord(std::uint64_t word);

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
Checksum StartChecksum(const PseudoHeader& pseudo);

}  // namespace slipway
