// SPDX-License-Identifier: Apache-2.0
//
// Every table and key of slipway.toml: one table, from which parsing, defaults, error messages and
// the check of the shipped example are made. A key that is not here does not exist.
//
// A default is written as it would stand in the file and goes through the same parser as what the
// operator writes. No default: the key must be written (required) or its absence means something,
// which its sentence says. A repeated table stands in [[double brackets]].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::control {

enum class ValueType : std::uint8_t {
  kBoolean,
  kInteger,
  kSize,      // "512 MiB": bytes
  kDuration,  // "1h": seconds
  kText,
  kChoice,    // one of `choices`
  kPath,      // of a file or directory; relative to the configuration file
  kDevice,    // PCI address, kernel interface or DPDK virtual device string
  kName,      // DNS host name
  kAddress,   // IPv4 address
  kPrefix,    // IPv4 address or network with its length
  kRange,     // "first-last" of IPv4 addresses
  kEndpoint,  // "address:port"
  kMac,
  kUuid,
  kHex,       // pairs of hexadecimal digits
  kImageSet,  // "name:tag"
};

struct KeySchema {
  std::string_view table;
  std::string_view name;
  ValueType type;
  bool list = false;
  bool required = false;
  std::string_view fallback = "";  // TOML text of the default; empty: none
  std::string_view unit = "";      // said in the example and in messages
  std::int64_t minimum = INT64_MIN;
  std::int64_t maximum = INT64_MAX;
  std::string_view choices = "";  // separated by blanks
  std::string_view example = "";  // TOML text shown where there is no default
  std::string_view sentence;
};

struct TableSchema {
  std::string_view path;
  bool repeated = false;
  bool example = false;  // a repeated table that the shipped example sets up
  std::string_view sentence;
};

std::span<const TableSchema> ConfigTables();
std::span<const KeySchema> ConfigKeys();

// The text of config/slipway.toml: every table and key with its sentence, default, unit and range.
std::string ExampleConfig();

}  // namespace slipway::control
