// SPDX-License-Identifier: Apache-2.0
//
// Pretty: any frame as one line a person can read, for `trace` and for tests that fail.
//
//     52:54:00:12:34:56 > ff:ff:ff:ff:ff:ff IPv4 0.0.0.0:68 > 255.255.255.255:67 UDP 300 DHCP
//     DISCOVER 52:54:00:12:34:56 > 02:00:00:00:00:01 IPv4 10.0.0.2:1025 > 10.0.0.1:443 TCP S seq 7
//     ack 0 win 64240 len 0 52:54:00:12:34:56 > ff:ff:ff:ff:ff:ff ARP who-has 10.0.0.1
//     tell 10.0.0.2
//
// Anything goes in: what cannot be read is printed as the name of its Drop. Allocates freely, so it
// stays off the path of packets that are not traced. It reads headers on its own, with Reader, and
// so shows also what the stricter parsers refuse.
#pragma once

#include <string>

#include "protocols/base/bytes.h"

namespace slipway {

std::string Pretty(Bytes frame);

}  // namespace slipway
