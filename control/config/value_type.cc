// SPDX-License-Identifier: Apache-2.0
//
// What each type of value takes from text, and the words for it.
#include <utility>

#include "control/config/document.h"

namespace slipway::control {
namespace {

template <class T>
std::optional<Value> AsValue(std::optional<T> value) {
  if (!value) return std::nullopt;
  return Value(*std::move(value));
}

}  // namespace

std::optional<Value> ParseValue(ValueType type, std::string_view text) {
  const auto as_text = [&](bool good) {
    return good ? std::optional<Value>(std::string(text)) : std::nullopt;
  };
  switch (type) {
    case ValueType::kBoolean:
    case ValueType::kInteger:
      return std::nullopt;
    case ValueType::kSize:
      return AsValue(ParseSize(text));
    case ValueType::kDuration:
      return AsValue(ParseDuration(text));
    case ValueType::kText:
    case ValueType::kChoice:
      return as_text(text.find('\n') == text.npos);
    case ValueType::kPath:
      return as_text(!text.empty());
    case ValueType::kDevice:
      return as_text(IsPciAddress(text) || IsVirtualDevice(text) || IsKernelInterface(text));
    case ValueType::kName:
      return AsValue(ParseHostName(text));
    case ValueType::kAddress:
      return AsValue(Ipv4Address::Parse(text));
    case ValueType::kPrefix:
      return AsValue(Ipv4Prefix::Parse(text));
    case ValueType::kRange:
      return AsValue(ParseRange(text));
    case ValueType::kEndpoint:
      return AsValue(Endpoint::Parse(text));
    case ValueType::kMac: {
      const auto mac = MacAddress::Parse(text);
      return AsValue(mac && mac->is_station() ? mac : std::nullopt);
    }
    case ValueType::kUuid: {
      const auto uuid = Uuid::Parse(text);
      return AsValue(uuid && uuid->is_set() ? uuid : std::nullopt);
    }
    case ValueType::kHex:
      return AsValue(ParseHex(text));
    case ValueType::kImageSet:
      return AsValue(ImageSetName::Parse(text));
  }
  return std::nullopt;
}

std::string_view Expectation(ValueType type) {
  switch (type) {
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kInteger:
      return "a whole number";
    case ValueType::kSize:
      return "a size with its unit, such as \"512 MiB\" (B, KiB, MiB, GiB, TiB)";
    case ValueType::kDuration:
      return "a time with its unit, such as \"90s\", \"15m\", \"1h\" or \"7d\"";
    case ValueType::kText:
      return "one line of text in quotes";
    case ValueType::kChoice:
      return "one of the choices";
    case ValueType::kPath:
      return "a path in quotes";
    case ValueType::kDevice:
      return "a PCI address such as \"0000:03:00.0\", an interface of the kernel such as "
             "\"packet:eth1\" or a DPDK device such as "
             "\"net_vhost0,iface=/run/slipway/vhost.sock\"";
    case ValueType::kName:
      return "a host name such as \"boot.example.net\"";
    case ValueType::kAddress:
      return "an IPv4 address such as \"10.77.0.1\"";
    case ValueType::kPrefix:
      return "an IPv4 prefix such as \"10.77.0.1/24\"";
    case ValueType::kRange:
      return "an address range such as \"10.77.0.100-10.77.0.199\"";
    case ValueType::kEndpoint:
      return "an address and port such as \"127.0.0.1:8443\"";
    case ValueType::kMac:
      return "a station address such as \"52:54:00:12:34:56\"";
    case ValueType::kUuid:
      return "a UUID such as \"8a5b1c2d-0f3e-4a6b-9c7d-1e2f3a4b5c6d\"";
    case ValueType::kHex:
      return "octets in hexadecimal such as \"0a:4d:00:01\"";
    case ValueType::kImageSet:
      return "an image set such as \"debian:stable\"";
  }
  return "";
}

}  // namespace slipway::control
