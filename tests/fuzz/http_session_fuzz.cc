// SPDX-License-Identifier: Apache-2.0
//
// A session fed with any bytes in any pieces: the first byte of each piece is its length.
#include "tests/unit/protocols/http/support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::http::Served served;
  slipway::Bytes rest(data, size);
  while (!rest.empty()) {
    const std::size_t piece = std::min<std::size_t>(rest.front(), rest.size() - 1);
    slipway::Bytes text = rest.subspan(1, piece);
    rest = rest.subspan(1 + piece);
    do {
      const auto received = served.session().Receive(text, slipway::Time{});
      text = text.subspan(received.consumed);
      static_cast<void>(served.Heard());
    } while (!text.empty() || served.session().blocked());
  }
  return 0;
}
