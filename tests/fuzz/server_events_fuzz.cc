// SPDX-License-Identifier: Apache-2.0
//
// A stream of server-sent events, in pieces of a length that the first byte says: the events are
// those of the stream in one piece.
#include "control/cli/server_events.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  if (size == 0) return 0;
  const std::string_view stream = slipway::AsText({data + 1, size - 1});
  const auto told = [&](std::size_t piece) {
    ServerEventParser parser;
    std::string all;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      parser.Take(stream.substr(at, piece), [&](const ServerEvent& event) {
        SLIPWAY_CHECK(!event.type.empty() && event.id.find('\0') == std::string::npos);
        all += event.type + '\n' + event.data + '\n' + event.id + '\n';
      });
    }
    return all + parser.last_id() + std::to_string(parser.retry_milliseconds().value_or(-1));
  };
  SLIPWAY_CHECK(told(data[0] + std::size_t{1}) == told(size));
  return 0;
}
