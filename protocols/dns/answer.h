// SPDX-License-Identifier: Apache-2.0
//
// Answer: a query in, an answer out; authoritative, for the names of one Zone, over UDP.
//
// RFC 1035, 2181, 2308 (a negative answer carries the SOA), 3596 (AAAA), 4343 (case), 6891 (EDNS0),
// 8482 (ANY: one kind of record, not all), 9619 (one question). The question is echoed byte for
// byte, so a client that scrambles case (0x20) finds its own. Of a name's IPv4 addresses a client
// gets those of the link it asks by, for there alone they are sure to answer it, and first of them
// the one it asks, as firmware tries no other; where the link has none of them, it gets all. An
// answer that does not fit the client's limit (512 without EDNS0) has TC set and no records; there
// is no TCP port 53, but no name of ours has that many addresses.
//
//   existing name, type there       NOERROR, AA, the records
//   existing name, type not there   NOERROR, AA, SOA
//   below the origin, not there     NXDOMAIN, AA, SOA
//   outside                         REFUSED, or NXDOMAIN where the zone says so
//   another opcode, AXFR, IXFR      NOTIMP          another class      REFUSED
//   not one question, records in it FORMERR         EDNS version > 0   BADVERS
//
// Dropped without an answer: what is no query, and a question that cannot be read; answering
// garbage only helps who sends it. Left out: DNSSEC, TCP, cookies, recursion.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/parsed.h"
#include "protocols/dns/zone.h"

namespace slipway::dns {

// What fits a frame on any path, whatever a client says it could take (RFC 9715 3.1).
inline constexpr std::size_t kAnswerSizeMax = 1232;

// Where a query came in.
struct AskedAt {
  Ipv4Address address;               // that it was sent to
  std::span<const Ipv4Prefix> link;  // ours on that link, each with its network
};

// Writes the answer to the front of `out`, which should hold kAnswerSizeMax; returns its size.
Parsed<std::size_t> Answer(Bytes query, const Zone& zone, const AskedAt& at, MutableBytes out);
// What an answer's header says (RFC 1035 4.1.1): 0 no error, 3 no such name, 5 refused.
unsigned ResponseCode(Bytes answer);

// The name a query asks for, dotted, to be shown; "?" for what Answer would drop.
class QuestionName {
 public:
  explicit QuestionName(Bytes query);
  std::string_view text() const { return {text_.data(), size_}; }
  std::uint16_t type() const { return type_; }          // RFC 1035 3.2.2; 0 with "?"
  operator std::string_view() const { return text(); }  // NOLINT(google-explicit-constructor)

 private:
  std::array<char, kNameSizeMax> text_{};
  std::size_t size_ = 0;
  std::uint16_t type_ = 0;
};

}  // namespace slipway::dns
