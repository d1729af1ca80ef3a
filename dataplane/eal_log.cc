// SPDX-License-Identifier: Apache-2.0
#include "dataplane/eal_log.h"

#include <rte_log.h>
#include <sys/types.h>

#include <algorithm>
#include <string>

namespace slipway::dataplane {
namespace {

// A line that has no end is cut here.
constexpr std::size_t kLineMax = 4096;

struct Lines {
  EalSink sink = nullptr;
  std::FILE* stream = nullptr;
  std::string rest;  // what has no end of line yet; guarded by the stream's own lock
};

// Never destroyed: DPDK's threads may outlive main().
Lines& TheLines() {
  static Lines& lines = *new Lines;
  return lines;
}

// RTE_LOG_EMERG is 1, LOG_EMERG is 0.
int Severity() { return std::clamp(rte_log_cur_msg_loglevel() - 1, 0, 7); }

ssize_t Take(void* cookie, const char* bytes, std::size_t size) {
  Lines& lines = *static_cast<Lines*>(cookie);
  lines.rest.append(bytes, size);
  std::string_view left = lines.rest;
  for (std::size_t end = left.find('\n'); end != left.npos; end = left.find('\n')) {
    if (end != 0) lines.sink(Severity(), left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  if (left.size() > kLineMax) {
    lines.sink(Severity(), left);
    left = {};
  }
  lines.rest = std::string(left);
  return static_cast<ssize_t>(size);
}

}  // namespace

void SetEalSink(EalSink sink) {
  Lines& lines = TheLines();
  lines.sink = sink;
  cookie_io_functions_t functions{};
  functions.write = Take;
  lines.stream = ::fopencookie(&lines, "w", functions);
  // Else a message that DPDK does not flush would wait for the next.
  if (lines.stream != nullptr) static_cast<void>(std::setvbuf(lines.stream, nullptr, _IOLBF, 0));
}

std::FILE* EalLogStream() {
  std::FILE* const stream = TheLines().stream;
  return stream == nullptr ? stderr : stream;
}

}  // namespace slipway::dataplane
