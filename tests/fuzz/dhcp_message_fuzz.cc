// SPDX-License-Identifier: Apache-2.0
// Any bytes: Parse neither crashes nor reads outside, and what it gives can all be read.
#include "protocols/dhcp/client.h"
#include "protocols/dhcp/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  dhcp::OptionScratch scratch;
  const auto message = dhcp::Parse(Bytes(data, size), scratch);
  if (!message) return 0;
  std::size_t sum = 0;
  for (int code = 1; code < 255; ++code) {
    const auto option = static_cast<DhcpOption>(code);
    if (!dhcp::Options::Keeps(option)) continue;
    for (const std::uint8_t byte : message->options[option]) sum += byte;
  }
  static_cast<void>(message->RelayAddress(RelaySubOption::kLinkSelection));
  const dhcp::Client client = dhcp::ClientOf(*message);
  if (client.architecture_count > dhcp::kArchitecturesMax || sum > 255 * size) __builtin_trap();
  return 0;
}
