// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/exchange.h"

namespace slipway::dhcp {
namespace {

// IP's and UDP's headers: option 57 and the 576 of RFC 2131 2 are taken as the datagram's limit,
// the stricter reading; edk2 drops what exceeds 1472.
constexpr std::size_t kIpUdpHeaders = 28;

// The network a message belongs to (RFC 2131 4.3.1; RFC 3527).
const NetworkSettings* NetworkFor(const Policy& policy, const Received& in,
                                  const Message& message) {
  if (message.is_relayed()) {
    return policy.NetworkOf(
        message.RelayAddress(RelaySubOption::kLinkSelection).value_or(message.giaddr));
  }
  // Unicast from a bound client may have come through a router.
  if (!message.ciaddr.is_unspecified() && !in.destination.is_broadcast()) {
    if (const auto* network = policy.NetworkOf(message.ciaddr)) return network;
  }
  return policy.NetworkAt(in.ingress);
}

// At the boot server's port; or by broadcast, which has only the DHCP server's: then the client
// names what it wants to boot, and no server that it would take an address from.
void ReadBootServerDiscovery(Exchange& x) {
  const Options& options = x.message.options;
  std::optional<BootItem> item;
  if (x.client.kind == ClientKind::kPxe || x.client.kind == ClientKind::kIpxe) {
    item = BootItemOf(options[DhcpOption::kVendorSpecific]);
  }
  const bool by_broadcast = item && x.client.type == DhcpMessageType::kRequest &&
                            !options.Has(DhcpOption::kServerIdentifier);
  x.asks_boot_server = x.in.destination_port == kPxeServerPort || by_broadcast;
  if (x.asks_boot_server) x.boot_item = item;
}

// A booted system's lease is not held back with its firmware's offer.
Drop AdmitByChoice(const Exchange& x) {
  switch (x.choice->disposition) {
    case Disposition::kBoot:
      return Drop::kNone;
    case Disposition::kIgnore:
      return Drop::kDhcpIgnoredByRule;
    case Disposition::kHold:
      return x.client.is_boot_client() ? Drop::kDhcpHeld : Drop::kNone;
    case Disposition::kLocal:
      return x.client.is_boot_client() ? Drop::kDhcpBootsLocally : Drop::kNone;
  }
  return Drop::kNone;
}

Drop Admit(const Exchange& x) {
  // What is given back is taken from anybody.
  if (x.client.type == DhcpMessageType::kRelease || x.client.type == DhcpMessageType::kDecline) {
    return Drop::kNone;
  }
  if (x.choice != nullptr) {
    const Drop drop = AdmitByChoice(x);
    if (drop != Drop::kNone || x.client.is_boot_client()) return drop;
  }
  return Policy::AdmitWithoutChoice(*x.network, x.machine, x.client);
}

// Says of each option whether it must arrive, and looks up its value.
class Composer {
 public:
  Composer(const Exchange& x, Reply& reply) : x_(x), reply_(reply), options_(reply.options) {}

  void Identify(DhcpMessageType type) {
    reply_.type = type;
    reply_.xid = x_.message.xid;
    reply_.flags = x_.message.flags & kDhcpBroadcastFlag;
    reply_.giaddr = x_.message.giaddr;
    reply_.mac = x_.message.mac;
    reply_.relay_agent = x_.message.options[DhcpOption::kRelayAgent];
    const std::size_t limit = x_.message.options.U16(DhcpOption::kMaximumMessageSize).value_or(576);
    reply_.size_max =
        std::clamp<std::size_t>(limit, 576, kReplySizeMax + kIpUdpHeaders) - kIpUdpHeaders;
    options_.AddAddress(DhcpOption::kServerIdentifier, ServerIdentifier(x_));
    if (x_.message.options.Has(DhcpOption::kClientIdentifier)) {  // RFC 6842
      options_.Add(DhcpOption::kClientIdentifier,
                   x_.message.options[DhcpOption::kClientIdentifier]);
    }
  }

  void Lease() {
    // 0xffffffff would mean for ever; the limits keep clear of it.
    const auto time = static_cast<std::uint32_t>(LeaseTime(x_).count());
    options_.AddU32(DhcpOption::kLeaseTime, time);
    options_.AddU32(DhcpOption::kRenewalTime, time / 2);
    options_.AddU32(DhcpOption::kRebindingTime, time - time / 8);
  }

