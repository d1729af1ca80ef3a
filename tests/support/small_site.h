// SPDX-License-Identifier: Apache-2.0
//
// The text of a small site's configuration, in parts that a test puts together: each begins its own
// table, so keys of a table stand behind the part that opens it.
#pragma once

#include <string_view>

namespace slipway::control {

// The state beside the configuration file, and management on any port; keys of [management] follow.
inline constexpr std::string_view kSiteState = R"(
[state]
directory = "state"
[management]
address = "127.0.0.1:0"
)";

inline constexpr std::string_view kSitePort = R"(
[[port]]
device = "net_ring0"
addresses = ["10.77.0.1/24"]
)";

// The port's network; how machines get addresses there is the test's to say, such as:
inline constexpr std::string_view kSiteLab = R"(
[[network]]
name = "lab"
subnet = "10.77.0.0/24"
)";
inline constexpr std::string_view kSitePools = R"(pools = ["10.77.0.100-10.77.0.199"]
)";
inline constexpr std::string_view kSiteProxy = R"(proxy_dhcp = true
)";

}  // namespace slipway::control
