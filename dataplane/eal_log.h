// SPDX-License-Identifier: Apache-2.0
//
// What DPDK itself has to say, line by line, to whom the composition root names; to standard error
// until then. DPDK says little: EAL starts with its log level at "warning".
#pragma once

#include <cstdio>
#include <string_view>

namespace slipway::dataplane {

// `severity` as syslog(3) numbers it, 0 to 7. From any thread of DPDK's, one call at a time.
using EalSink = void (*)(int severity, std::string_view line);
// Before EAL starts; once.
void SetEalSink(EalSink sink);

// For rte_openlog_stream().
std::FILE* EalLogStream();

}  // namespace slipway::dataplane
