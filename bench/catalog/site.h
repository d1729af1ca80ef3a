// SPDX-License-Identifier: Apache-2.0
//
// Site: a state directory as a large site's would be after a while, written by the product's own
// store and image store: machines with labels, versions of image sets, rules, and stories of boots.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "protocols/base/mac.h"

namespace slipway::control {
class Store;
}

namespace slipway::bench {

struct SiteOptions {
  std::uint32_t machines = 10'000;
  std::uint32_t versions = 1'000;  // of 20 image sets
  std::uint32_t boots_each = 8;    // of each machine
  std::uint32_t steps = 13;        // of each boot: a million of them in all
};

// Machine `number` of a site; its story is that of every machine.
MacAddress MacOf(std::uint32_t number);

// The last of its rules, with a variable that every machine's user-data has.
absl::Status PutSiteRule(control::Store& store, const std::string& site);

// Fills an empty folder. Fast only where commits are: a folder in memory.
absl::Status FillSite(const std::filesystem::path& folder, const SiteOptions& options);

}  // namespace slipway::bench