  void Boot() {
    if (x_.boot == nullptr) return;
    reply_.boot_file = AsBytes(x_.boot->uri);
    reply_.siaddr =
        x_.boot->next_server.is_unspecified() ? x_.network->server_address : x_.boot->next_server;
    switch (x_.client.kind) {
      case ClientKind::kPlain:
        break;
      case ClientKind::kHttp:
        options_.Add(DhcpOption::kVendorClass, AsBytes("HTTPClient"));
        break;
      case ClientKind::kPxe:
        Pxe();
        break;
      case ClientKind::kIpxe:
        if (x_.network->mode == ServiceMode::kProxy) {
          Pxe();
        } else {
          // iPXE's no-pxedhcp: do not wait for a proxy's offer.
          static constexpr std::uint8_t kNoProxy[] = {0xb0, 1, 1};
          options_.Add(DhcpOption::kIpxe, kNoProxy, Need::kOptional);
        }
        break;
    }
    const Bytes machine = x_.message.options[DhcpOption::kClientMachine];
    if (!machine.empty()) options_.Add(DhcpOption::kClientMachine, machine, Need::kOptional);
  }

  // What the client asked for, in its order (RFC 2131 4.3.1), and what it needs anyway.
  void Parameters() {
    options_.AddAddress(DhcpOption::kSubnetMask, x_.network->prefix.mask());
    if (x_.client.is_boot_client()) {
      Requested(DhcpOption::kRouter, Need::kRequired);
      Requested(DhcpOption::kDomainNameServer, Need::kRequired);
    }
    static constexpr std::uint8_t kDefault[] = {3, 6, 12, 15, 28};
    const Bytes list = x_.message.options[DhcpOption::kParameterRequestList];
    for (const std::uint8_t code : list.empty() ? Bytes(kDefault) : list) {
      if (x_.choice != nullptr) AddAsked(code, x_.choice->options);
      Requested(static_cast<DhcpOption>(code), Need::kOptional);
      if (!quarantined()) AddAsked(code, x_.network->options);
    }
    if (x_.choice != nullptr) AddAlways(x_.choice->options);
    if (!quarantined()) AddAlways(x_.network->options);
  }

 private:
  bool quarantined() const { return x_.choice != nullptr && x_.choice->quarantine; }

  void AddAsked(std::uint8_t code, const std::vector<RawOption>& options) {
    for (const RawOption& raw : options) {
      if (raw.code == code) options_.Add(code, raw.value, Need::kOptional);
    }
  }

  void AddAlways(const std::vector<RawOption>& options) {
    for (const RawOption& raw : options) {
      if (raw.always) options_.Add(raw.code, raw.value, Need::kRequired);
    }
  }

  // The way out of the network, which is kept from the quarantined: but for the router of a network
  // that we are ourselves reached through.
  bool MayBeTold(DhcpOption code) const {
    if (!quarantined()) return true;
    return code == DhcpOption::kRouter ? !x_.network->attachment.has_value()
                                       : code != DhcpOption::kClasslessRoutes;
  }

  void Pxe() {
    options_.Add(DhcpOption::kVendorClass, AsBytes("PXEClient"));
    if (x_.boot_item) {  // the client holds the answer to what it asked for
      const MutableBytes room = options_.Room(7);
      Writer writer(room);
      writer.U8(kPxeBootItem);
      writer.U8(4);
      writer.U16(x_.boot_item->type);
      writer.U16(x_.boot_item->layer);
      writer.U8(255);
      options_.Add(DhcpOption::kVendorSpecific, room);
      return;
    }
    // 8: boot the file named here, ask no boot server.
    static constexpr std::uint8_t kVendorOptions[] = {kPxeDiscoveryControl, 1, 8, 255};
    options_.Add(DhcpOption::kVendorSpecific, kVendorOptions);
  }

