// SPDX-License-Identifier: Apache-2.0
//
// Every drop has a name. One list for the whole product: a frame, datagram, segment, record or
// request that is not served is counted under exactly one of these, and an operator can read why.
//
// A line is X(Name, severity, "sentence"). Severity says how an operator should take a rising
// counter: kNormal (part of ordinary traffic), kPeer (a peer or the network misbehaves),
// kLoad (we ran out of something that is bounded on purpose). Sections follow the way of a frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipway {

// A table, one line a drop:
// clang-format off
#define SLIPWAY_DROPS_PORT(X)                                                                  \
  X(NoBuffer, kLoad, "the packet pool was empty")                                              \
  X(TransmitRingFull, kLoad, "the port's transmit ring was full")                              \
  X(FrameTooLong, kPeer, "the frame is longer than the port's MTU allows")                     \
  X(WorkerRingFull, kLoad, "the ring towards the worker that owns this traffic was full")      \
  X(LinkDown, kPeer, "the port had no link")

#define SLIPWAY_DROPS_ETHERNET(X)                                                              \
  X(EthernetTruncated, kPeer, "shorter than an Ethernet header")                               \
  X(EthernetSourceInvalid, kPeer, "the source address is a group address or zero")             \
  X(EthernetNotForUs, kNormal, "addressed to another station")                                 \
  X(EthernetTypeUnknown, kNormal, "an EtherType that is not spoken here")                      \
  X(VlanNotOurs, kNormal, "tagged for a VLAN that is not configured")                          \
  X(VlanTruncated, kPeer, "shorter than its VLAN tag")

#define SLIPWAY_DROPS_ARP(X)                                                                   \
  X(ArpTruncated, kPeer, "shorter than an ARP packet")                                         \
  X(ArpNotIpv4OverEthernet, kPeer, "not IPv4 over Ethernet")                                   \
  X(ArpOperationUnknown, kPeer, "neither request nor reply")                                   \
  X(ArpSenderInvalid, kPeer, "the sender's address is impossible or differs from the frame's") \
  X(ArpNotForUs, kNormal, "asks for an address that is not ours")                              \
  X(ArpUnsolicited, kPeer, "a reply nobody asked for")                                         \
  X(ArpConflict, kPeer, "another station claims an address of ours")

#define SLIPWAY_DROPS_IP(X)                                                                    \
  X(IpTruncated, kPeer, "shorter than its IPv4 header or total length")                        \
  X(IpVersion, kPeer, "not version 4")                                                         \
  X(IpHeaderLength, kPeer, "header length below 20 or beyond the packet")                      \
  X(IpHeaderChecksum, kPeer, "wrong header checksum")                                          \
  X(IpOptionMalformed, kPeer, "an IPv4 option runs over the header")                           \
  X(IpSourceRouted, kPeer, "carries a source route option")                                    \
  X(IpMartianSource, kPeer, "a source address that no answer can reach")                       \
  X(IpNotForUs, kNormal, "addressed to another host")                                          \
  X(IpProtocolUnknown, kNormal, "a transport protocol that is not spoken here")                \
  X(IpFragmentMalformed, kPeer, "a fragment beyond 65,535 bytes or of a wrong size")           \
  X(IpFragmentOverlap, kPeer, "fragments overlap; the whole datagram is refused")              \
  X(IpFragmentTableFull, kLoad, "too many datagrams are being reassembled")                    \
  X(IpFragmentTimeout, kPeer, "fragments did not arrive in time")                              \
  X(IpFragmentedTcp, kPeer, "TCP in fragments, which one of several workers cannot hand over")   \
  X(IpFragmentTooMany, kPeer, "a datagram of too many fragments")                              \
  X(IpFragmentDuplicate, kNormal, "a fragment that was here before")                           \
  X(IpFragmentMarked, kPeer, "fragments marked by a congested router beside some it may not mark")

#define SLIPWAY_DROPS_ICMP(X)                                                                  \
  X(IcmpTruncated, kPeer, "shorter than an ICMP header")                                       \
  X(IcmpChecksum, kPeer, "wrong ICMP checksum")                                                \
  X(IcmpTypeIgnored, kNormal, "an ICMP message that asks for nothing here")                    \
  X(IcmpQuoteInvalid, kPeer, "an ICMP error that quotes no datagram of ours")                  \
  X(IcmpToGroup, kPeer, "an echo request to a broadcast or group address")                     \
  X(IcmpRateLimited, kLoad, "an answer withheld by the rate limit")

