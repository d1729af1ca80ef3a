// SPDX-License-Identifier: Apache-2.0
//
// Reads an offer as UEFI firmware does, independently of the product's parser: what edk2's HTTP
// boot driver is known to accept, byte by byte, including the NUL it writes after the URI.
// Returns the complaint, or nothing and the offer's facts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace slipway::testing {

struct FirmwareOffer {
  std::string complaint;  // empty: accepted as an HTTP offer
  std::string uri;
  std::uint32_t address = 0;
  std::uint32_t server = 0;
  bool has_dns = false;
  std::map<int, std::string> options;
  std::vector<int> order;
};

inline FirmwareOffer ReadAsFirmware(std::vector<std::uint8_t> packet) {
  FirmwareOffer offer;
  const auto fail = [&](const char* why) {
    offer.complaint = why;
    return offer;
  };
  if (packet.size() > 1472) return fail("longer than 1472 bytes");
  if (packet.size() < 300) return fail("shorter than 300 bytes");
  if (packet[0] != 2 || packet[1] != 1 || packet[2] != 6) return fail("no BOOTREPLY for Ethernet");
  if (packet[236] != 0x63 || packet[237] != 0x82 || packet[238] != 0x53 || packet[239] != 0x63) {
    return fail("no cookie");
  }
  struct Place {
    std::size_t start, size;
  };
  std::map<int, Place> places;
  bool file_is_options = false;
  const auto walk = [&](std::size_t at, std::size_t end) {
    while (at < end && packet[at] != 255) {
      if (packet[at] == 0) {
        ++at;
        continue;
      }
      if (at + 2 > end || at + 2U + packet[at + 1] > end) return false;
      const int code = packet[at];
      const std::size_t size = packet[at + 1];
      offer.order.push_back(code);
      places.try_emplace(code, Place{at + 2, size});
      offer.options[code].append(reinterpret_cast<const char*>(packet.data() + at + 2), size);
      at += 2 + size;
    }
    return at < end;  // END was there
  };
  if (!walk(240, packet.size())) return fail("options run over or have no END");
  if (offer.options.count(52) != 0) {
    const int overload = offer.options[52][0];
    file_is_options = (overload & 1) != 0;
    if (file_is_options && !walk(108, 236)) return fail("options in file run over");
    if ((overload & 2) != 0 && !walk(44, 108)) return fail("options in sname run over");
  }
  const auto number = [&](std::size_t at) {
    return std::uint32_t{packet[at]} << 24 | std::uint32_t{packet[at + 1]} << 16 |
           std::uint32_t{packet[at + 2]} << 8 | packet[at + 3];
  };
  offer.address = number(16);
  if (places.count(54) != 0) offer.server = number(places[54].start);
  offer.has_dns = places.count(6) != 0;
  if (offer.options[60].substr(0, 10) != "HTTPClient") return fail("not an HTTP offer");
  if (places.count(54) == 0) return fail("no server identifier");
  if (places.count(67) != 0) {
    // What firmware does: if the last byte is no NUL, it writes one over the byte that follows.
    const Place place = places[67];
    const std::size_t last = place.start + place.size - 1;
    if (packet[last] != 0) {
      const std::uint8_t victim = packet[last + 1];
      if (victim != 255 && victim != 0) return fail("the NUL after the URI destroys an option");
      packet[last + 1] = 0;
    }
    offer.uri = reinterpret_cast<const char*>(packet.data() + place.start);
  } else if (!file_is_options && packet[108] != 0) {
    packet[235] = 0;
    offer.uri = reinterpret_cast<const char*>(packet.data() + 108);
  }
  if (offer.uri.empty()) return fail("no URI");
  if (offer.uri.rfind("http://", 0) != 0 && offer.uri.rfind("https://", 0) != 0) {
    return fail("the URI is neither http nor https");
  }
  return offer;
}

}  // namespace slipway::testing