  void Requested(DhcpOption code, Need need) {
    const NetworkSettings& network = *x_.network;
    if (options_.Has(static_cast<std::uint8_t>(code)) || !MayBeTold(code)) return;
    if (code == DhcpOption::kRouter && network.gateway) {
      options_.AddAddress(code, *network.gateway, need);
    } else if (code == DhcpOption::kDomainNameServer && quarantined()) {
      options_.AddAddress(code, network.server_address, need);
    } else if (code == DhcpOption::kDomainNameServer && !network.dns_servers.empty()) {
      const MutableBytes room = options_.Room(4 * network.dns_servers.size());
      Writer writer(room);
      for (const Ipv4Address address : network.dns_servers) writer.U32(address.value());
      options_.Add(code, room, need);
    } else if (code == DhcpOption::kHostName && x_.machine && !x_.machine->host_name.empty()) {
      options_.Add(code, AsBytes(x_.machine->host_name), need);
    } else if (code == DhcpOption::kDomainName && !network.domain_name.empty()) {
      options_.Add(code, AsBytes(network.domain_name), need);
    } else if (code == DhcpOption::kInterfaceMtu && network.mtu) {
      options_.AddU16(code, *network.mtu, need);
    } else if (code == DhcpOption::kBroadcastAddress && network.prefix.length < 31) {
      options_.AddAddress(code, network.prefix.broadcast(), need);
    } else if (code == DhcpOption::kClasslessRoutes && !network.routes.empty()) {
      Routes(need);
    }
  }

  // RFC 3442: prefix length, its significant octets, gateway. The default route is repeated here,
  // for a client that takes these ignores option 3.
  void Routes(Need need) {
    std::array<std::uint8_t, std::size_t{9} * 25> bytes;
    Writer writer(bytes);
    const auto put = [&](const Ipv4Prefix& destination, Ipv4Address gateway) {
      writer.U8(destination.length);
      for (int i = 0; i < (destination.length + 7) / 8; ++i) {
        writer.U8(static_cast<std::uint8_t>(destination.network().value() >> (24 - 8 * i)));
      }
      writer.U32(gateway.value());
    };
    bool has_default = false;
    for (const ClasslessRoute& route : x_.network->routes) {
      put(route.destination, route.gateway);
      has_default = has_default || route.destination.length == 0;
    }
    if (!has_default && x_.network->gateway) put({}, *x_.network->gateway);
    const MutableBytes room = options_.Room(writer.size());
    static_cast<void>(Copy(writer.written(), room));
    options_.Add(DhcpOption::kClasslessRoutes, room, need);
  }