#define SLIPWAY_DROPS_UDP(X)                                                                   \
  X(UdpTruncated, kPeer, "shorter than its UDP header or length")                              \
  X(UdpChecksum, kPeer, "wrong UDP checksum")                                                  \
  X(UdpPortZero, kPeer, "from or to port 0")                                                   \
  X(UdpPortClosed, kNormal, "no service on this UDP port")

#define SLIPWAY_DROPS_DHCP(X)                                                                  \
  X(DhcpTruncated, kPeer, "shorter than a BOOTP message")                                      \
  X(DhcpNotRequest, kNormal, "not a BOOTREQUEST")                                              \
  X(DhcpHardwareType, kPeer, "not Ethernet, or no hardware address")                           \
  X(DhcpCookie, kPeer, "no DHCP magic cookie")                                                 \
  X(DhcpOptionMalformed, kPeer, "an option runs over the message")                             \
  X(DhcpTypeMissing, kPeer, "no DHCP message type")                                            \
  X(DhcpTypeUnexpected, kPeer, "a message type no client sends")                               \
  X(DhcpOtherServer, kNormal, "the client chose another server")                               \
  X(DhcpNoNetwork, kPeer, "no network of ours fits the interface or relay")                    \
  X(DhcpPoolEmpty, kLoad, "no address left in the pool")                                       \
  X(DhcpUnknownMachine, kNormal, "policy ignores this machine")                                \
  X(DhcpIgnoredByRule, kNormal, "a rule says that this machine is never answered")             \
  X(DhcpHeld, kNormal, "a rule holds this machine until an operator approves it")              \
  X(DhcpBootsLocally, kNormal, "a rule leaves this machine to its next boot option")           \
  X(DhcpNotABootClient, kNormal, "not a boot client, and only those are answered")             \
  X(DhcpNoBootRule, kNormal, "a boot client that no boot rule fits")                           \
  X(DhcpClientIdentifierTooLong, kPeer, "a client identifier of more than 64 bytes")           \
  X(DhcpAddressMissing, kPeer, "names no address where one belongs")                           \
  X(DhcpLeaseTableFull, kLoad, "no room for another lease")                                    \
  X(DhcpAddressesInUse, kPeer, "every address that was probed is in use by somebody")          \
  X(DhcpUnknownLease, kNormal, "about an address this client does not hold")                   \
  X(DhcpReplyTooLong, kPeer, "the answer does not fit the client's maximum message size")      \
  X(DhcpHopsExceeded, kPeer, "relayed too many times")                                         \
  X(DhcpProbePending, kNormal, "waits until the offered address was probed")                   \
  X(DhcpJournalFull, kLoad, "the lease journal is behind; the client will ask again")

#define SLIPWAY_DROPS_DNS(X)                                                                   \
  X(DnsTruncated, kPeer, "shorter than a DNS header")                                          \
  X(DnsNotQuery, kPeer, "not a query")                                                         \
  X(DnsQuestionMalformed, kPeer, "a malformed question")                                       \
  X(DnsCompressionHostile, kPeer, "a compression pointer that loops or points forward")

#define SLIPWAY_DROPS_TCP(X)                                                                   \
  X(TcpTruncated, kPeer, "shorter than its TCP header")                                        \
  X(TcpChecksum, kPeer, "wrong TCP checksum")                                                  \
  X(TcpOptionMalformed, kPeer, "an option runs over the header")                               \
  X(TcpFlagsInvalid, kPeer, "a combination of flags that no state accepts")                    \
  X(TcpPortClosed, kNormal, "no connection and no listener")                                   \
  X(TcpOutOfWindow, kPeer, "outside the receive window")                                       \
  X(TcpOldDuplicate, kNormal, "everything in it was received before")                          \
  X(TcpPaws, kPeer, "an old timestamp (PAWS)")                                                 \
  X(TcpTimestampMissing, kPeer, "timestamps were negotiated and are missing")                  \
  X(TcpAckUnacceptable, kPeer, "acknowledges what was never sent")                             \
  X(TcpAckTooOld, kPeer, "acknowledges something long past")                                   \
  X(TcpAckMissing, kPeer, "carries no acknowledgment")                                         \
  X(TcpResetUnacceptable, kPeer, "a reset outside the exact sequence number")                  \
  X(TcpSynInWindow, kPeer, "a SYN inside an open connection")                                  \
  X(TcpChallengeLimited, kPeer, "a challenge ACK withheld by the limit")                       \
  X(TcpCookieInvalid, kPeer, "an ACK to a listener that carries no valid SYN cookie")          \
  X(TcpConnectionLimit, kLoad, "no room for another connection")                               \
  X(TcpCrowdedOut, kLoad, "all were taken, and its peer, who held the most, gave way")         \
  X(TcpOutOfOrderFull, kLoad, "the out-of-order store is full")                                \
  X(TcpTextAfterClose, kPeer, "data after the application had closed")                         \
  X(TcpTimeWait, kNormal, "arrived in TIME-WAIT")

