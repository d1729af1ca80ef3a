// SPDX-License-Identifier: Apache-2.0
//
// The fingerprint of the software that sent a DHCP message: firmware, iPXE, a system's client. What
// differs between two messages of one boot, between machines or between relays is left out, so that
// a DISCOVER and the REQUEST after it have the same one, whichever machine of a fleet they are of.
//
// FNV-1a (protocols/base/fingerprint.h) over, for each option of the options field in its order:
//   * its code, but for those that not every message or machine of one software has: 12, 43, 50 to
//     54, 56, 61, 80 (RFC 4039, DISCOVER alone), 81, 82 and 97;
//   * behind 55: how many codes it lists, and those. Of a UEFI HTTP client without the one between
//     60 and 67: EDK II leaves that slot of its list unset, and sends what lay there;
//   * behind 60: its octets without the digits of an architecture ("Arch:00016"), and a zero;
//   * behind 175: iPXE's features, which are encapsulated options: but for 177, the place of the
//     card on its bus.
// The value of 57 is left out: EDK II's PXE turns its octets round in the REQUEST.
#pragma once

#include <cstdint>

#include "protocols/dhcp/message.h"

namespace slipway::dhcp {

std::uint64_t FirmwareFingerprint(const Message& message);

}  // namespace slipway::dhcp
