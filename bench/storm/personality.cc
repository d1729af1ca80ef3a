// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/personality.h"

#include <algorithm>
#include <array>

namespace slipway::storm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Option 55 of OVMF 2022.11, the code from its skipped slot included (235; 2025.02 sends 232).
constexpr std::array<std::uint8_t, 27> kUefiParameters{1,  2,  3,  4,  5,  6,  12,  13, 15,
                                                       17, 18, 22, 23, 28, 40, 41,  42, 43,
                                                       50, 51, 54, 58, 59, 60, 235, 67, 97};
constexpr std::array<std::uint8_t, 24> kIpxeParameters{1,   3,   6,   7,   12,  15,  17,  26,
                                                       42,  43,  60,  66,  67,  119, 128, 129,
                                                       130, 131, 132, 133, 134, 135, 175, 203};
constexpr std::array<std::uint8_t, 7> kLinuxParameters{1, 3, 6, 12, 15, 28, 42};

constexpr const char* kUefiCiphers =
    "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA256:"
    "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-GCM-SHA384:"
    "AES128-GCM-SHA256:AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA";
constexpr const char* kIpxeCiphers =
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA256:"
    "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA256:"
    "DHE-RSA-AES256-SHA256:DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:AES128-GCM-SHA256:"
    "AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";
constexpr const char* kUefiSignatures =
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:rsa_pss_rsae_sha256:"
    "rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA224:RSA+SHA1";
constexpr const char* kIpxeSignatures = "RSA+SHA1:RSA+SHA224:RSA+SHA256:RSA+SHA384:RSA+SHA512";

constexpr Personality kUefi{.firmware = Firmware::kUefi,
                            .name = "uefi",
                            .vendor_class = "HTTPClient:Arch:00016:UNDI:003000",
                            .parameters = kUefiParameters,
                            .offer_wait = seconds(4),
                            .ttl = 255,
                            .delayed_ack = milliseconds(200),
                            .ciphers = kUefiCiphers,
                            .signatures = kUefiSignatures,
                            .asks_head_first = true,
                            .user_agent = "UefiHttpBoot/1.0",
                            .patience = seconds(5)};

constexpr Personality Uefi2025() {
  Personality personality = kUefi;
  personality.firmware = Firmware::kUefi2025;
  personality.name = "uefi2025";
  personality.window = 2 << 20;
  personality.window_scale = std::uint8_t{6};
  personality.sends_server_name = true;
  return personality;
}

constexpr Personality kIpxe{.firmware = Firmware::kIpxe,
                            .name = "ipxe",
                            .vendor_class = "PXEClient:Arch:00007:UNDI:003010",
                            .user_class = "iPXE",
                            .architecture = 7,
                            .parameters = kIpxeParameters,
                            .offer_wait = seconds(1),
                            .window = 256 << 10,
                            .window_scale = std::uint8_t{9},
                            .sack = true,
                            .timestamps = true,
                            .delayed_ack = milliseconds(40),
                            .sends_server_name = true,
                            .fragments_4096 = true,
                            .ciphers = kIpxeCiphers,
                            .groups = "P-256:P-384:X25519",
                            .signatures = kIpxeSignatures,
                            .user_agent = "iPXE/2.0.0",
                            .patience = seconds(60)};

constexpr Personality kLinux{.firmware = Firmware::kLinux,
                             .name = "linux",
                             .parameters = kLinuxParameters,
                             .wants_broadcast = false,
                             .says_architecture = false,
                             .window = 1 << 20,
                             .window_scale = std::uint8_t{7},
                             .sack = true,
                             .timestamps = true,
                             .acknowledges_pairs = false,
                             .delayed_ack = milliseconds(40),
                             .tls13 = true,
                             .sends_server_name = true,
                             .keeps_connection = true,
                             .ends_with_reset = false,
                             .user_agent = "curl/7.88.1",
                             .patience = seconds(60)};

constexpr std::array<Personality, kFirmwares> kPersonalities{kUefi, Uefi2025(), kIpxe, kLinux};

}  // namespace

const Personality& PersonalityOf(Firmware firmware) {
  return kPersonalities[static_cast<std::size_t>(firmware)];
}

std::optional<Firmware> FirmwareNamed(std::string_view name) {
  for (const Personality& personality : kPersonalities) {
    if (personality.name == name) return personality.firmware;
  }
  return std::nullopt;
}

tcp::Settings TcpSettings(const Personality& personality, std::uint16_t mtu,
                          std::uint32_t connections) {
  constexpr std::uint16_t kHeaders = 40;
  tcp::Settings settings;
  settings.mss = static_cast<std::uint16_t>(mtu - kHeaders);
  settings.receive_window = personality.window;
  settings.window_scale = personality.window_scale.value_or(0);
  settings.timestamps = personality.timestamps;
  settings.sack = personality.sack;
  settings.delayed_ack = personality.delayed_ack;
  settings.idle = seconds(3600);  // the machine's own patience decides
  settings.fin_wait_2 = seconds(2);
  settings.time_wait = milliseconds(500);
  settings.connections_max = connections;
  settings.time_wait_max = std::clamp(connections, 256U, 16384U);
  settings.stray_max = std::clamp(connections, 256U, 16384U);
  settings.out_of_order_blocks_max = std::clamp(connections * 16, 4096U, 65536U);
  settings.out_of_order_blocks_per_connection =
      std::clamp(personality.window / settings.mss + 1, 45U, 2048U);
  return settings;
}

void ShapeSyn(const Personality& personality, tcp::Options& options) {
  if (!personality.window_scale) options.window_scale.reset();
}

}  // namespace slipway::storm
