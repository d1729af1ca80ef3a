// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/client.h"

#include "protocols/dhcp/fingerprint.h"
#include "protocols/dhcp/message.h"

namespace slipway::dhcp {
namespace {

// User class 77 as RFC 3004 has it (length, text) or as iPXE sends it (bare text).
bool UserClassNames(Bytes user_class, std::string_view name) {
  if (AsText(user_class) == name) return true;
  Reader reader(user_class);
  while (!reader.empty()) {
    if (AsText(reader.Take(reader.U8())) == name && reader.ok()) return true;
  }
  return false;
}

ClientKind KindOf(const Options& options) {
  if (UserClassNames(options[DhcpOption::kUserClass], "iPXE") || options.Has(DhcpOption::kIpxe)) {
    return ClientKind::kIpxe;
  }
  const std::string_view vendor_class = AsText(options[DhcpOption::kVendorClass]);
  if (vendor_class.starts_with("HTTPClient")) return ClientKind::kHttp;
  if (vendor_class.starts_with("PXEClient")) return ClientKind::kPxe;
  return ClientKind::kPlain;
}

// "PXEClient:Arch:00007:UNDI:003000" says 7.
std::optional<std::uint16_t> ArchitectureInVendorClass(std::string_view vendor_class) {
  constexpr std::string_view kMark = ":Arch:";
  const std::size_t at = vendor_class.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint32_t code = 0;
  std::size_t digits = 0;
  for (const char c : vendor_class.substr(at + kMark.size())) {
    if (c < '0' || c > '9' || digits == 5) break;
    code = code * 10 + static_cast<std::uint32_t>(c - '0');
    ++digits;
  }
  if (digits != 5 || code > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(code);
}

}  // namespace

Client ClientOf(const Message& message) {
  Client client;
  client.mac = message.mac;
  client.type = message.type;
  client.kind = KindOf(message.options);
  client.vendor_class = message.options[DhcpOption::kVendorClass];
  client.relay = message.giaddr;
  client.server = message.options.Address(DhcpOption::kServerIdentifier).value_or(Ipv4Address());

  // RFC 4578 2.3: type 0, then 16 octets.
  const Bytes machine = message.options[DhcpOption::kClientMachine];
  if (machine.size() == 17 && machine[0] == 0) {
    client.uuid = Uuid::FromSmbios(machine.subspan<1, 16>());
  }
  Reader codes(message.options[DhcpOption::kClientArchitecture]);
  while (codes.remaining() >= 2 && client.architecture_count < kArchitecturesMax) {
    client.architectures[client.architecture_count++] = codes.U16();
  }
  if (const auto named = ArchitectureInVendorClass(AsText(client.vendor_class))) {
    if (client.architecture_count == 0) {
      client.architectures[client.architecture_count++] = *named;
    } else {
      const auto list = client.architecture_list();
      client.architecture_disagrees = std::ranges::find(list, *named) == list.end();
    }
  }
  if (client.type == DhcpMessageType::kDiscover && client.is_boot_client()) {
    client.fingerprint = FirmwareFingerprint(message);
  }
  return client;
}

}  // namespace slipway::dhcp