  const Exchange& x_;
  Reply& reply_;
  ReplyOptions& options_;
};

std::optional<ReplyPlan> Finish(const Exchange& x, const Reply& reply, ReplyPlan plan) {
  plan.size = Emit(reply, x.reply);
  plan.source = x.network->server_address;
  plan.egress = x.in.ingress;
  return plan.size == 0 ? std::nullopt : std::optional(plan);
}

ReplyPlan ToRelay(const Exchange& x) {
  return {.destination = x.message.giaddr, .destination_port = kDhcpServerPort};
}

ReplyPlan ToEverybody() {
  return {.destination = Ipv4Address::Broadcast(), .destination_mac = MacAddress::Broadcast()};
}

ReplyPlan ToConfigured(const Exchange& x, Ipv4Address address) {
  ReplyPlan plan{.destination = address};
  // On its own link we know its station; from elsewhere a router does.
  if (x.network->attachment == x.in.ingress && x.network->prefix.Contains(address)) {
    plan.destination_mac = x.message.mac;
  }
  return plan;
}

// RFC 2131 4.1, for OFFER and ACK.
ReplyPlan ToClient(const Exchange& x, Ipv4Address yiaddr) {
  if (x.message.is_relayed()) return ToRelay(x);
  if (!x.message.ciaddr.is_unspecified()) return ToConfigured(x, x.message.ciaddr);
  if (x.message.wants_broadcast() || yiaddr.is_unspecified()) return ToEverybody();
  return {.destination = yiaddr, .destination_mac = x.message.mac};
}

std::optional<ReplyPlan> WriteLease(const Exchange& x, DhcpMessageType type, Ipv4Address address) {
  Reply reply;
  reply.yiaddr = address;
  reply.siaddr = x.network->server_address;
  if (type == DhcpMessageType::kAck) reply.ciaddr = x.message.ciaddr;
  Composer composer(x, reply);
  composer.Identify(type);
  composer.Lease();
  composer.Boot();
  composer.Parameters();
  return Finish(x, reply, ToClient(x, address));
}

}  // namespace

Drop Resolve(const Policy& policy, Exchange& x) {
  x.client = ClientOf(x.message);
  if (!x.message.is_request) return Drop::kDhcpNotRequest;
  x.network = NetworkFor(policy, x.in, x.message);
  if (x.network == nullptr) return Drop::kDhcpNoNetwork;
  x.network_index = static_cast<std::uint16_t>(x.network - policy.networks().data());
  const Bytes client_identifier = x.message.options[DhcpOption::kClientIdentifier];
  if (client_identifier.size() > kClientIdentifierMax) return Drop::kDhcpClientIdentifierTooLong;
  x.identity = Identity::Of(x.network_index, x.network->match_client_identifier, x.client.mac,
                            client_identifier);
  const MachineKey key{x.client.mac, x.client.uuid, client_identifier};
  x.machine = policy.FindMachine(key);
  ReadBootServerDiscovery(x);
  x.choice =
      policy.FindChoice(policy.FindDecider(key),
                        {.client = x.client, .message = x.message, .network = x.network->name});
  if (x.client.is_boot_client()) {
    x.boot = x.choice != nullptr && x.choice->boot != nullptr
                 ? Policy::FindBootRule(*x.choice, x.client)
                 : policy.FindBootRule(x.machine, *x.network, x.client);
  }
  return Admit(x);
}

Ipv4Address ServerIdentifier(const Exchange& x) {
  const auto override = x.message.is_relayed()
                            ? x.message.RelayAddress(RelaySubOption::kServerIdentifierOverride)
                            : std::nullopt;
  return override.value_or(x.network->server_address);
}

std::chrono::seconds LeaseTime(const Exchange& x) {
  const auto wish = x.message.options.U32(DhcpOption::kLeaseTime);
  if (!wish) return x.network->lease_time;
  return std::clamp(std::chrono::seconds(*wish), x.network->lease_time_min,
                    x.network->lease_time_max);
}

std::optional<ReplyPlan> WriteOffer(const Exchange& x, Ipv4Address address) {
  return WriteLease(x, DhcpMessageType::kOffer, address);
}

std::optional<ReplyPlan> WriteAck(const Exchange& x, Ipv4Address address) {
  return WriteLease(x, DhcpMessageType::kAck, address);
}

std::optional<ReplyPlan> WriteNak(const Exchange& x, std::string_view reason) {
  Reply reply;
  Composer(x, reply).Identify(DhcpMessageType::kNak);
  reply.options.Add(DhcpOption::kMessage, AsBytes(reason), Need::kOptional);
  if (!x.message.is_relayed()) return Finish(x, reply, ToEverybody());
  reply.flags |= kDhcpBroadcastFlag;  // the client may not answer ARP for what it asks
  return Finish(x, reply, ToRelay(x));
}

std::optional<ReplyPlan> WriteInformAck(const Exchange& x) {
  Reply reply;
  reply.ciaddr = x.message.ciaddr;
  reply.siaddr = x.network->server_address;
  Composer composer(x, reply);
  composer.Identify(DhcpMessageType::kAck);
  composer.Boot();
  composer.Parameters();
  return Finish(x, reply, ToClient(x, {}));
}

std::optional<ReplyPlan> WriteProxyOffer(const Exchange& x) {
  Reply reply;
  Composer composer(x, reply);
  composer.Identify(DhcpMessageType::kOffer);
  composer.Boot();
  return Finish(x, reply, ToClient(x, {}));
}

std::optional<ReplyPlan> WriteProxyAck(const Exchange& x) {
  Reply reply;
  reply.ciaddr = x.message.ciaddr;
  Composer composer(x, reply);
  composer.Identify(DhcpMessageType::kAck);
  composer.Boot();
  // The client has its address by now, and waits on the port it asked from (PXE 2.1, 2.2.3).
  const Ipv4Address client = x.message.ciaddr.is_unspecified() ? x.in.source : x.message.ciaddr;
  ReplyPlan plan = ToRelay(x);
  if (!x.message.is_relayed()) {
    plan = ToConfigured(x, client);
    plan.source_port = x.in.destination_port;
    plan.destination_port = x.in.source_port;
  }
  return Finish(x, reply, plan);
}

}  // namespace slipway::dhcp
