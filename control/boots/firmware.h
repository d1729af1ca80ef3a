// SPDX-License-Identifier: Apache-2.0
//
// BootFirmware: what a boot's story says of the software that booted: firmware, or the iPXE after
// it. A function of stored steps, so that boots of before a restart say as much.
//
// It is what was said up to the first whole file, for from there on another program may speak: the
// DISCOVER before the first connection, that connection's SYN and the first ClientHello.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::control {

struct Boot;

// Fingerprints as texts; empty: it was not seen. None is proof: anybody can send the same bytes.
struct BootFirmware {
  std::string client;  // "http", "ipxe" or "pxe", as selectors name them
  std::string dhcp;    // protocols/dhcp/fingerprint.h, 16 digits
  std::string tcp;     // protocols/tcp/syn_form.h, "65535:1460:mss"
  std::string tls;     // tls/fingerprint.h, 16 digits

  friend bool operator==(const BootFirmware&, const BootFirmware&) = default;
};

// Nullopt where no boot client's DISCOVER was seen, or a release wrote the story that made none.
std::optional<BootFirmware> FirmwareOf(const Boot& boot);

// Whether the firmware that began the boot is back in `next`, the machine's next try, as soon as it
// had the one file that it loaded: it did not run that, or what it ran returned at once. A program
// that loads another file began, whatever became of it; and who asks anew in other words than
// firmware's may be the program. No proof: a program may reset its machine that soon.
bool IsBackAtOnce(const Boot& boot, const Boot& next);

// Software that is known to say the same: "EDK II HTTP boot, TLS of OVMF 2022.11"; empty: none is.
// The table is held against tests/captures.
std::string LikenessOf(const BootFirmware& firmware);

// Of the text of a DISCOVER's event (dataplane/event.h): the kind of client, "http", "pxe" or
// "ipxe", empty: none that boots; the vendor class as the client said it; and what follows it.
std::string_view ClientOf(std::string_view text);
std::string_view VendorClassOf(std::string_view text);
std::string_view DiscoverFingerprintOf(std::string_view text);

}  // namespace slipway::control
