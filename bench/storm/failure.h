// SPDX-License-Identifier: Apache-2.0
//
// Failure: why a machine did not get what it came for. Each has a name for the report and a
// sentence for who reads it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace slipway::storm {

enum class Failure : std::uint8_t {
  kNone,
  kNoOffer,
  kNoAck,
  kNak,
  kNoBootUri,
  kAddressTaken,
  kNoNeighbour,
  kNoName,
  kNoPort,
  kNoConnection,
  kRefused,
  kReset,
  kClosedEarly,
  kNoHandshake,
  kHandshakeRefused,
  kCertificateRefused,
  kSuiteUnsupported,
  kRecordDamaged,
  kRecordUnexpected,
  kResponseMalformed,
  kStatusNotOk,
  kLengthDiffers,
  kBodyDiffers,
  kDigestDiffers,
  kStalled,
  kOutOfTime,
};
inline constexpr std::size_t kFailures = 26;

struct FailureText {
  std::string_view name;
  std::string_view sentence;
};

constexpr FailureText Describe(Failure failure) {
  constexpr std::array<FailureText, kFailures> kTexts{{
      {"None", "nothing went wrong"},
      {"NoOffer", "no DHCP offer that names a boot file came in four tries"},
      {"NoAck", "the DHCP request was not answered"},
      {"Nak", "the DHCP server refused the address it had offered"},
      {"NoBootUri", "the DHCP answer's boot URI cannot be read"},
      {"AddressTaken",
       "DHCP gave an address that another machine here uses: keep fixed ones out of its pool"},
      {"NoNeighbour", "nobody answered by ARP for the next station"},
      {"NoName", "DNS gave no address for the server's name"},
      {"NoPort", "no local port or connection was free"},
      {"NoConnection", "the SYN was not answered in time"},
      {"Refused", "the SYN was answered by a RST"},
      {"Reset", "the server reset the connection"},
      {"ClosedEarly", "the server finished before all had been sent"},
      {"NoHandshake", "the TLS handshake was not finished in time"},
      {"HandshakeRefused", "the TLS handshake failed, mostly by an alert of the server"},
      {"CertificateRefused", "the server's certificate is not trusted, or names another host"},
      {"SuiteUnsupported", "the server chose a cipher suite that is not AES-GCM"},
      {"RecordDamaged", "a TLS record's tag is wrong"},
      {"RecordUnexpected", "a TLS record of a type or length that does not belong there"},
      {"ResponseMalformed", "the head of the HTTP response cannot be read"},
      {"StatusNotOk", "the HTTP status was neither 200 nor 206"},
      {"LengthDiffers", "GET and HEAD, or the range asked for, disagree about the length"},
      {"BodyDiffers", "the body's bytes differ from the image's"},
      {"DigestDiffers", "the body's SHA-256 is not what the server or --digest says"},
      {"Stalled", "no byte of the response came for longer than this firmware waits"},
      {"OutOfTime", "the run ended before the machine was done"},
  }};
  return kTexts[static_cast<std::size_t>(failure)];
}

}  // namespace slipway::storm
