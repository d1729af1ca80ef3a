// SPDX-License-Identifier: Apache-2.0
//
// VersionCount: how the boots of one version of an image set ended (serve/version_tally.h), as the
// archive keeps it beside the boots.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace slipway::control {

struct VersionCount {
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;  // or abandoned
  std::string last_failure;  // its sentence
};

struct VersionCounts {
  std::map<std::string, VersionCount> versions;  // "debian/0123456789ab"; of zeros: forgotten
  // Ids of boots that count as failed, while their stories say complete (serve/canary_watch.h), or
  // under way: they went on after a failure. Else the next process would count them again.
  std::vector<std::int64_t> failed_all_the_same;

  bool is_empty() const { return versions.empty() && failed_all_the_same.empty(); }
};

}  // namespace slipway::control
