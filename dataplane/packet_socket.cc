// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_socket.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/port_name.h"

namespace slipway::dataplane {
namespace {

constexpr unsigned short kEthernetHardware = 1;  // ARPHRD_ETHER, whose header hides net/if.h's

// What may be under way in the kernel; it counts twice of that, its own accounts included: some 900
// frames of 1,500 bytes. More would be lost further down without a word: queues there hold 1,000
// frames (txqueuelen, netdev_max_backlog).
constexpr int kSendBufferBytes = 1 << 20;

template <class T>
int SetOption(int socket, int level, int name, const T& value) {
  return setsockopt(socket, level, name, &value, sizeof(value)) == 0 ? 0 : errno;
}

}  // namespace

int PacketSocket::Open(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return ENODEV;
  // Protocol 0: no frame comes before Bind().
  const int opened = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (opened < 0) return errno;
  socket_ = opened;
  index_ = static_cast<int>(index);
  interface_ = interface;
  const auto set_up = [&]() -> int {
    constexpr int kVersion = TPACKET_V2;
    int error = SetOption(socket_, SOL_PACKET, PACKET_VERSION, kVersion);
    if (error == 0) error = SetOption(socket_, SOL_PACKET, PACKET_VNET_HDR, 1);
    // What this host's kernel sends by the same interface is not for us (Linux 4.20).
    if (error == 0) error = SetOption(socket_, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    return error;
  };
  if (const int error = set_up(); error != 0) {
    Close();
    return error;
  }
  // Without CAP_NET_ADMIN only as far as net.core.wmem_max allows.
  if (SetOption(socket_, SOL_SOCKET, SO_SNDBUFFORCE, kSendBufferBytes) != 0) {
    static_cast<void>(SetOption(socket_, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes));
  }
  return 0;
}

int PacketSocket::Bind() {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index_;
  // The sockets interface is defined in terms of this cast.
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  return bind(socket_, generic, sizeof(address)) == 0 ? 0 : errno;
}

void PacketSocket::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  memberships_.clear();  // they end with it
}

ifreq PacketSocket::Asking() const {
  ifreq request{};
  std::copy_n(interface_.begin(), std::min(interface_.size(), sizeof(request.ifr_name) - 1),
              request.ifr_name);
  return request;
}

std::optional<MacAddress> PacketSocket::StationAddress() const {
  ifreq request = Asking();
  if (ioctl(socket_, SIOCGIFHWADDR, &request) != 0 ||
      request.ifr_hwaddr.sa_family != kEthernetHardware) {
    return std::nullopt;
  }
  MacAddress address;
  std::copy_n(request.ifr_hwaddr.sa_data, address.octets.size(), address.octets.begin());
  return address;
}

int PacketSocket::SetMtu(std::uint16_t mtu) const { return SetKernelMtu(interface_, mtu); }

short PacketSocket::Flags() const {
  ifreq request = Asking();
  return ioctl(socket_, SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags : short{0};
}

bool PacketSocket::IsUp() const { return (Flags() & IFF_UP) != 0; }

bool PacketSocket::HasLink() const {
  constexpr int kBoth = IFF_UP | IFF_RUNNING;
  return (Flags() & kBoth) == kBoth;
}

std::uint32_t PacketSocket::SpeedMbps() const {
  ethtool_cmd command{};
  command.cmd = ETHTOOL_GSET;
  ifreq request = Asking();
  request.ifr_data = static_cast<char*>(static_cast<void*>(&command));
  if (ioctl(socket_, SIOCETHTOOL, &request) != 0) return 0;
  const std::uint32_t speed = ethtool_cmd_speed(&command);
  return speed == static_cast<std::uint32_t>(SPEED_UNKNOWN) ? 0 : speed;
}

int PacketSocket::Member(int option, const Membership& membership) const {
  packet_mreq request{};
  request.mr_ifindex = index_;
  request.mr_type = membership.type;
  if (membership.type == PACKET_MR_MULTICAST) {
    request.mr_alen = static_cast<unsigned short>(membership.group.octets.size());
    std::ranges::copy(membership.group.octets, request.mr_address);
  }
  return SetOption(socket_, SOL_PACKET, option, request);
}

// First the new ones, then without the old ones: the kernel counts what is in both, and nothing is
// missed in between.
int PacketSocket::SetMemberships(const std::vector<Membership>& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const int error = Member(PACKET_ADD_MEMBERSHIP, wanted[i]);
    if (error == 0) continue;
    while (i-- > 0) static_cast<void>(Member(PACKET_DROP_MEMBERSHIP, wanted[i]));
    return error;
  }
  for (const Membership& old : memberships_) {
    static_cast<void>(Member(PACKET_DROP_MEMBERSHIP, old));
  }
  memberships_ = wanted;
  return 0;
}

std::uint64_t PacketSocket::TakeMissed() const {
  tpacket_stats counted{};
  socklen_t size = sizeof(counted);
  if (getsockopt(socket_, SOL_PACKET, PACKET_STATISTICS, &counted, &size) != 0) return 0;
  return counted.tp_drops;
}

}  // namespace slipway::dataplane
