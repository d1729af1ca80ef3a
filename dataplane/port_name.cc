// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port_name.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <regex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "protocols/base/bytes.h"

namespace slipway::dataplane {
namespace {

constexpr DriverQuirks kQuirks[] = {
    {.driver = "net_ring", .keeps_frames = true},
    {.driver = "net_tap", .segments_by_cloning = true},
    {.driver = "net_af_packet", .hides_blank_checksums = true, .understates_mtu = true},
    {.driver = "net_af_xdp", .hides_blank_checksums = true, .forgets_buffers = true},
    {.driver = "net_pcap", .hides_blank_checksums = true},
};

// The value of `key=` among comma-separated arguments.
std::optional<std::string> Argument(const std::string& text, const std::string& key) {
  std::size_t from = text.find(',');
  while (from != std::string::npos) {
    const std::size_t to = text.find(',', from + 1);
    const std::string argument = text.substr(from + 1, to - from - 1);
    if (argument.starts_with(key + "=")) return argument.substr(key.size() + 1);
    from = to;
  }
  return std::nullopt;
}

void AddDefault(PortName& name, const std::string& key, const std::string& value) {
  if (!Argument(name.devargs, key)) name.devargs += "," + key + "=" + value;
}

absl::Status ReadVhost(PortName& name, unsigned queues) {
  const auto path = Argument(name.text, "iface");
  if (!path || path->empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "port %s: says no socket; write %s,iface=/path/of/socket", name.text, name.device));
  }
  if (path->size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: the socket's path has %d characters and may have %d", name.text,
                        path->size(), sizeof(sockaddr_un::sun_path) - 1));
  }
  AddDefault(name, "client", "0");  // the socket stays while guests and QEMU come and go
  AddDefault(name, "queues", std::to_string(queues));
  // Checksum marks as DPDK documents them, and no 64 KiB frames from the guest.
  AddDefault(name, "legacy-ol-flags", "0");
  AddDefault(name, "tso", "0");
  if (Argument(name.devargs, "client") == "0") name.server_socket = *path;
  return absl::OkStatus();
}

// A slot of net_af_packet's rings holds one frame behind the kernel's header (TPACKET_V2); a packet
// buffer must hold a slot, or the driver refuses it.
constexpr unsigned kSlotHeader = 66 + 18;  // and Ethernet's own, with a tag
constexpr unsigned kSlotPlain = 2048;      // the driver's default
constexpr unsigned kPage = 4096;

absl::Status ReadAfPacket(PortName& name, const PortShape& shape) {
  name.interface = Argument(name.text, "iface").value_or("");
  if (shape.queues > 1) AddDefault(name, "qpairs", std::to_string(shape.queues));
  if (shape.mtu + kSlotHeader > kSlotPlain && !Argument(name.devargs, "framesz")) {
    const unsigned slot = (shape.mtu + kSlotHeader + kPage - 1) / kPage * kPage;
    name.devargs += absl::StrFormat(",framesz=%d", slot);
    AddDefault(name, "blocksz", std::to_string(slot));  // one a block: whole pages
  }
  unsigned slot = kSlotPlain;
  if (const auto written = Argument(name.devargs, "framesz");
      written && (!absl::SimpleAtoi(*written, &slot) || slot > UINT16_MAX)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: framesz is a number up to %d", name.text, UINT16_MAX));
  }
  if (slot < shape.mtu + kSlotHeader) {
    return absl::InvalidArgumentError(
        absl::StrFormat("port %s: framesz=%d does not hold a frame of MTU %d, which needs %d; "
                        "without framesz and blocksz they are chosen",
                        name.text, slot, shape.mtu, shape.mtu + kSlotHeader));
  }
  name.packet_bytes = static_cast<std::uint16_t>(slot);
  return absl::OkStatus();
}

// Names that the kernel gives no interface, and a comma, behind which an operator would expect
// arguments.
absl::StatusOr<PortName> ReadPacketSocket(const std::string& text) {
  const std::string interface = text.substr(kPacketSocketPrefix.size());
  if (interface.empty() || interface.size() >= IFNAMSIZ ||
      interface.find_first_of("/:, \t\n") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "port %s: names no interface; write packet:eth1, of at most %d characters and nothing more",
        text, IFNAMSIZ - 1));
  }
  return PortName{.text = text, .device = text, .driver = "packet", .interface = interface};
}

}  // namespace

absl::StatusOr<PortName> ParsePortName(const std::string& text, const PortShape& shape) {
  static const std::regex pci("[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]");
  static const std::regex vdev("((?:net|eth)_[a-z_]*[a-z])[0-9]+[a-zA-Z0-9_]*");
  if (text.starts_with(kPacketSocketPrefix)) return ReadPacketSocket(text);
  PortName name{.text = text, .device = text.substr(0, text.find(',')), .devargs = text};
  if (std::regex_match(name.device, pci)) return name;
  std::smatch parts;
  if (!std::regex_match(name.device, parts, vdev)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "port %s: neither a PCI address like 0000:03:00.0 nor a DPDK vdev like net_tap0 nor an "
        "interface of the kernel's like packet:eth1",
        text));
  }
  name.driver = parts[1];
  const auto* const quirks = std::ranges::find(kQuirks, name.driver, &DriverQuirks::driver);
  if (quirks != std::end(kQuirks)) name.quirks = *quirks;
  if (name.driver == "net_vhost") {
    if (absl::Status status = ReadVhost(name, shape.queues); !status.ok()) return status;
  }
  if (name.driver == "net_virtio_user") AddDefault(name, "queues", std::to_string(shape.queues));
  if (name.driver == "net_af_packet") {
    if (absl::Status status = ReadAfPacket(name, shape); !status.ok()) return status;
  }
  return name;
}

void RemoveStaleSocket(const std::string& path) {
  struct stat found {};
  if (path.empty() || lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  // The sockets interface is defined in terms of this cast.
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  const bool refused = connect(probe, generic, sizeof(address)) != 0 && errno == ECONNREFUSED;
  close(probe);
  if (refused) unlink(path.c_str());
}

int SetKernelMtu(const std::string& interface, std::uint16_t mtu) {
  ifreq request{};
  if (interface.size() >= sizeof(request.ifr_name)) return ENODEV;
  std::memcpy(request.ifr_name, interface.c_str(), interface.size() + 1);
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) return errno;
  int error = ioctl(any, SIOCGIFMTU, &request) == 0 ? 0 : errno;
  if (error == 0 && request.ifr_mtu != mtu) {
    request.ifr_mtu = mtu;
    error = ioctl(any, SIOCSIFMTU, &request) == 0 ? 0 : errno;
  }
  close(any);
  return error;
}

}  // namespace slipway::dataplane