#define SLIPWAY_DROPS_TLS(X)                                                                   \
  X(TlsHandshakeFailed, kPeer, "the handshake failed; the boot's story names the alert")       \
  X(TlsRecordMalformed, kPeer, "a record that is too long or of an unknown type")              \
  X(TlsAlertReceived, kPeer, "the peer sent a fatal alert")                                    \
  X(TlsRenegotiation, kPeer, "the peer asked for renegotiation")                               \
  X(TlsKeyUpdateLimit, kPeer, "more key updates than go with its text or its acknowledgments") \
  X(TlsHandshakeTimeout, kPeer, "answered our part of the handshake too late or never")        \
  X(TlsInputLimit, kPeer, "more handshake bytes than any client needs")                        \
  X(TlsControlLimit, kPeer, "made us answer more alerts and updates than it acknowledged")

#define SLIPWAY_DROPS_HTTP(X)                                                                  \
  X(HttpMalformed, kPeer, "a malformed request")                                               \
  X(HttpTooLong, kPeer, "a request whose header, target or body is beyond its limit")          \
  X(HttpUnsupported, kPeer, "a method, version, coding or expectation not spoken here")        \
  X(HttpNotFound, kNormal, "a request for a file that is not offered")                         \
  X(HttpNotLoaded, kLoad, "a request for a file that was not in memory yet")                   \
  X(HttpNotSatisfied, kNormal, "for a version or a range that the file does not have")         \
  X(HttpTimeout, kPeer, "no complete request in time")                                         \
  X(HttpNoRoom, kLoad, "the oldest half request, given up for a newer one: all room is taken")  \
  X(HttpStalled, kPeer, "the receiver took no bytes for too long")

#define SLIPWAY_DROPS(X)                                                                       \
  SLIPWAY_DROPS_PORT(X)                                                                        \
  SLIPWAY_DROPS_ETHERNET(X)                                                                    \
  SLIPWAY_DROPS_ARP(X)                                                                         \
  SLIPWAY_DROPS_IP(X)                                                                          \
  SLIPWAY_DROPS_ICMP(X)                                                                        \
  SLIPWAY_DROPS_UDP(X)                                                                         \
  SLIPWAY_DROPS_DHCP(X)                                                                        \
  SLIPWAY_DROPS_DNS(X)                                                                         \
  SLIPWAY_DROPS_TCP(X)                                                                         \
  SLIPWAY_DROPS_TLS(X)                                                                         \
  SLIPWAY_DROPS_HTTP(X)

// clang-format on

enum class Drop : std::uint8_t {
  kNone,
#define SLIPWAY_DROP_ENUMERATOR(name, severity, sentence) k##name,
  SLIPWAY_DROPS(SLIPWAY_DROP_ENUMERATOR)
#undef SLIPWAY_DROP_ENUMERATOR
};

enum class DropSeverity : std::uint8_t { kNormal, kPeer, kLoad };

struct DropDescription {
  Drop drop;
  std::string_view name;  // CamelCase, as in the enum
  DropSeverity severity;
  std::string_view sentence;
};

inline constexpr DropDescription kDropDescriptions[] = {
    {Drop::kNone, "None", DropSeverity::kNormal, "served"},
#define SLIPWAY_DROP_DESCRIPTION(name, severity, sentence) \
  {Drop::k##name, #name, DropSeverity::severity, sentence},
    SLIPWAY_DROPS(SLIPWAY_DROP_DESCRIPTION)
#undef SLIPWAY_DROP_DESCRIPTION
};
inline constexpr std::size_t kDropCount = std::size(kDropDescriptions);
static_assert(kDropCount < 256, "Drop is one byte");

constexpr const DropDescription& Describe(Drop drop) {
  return kDropDescriptions[static_cast<std::size_t>(drop)];
}

// How often each happened. Owned and written by one worker, summed by readers.
struct DropCounters {
  std::array<std::uint64_t, kDropCount> counts{};

  void Count(Drop drop, std::uint64_t times = 1) {
    counts[static_cast<std::size_t>(drop)] += times;
  }
  std::uint64_t operator[](Drop drop) const { return counts[static_cast<std::size_t>(drop)]; }
};

}  // namespace slipway
