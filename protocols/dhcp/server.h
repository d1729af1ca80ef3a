// SPDX-License-Identifier: Apache-2.0
//
// dhcp::Server: one worker's DHCPv4 service (RFC 2131 4.3), with UEFI HTTP boot, PXE and iPXE
// offers and proxyDHCP. Sans-I/O; owns the lease table; no heap after construction, SetPolicy
// apart.
//
// Invariants
// * An address is never given to a second client while the first may use it: bound until expiry,
//   offered until the offer's end, declined until its quarantine ends.
// * Outcome.change must be durable before Outcome.reply is sent. The table already holds the
//   change; if the journal refuses it, drop the reply and call Abandon(change).
// * A probe (ARP or echo, by the caller) delays an OFFER by at most probe_time; a client that
//   lately held the address is offered it at once.
//
// Left out: BOOTP clients without option 53, DHCPFORCERENEW (RFC 3203), authentication (RFC 3118).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/base/entropy.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/strong.h"
#include "protocols/base/time.h"
#include "protocols/dhcp/client.h"
#include "protocols/dhcp/lease.h"
#include "protocols/dhcp/policy.h"

namespace slipway::dhcp {

struct Exchange;
struct Probe;

// A message long enough for every reply; buffers for Receive() and Emit() have this size.
inline constexpr std::size_t kReplySizeMax = 1472;

// One UDP payload that came to port 67 or 4011.
struct Received {
  Bytes message;
  Ipv4Address source;
  Ipv4Address destination;
  Port source_port = kDhcpClientPort;
  Port destination_port = kDhcpServerPort;
  Attachment ingress;
};

// Where the reply's bytes go (RFC 2131 4.1).
struct ReplyPlan {
  std::size_t size = 0;  // bytes written to the caller's buffer
  Ipv4Address source;
  Ipv4Address destination;
  Port source_port = kDhcpServerPort;
  Port destination_port = kDhcpClientPort;
  // Where a station without an address is to be reached; nullopt: as IP routes and ARP say.
  std::optional<MacAddress> destination_mac;
  Attachment egress;  // of the ingress
};

// What was done, for a boot's story.
enum class Decision : std::uint8_t {
  kDropped,  // Outcome.drop says why
  kOffered,
  kAcknowledged,
  kRenewed,
  kRefused,  // NAK
  kInformed,
  kReleased,
  kDeclined,
  kProxyOffered,
  kProxyAcknowledged,
  kProbing,       // the OFFER waits for Outcome.probe
  kAddressInUse,  // a probe was answered; the address is in quarantine
};

std::string_view Describe(Decision decision);

struct Outcome {
  Drop drop = Drop::kNone;
  Decision decision = Decision::kDropped;
  std::optional<ReplyPlan> reply;
  std::optional<LeaseChange> change;
  // What an ACK tells the client, a second less than the lease is held here; zero: leased nothing.
  std::chrono::seconds lease_time{0};
  // Ask whether anybody uses this address, on `probe_at`; tell ProbeResult(), or let it time out.
  std::optional<Ipv4Address> probe;
  Attachment probe_at;
  Ipv4Address address;             // the one in question; 0.0.0.0: none
  Client client;                   // facts; views live as the message does, and until the next call
  const BootRule* boot = nullptr;  // in the policy; what was offered
  std::string_view reason;         // of a NAK, as the client is told; a constant
  std::string_view choice;  // the name of the choice that decided, in the policy; empty: none
  Ipv4Address network;      // the first address of the client's network; 0.0.0.0: none
};

struct ServerSettings {
  std::size_t leases_max = 65536;
  // Wall clock, in Unix seconds, at Time{}. From there on the server counts by Time alone.
  std::int64_t unix_seconds_at_zero = 0;
  // How long an OFFER waits for an answer to its probe; zero: never probe.
  Duration probe_time = std::chrono::milliseconds(500);
};

class Server {
 public:
  static constexpr std::size_t kProbesMax = 64;

  Server(const ServerSettings& settings, Entropy& entropy);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // At start, before the first message. Leases beyond the capacity or given twice are left out;
  // returns how many were taken.
  std::size_t Restore(std::span<const Lease> leases);
  // The wall clock shows so much more than it would have, had it not been set. What the journal
  // remembered ends by the wall clock, so it moves; what was granted since lasts as it was said.
  void WallClockStepped(std::chrono::seconds by);
  // The policy must live as long as anything else is called before the next SetPolicy, which reads
  // nothing of it. Null: nothing is served. Networks that changed are copied: this uses the heap.
  void SetPolicy(const Policy* policy);

  // `reply` (kReplySizeMax bytes) receives the reply's bytes.
  Outcome Receive(const Received& in, MutableBytes reply, Time now);
  // Held OFFERs that became due, and probes that follow a probe; call until nothing.
  std::optional<Outcome> Emit(MutableBytes reply, Time now);
  // A station other than the client's own answered for the address, or (in_use false) it is known
  // to be free. The change, if any, is to be made durable as always; what follows comes by Emit().
  Outcome ProbeResult(Ipv4Address address, bool in_use, Time now);
  Time Deadline() const;
  void Expire(Time now);
  // The journal refused the change: what it granted is taken back.
  void Abandon(const LeaseChange& change);

  // The lease of an address, for tests and the trace; nullopt when none is known.
  std::optional<Lease> Find(Ipv4Address address) const;
  std::size_t lease_count() const;

 private:
  struct State;

  void Serve(Exchange& x, Outcome& outcome, Probe* again);
  void Discover(const Exchange& x, Outcome& outcome, Probe* again);
  void Request(const Exchange& x, Outcome& outcome);
  void Refuse(const Exchange& x, Outcome& outcome, std::string_view reason);
  void Acknowledge(const Exchange& x, Outcome& outcome, std::uint32_t slot);
  void Decline(const Exchange& x, Outcome& outcome);
  void Release(const Exchange& x, Outcome& outcome);
  void Inform(const Exchange& x, Outcome& outcome);
  void Proxy(const Exchange& x, Outcome& outcome);
  void ForgetOffer(const Exchange& x);
  // Whether the OFFER has to wait; then the probe is in the outcome.
  bool MustProbe(const Exchange& x, Outcome& outcome, std::uint32_t slot, Probe* again);
  void Quarantine(std::uint32_t slot, std::int64_t until, Outcome& outcome);
  std::int64_t UnixSeconds(Time now) const;

  ServerSettings settings_;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::dhcp
