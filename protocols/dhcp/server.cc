// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/server.h"

#include "protocols/dhcp/addresses.h"
#include "protocols/dhcp/exchange.h"
#include "protocols/dhcp/probes.h"
#include "protocols/dhcp/server_state.h"

namespace slipway::dhcp {
namespace {

// Expired leases returned to their lists with each message, so that none waits for a timer.
constexpr std::size_t kReapsPerMessage = 4;
constexpr std::size_t kReapsPerExpire = 256;

}  // namespace

std::string_view Describe(Decision decision) {
  switch (decision) {
    case Decision::kDropped:
      return "not served";
    case Decision::kOffered:
      return "offered an address";
    case Decision::kAcknowledged:
      return "acknowledged the address";
    case Decision::kRenewed:
      return "renewed the lease";
    case Decision::kRefused:
      return "refused the address";
    case Decision::kInformed:
      return "answered with parameters";
    case Decision::kReleased:
      return "took the address back";
    case Decision::kDeclined:
      return "put the declined address in quarantine";
    case Decision::kProxyOffered:
      return "offered the boot file beside another server";
    case Decision::kProxyAcknowledged:
      return "named the boot file";
    case Decision::kProbing:
      return "asks whether the address is in use before offering it";
    case Decision::kAddressInUse:
      return "found the address in use and put it in quarantine";
  }
  return "";
}

Server::Server(const ServerSettings& settings, Entropy& entropy)
    : settings_(settings),
      state_(std::make_unique<State>(settings.leases_max, SipKey::From(entropy))) {}

Server::~Server() = default;

std::int64_t Server::UnixSeconds(Time now) const {
  return settings_.unix_seconds_at_zero +
         std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

std::size_t Server::Restore(std::span<const Lease> leases) {
  LeaseTable& table = state_->table;
  std::size_t taken = 0;
  for (const Lease& lease : leases) {
    state_->revision = std::max(state_->revision, lease.revision);
    if (table.full() || lease.client_identifier.size > kClientIdentifierMax) continue;
    if (table.FindAddress(lease.address) != LeaseTable::kNone) continue;
    const auto slot = table.Add(lease.address, LeaseTable::kNoNetwork);
    LeaseTable::Entry& entry = table[slot];
    entry.lease = lease;
    entry.was_bound = lease.state == LeaseState::kBound || lease.state == LeaseState::kReleased;
    if (lease.state != LeaseState::kReleased) {
      table.Hold(slot, lease.expires_unix_seconds);
      entry.by_wall_clock = true;
    }
    ++taken;
  }
  const Policy* policy = state_->policy;
  state_->addresses.SetPolicy(nullptr);
  state_->addresses.SetPolicy(policy);
  return taken;
}

void Server::WallClockStepped(std::chrono::seconds by) {
  state_->table.PutOff(std::chrono::seconds(0) - by);
}

void Server::SetPolicy(const Policy* policy) {
  state_->policy = policy;
  state_->addresses.SetPolicy(policy);
}

Outcome Server::Receive(const Received& in, MutableBytes reply, Time now) {
  Outcome outcome;
  const std::int64_t now_unix_seconds = UnixSeconds(now);
  state_->table.Reap(now_unix_seconds, kReapsPerMessage);
  state_->scratch.used = 0;
  const Parsed<Message> message = Parse(in.message, state_->scratch);
  if (!message) {
    outcome.drop = message.drop();
    return outcome;
  }
  Exchange x{.in = in,
             .message = *message,
             .reply = reply,
             .now_unix_seconds = now_unix_seconds,
             .now = now};
  Serve(x, outcome, nullptr);
  return outcome;
}

void Server::Serve(Exchange& x, Outcome& outcome, Probe* again) {
  outcome.drop = state_->policy == nullptr ? Drop::kDhcpNoNetwork : Resolve(*state_->policy, x);
  outcome.client = x.client;
  if (x.choice != nullptr) outcome.choice = x.choice->name;
  if (x.network != nullptr) outcome.network = x.network->prefix.network();
  if (outcome.drop != Drop::kNone) return;
  outcome.boot = x.boot;
  outcome.probe_at = x.in.ingress;
  if (x.asks_boot_server || x.network->mode == ServiceMode::kProxy) return Proxy(x, outcome);
  switch (x.message.type) {
    case DhcpMessageType::kDiscover:
      return Discover(x, outcome, again);
    case DhcpMessageType::kRequest:
      return Request(x, outcome);
    case DhcpMessageType::kDecline:
      return Decline(x, outcome);
    case DhcpMessageType::kRelease:
      return Release(x, outcome);
    case DhcpMessageType::kInform:
      return Inform(x, outcome);
    case DhcpMessageType::kOffer:
    case DhcpMessageType::kAck:
    case DhcpMessageType::kNak:
      outcome.drop = Drop::kDhcpTypeUnexpected;
      return;
  }
}

void Server::Discover(const Exchange& x, Outcome& outcome, Probe* again) {
  const bool wants_boot = x.client.kind == ClientKind::kHttp || x.client.kind == ClientKind::kPxe;
  if (wants_boot && x.boot == nullptr && !x.network->lease_without_boot_rule) {
    outcome.drop = Drop::kDhcpNoBootRule;
    return;
  }
  const LeaseTable::Slot slot = state_->addresses.Choose(x, outcome.drop);
  if (slot == LeaseTable::kNone) return;
  LeaseTable::Entry& entry = state_->table[slot];
  outcome.address = entry.lease.address;
  outcome.reply = WriteOffer(x, entry.lease.address);
  if (!outcome.reply) {
    outcome.drop = Drop::kDhcpReplyTooLong;
    return;
  }
  const bool probe = MustProbe(x, outcome, slot, again);
  const bool own = state_->table.Matches(slot, x.identity);
  if (!own) state_->table.Identify(slot, x.identity);
  // A bound lease stays what it is until its client asks for it again.
  if (!own || !entry.held || entry.lease.state != LeaseState::kBound) {
    entry.lease.state = LeaseState::kOffered;
    entry.lease.uuid = x.client.uuid;
    state_->table.Hold(slot, x.now_unix_seconds + x.network->offer_time.count() + 1);
  }
  entry.probing = probe;
  outcome.decision = probe ? Decision::kProbing : Decision::kOffered;
  if (probe) {
    outcome.drop = Drop::kDhcpProbePending;
    outcome.reply.reset();
  }
}

bool Server::MustProbe(const Exchange& x, Outcome& outcome, LeaseTable::Slot slot, Probe* again) {
  LeaseTable::Entry& entry = state_->table[slot];
  const bool own = state_->table.Matches(slot, x.identity);
  Probes& probes = state_->probes;
  if (own && entry.probing) {  // the client repeats itself; answer its latest message
    Probe* pending = probes.Find(entry.lease.address);
    return pending != nullptr && pending->Keep(x.in);
  }
  // Whoever answers would be this very machine, in an earlier stage of its boot.
  const bool held_lately = own || entry.lease.mac == x.client.mac;
  if (held_lately && (entry.was_bound || entry.held)) return false;
  // A relayed client's link cannot be asked from here.
  if (settings_.probe_time <= Duration::zero() || x.message.is_relayed()) return false;
  Probe* probe = again != nullptr ? again : probes.Claim();
  if (probe == nullptr || !probe->Keep(x.in)) return false;
  probe->tries = again != nullptr ? static_cast<std::uint8_t>(probe->tries + 1) : std::uint8_t{1};
  probe->address = entry.lease.address;
  probe->deadline = x.now + settings_.probe_time;
  probes.Move(*probe, Probe::State::kAwaitingAnswer);
  outcome.probe = probe->address;
  return true;
}

std::optional<Outcome> Server::Emit(MutableBytes reply, Time now) {
  while (Probe* probe = state_->probes.Due()) {
    Outcome outcome;
    const bool offer = probe->state == Probe::State::kOfferDue;
    LeaseTable::Slot slot = state_->table.FindAddress(probe->address);
    const bool stands = slot != LeaseTable::kNone && state_->table[slot].probing;
    state_->scratch.used = 0;
    const Parsed<Message> message = Parse(probe->in.message, state_->scratch);
    // The copy outlives the probe's slot, which may be used again below.
    const Received in = probe->in;
    const bool tired = !offer && probe->tries >= Probes::kTriesMax;
    if (offer || tired) state_->probes.Move(*probe, Probe::State::kFree);
    if (offer && stands) state_->table[slot].probing = false;
    if (!message || (offer && !stands)) {
      state_->probes.Move(*probe, Probe::State::kFree);
      continue;
    }
    Exchange x{.in = in,
               .message = *message,
               .reply = reply,
               .now_unix_seconds = UnixSeconds(now),
               .now = now};
    if (tired) {
      outcome.drop = Drop::kDhcpAddressesInUse;
      outcome.client = ClientOf(*message);
      return outcome;
    }
    Serve(x, outcome, offer ? nullptr : probe);
    // Whatever became of it (the policy may have changed), the probe is not due any more.
    if (probe->state == Probe::State::kAddressInUse) {
      state_->probes.Move(*probe, Probe::State::kFree);
    }
    return outcome;
  }
  return std::nullopt;
}

Outcome Server::ProbeResult(Ipv4Address address, bool in_use, Time now) {
  Outcome outcome;
  Probe* probe = state_->probes.Find(address);
  if (probe == nullptr || probe->state != Probe::State::kAwaitingAnswer) {
    outcome.drop = Drop::kDhcpUnknownLease;
    return outcome;
  }
  outcome.address = address;
  outcome.decision = Decision::kProbing;
  state_->probes.Move(*probe, in_use ? Probe::State::kAddressInUse : Probe::State::kOfferDue);
  const LeaseTable::Slot slot = state_->table.FindAddress(address);
  if (!in_use || slot == LeaseTable::kNone || !state_->table[slot].probing) return outcome;
  outcome.client.mac = state_->table[slot].lease.mac;
  const NetworkSettings* network =
      state_->policy == nullptr ? nullptr : state_->policy->NetworkOf(address);
  const auto quarantine = network == nullptr ? std::chrono::hours(1) : network->quarantine_time;
  Quarantine(slot, UnixSeconds(now) + quarantine.count(), outcome);
  outcome.decision = Decision::kAddressInUse;
  return outcome;
}

Time Server::Deadline() const {
  return state_->probes.has_due() ? Time::min() : state_->probes.deadline();
}

void Server::Expire(Time now) {
  state_->probes.Expire(now);
  state_->table.Reap(UnixSeconds(now), kReapsPerExpire);
}

std::optional<Lease> Server::Find(Ipv4Address address) const {
  const LeaseTable::Slot slot = state_->table.FindAddress(address);
  return slot == LeaseTable::kNone ? std::nullopt : std::optional(state_->table[slot].lease);
}

std::size_t Server::lease_count() const { return state_->table.size(); }

}  // namespace slipway::dhcp
