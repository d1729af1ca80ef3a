// SPDX-License-Identifier: Apache-2.0
//
// A server session fed with arbitrary bytes, cut at lengths the input says: whatever arrives, it
// neither crashes nor says more than a few alerts.
#include "tests/fuzz/tls_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  tls::FuzzFixture& fixture = tls::FuzzFixture::Get();
  tls::Session session(fixture.context, fixture.text, *fixture.sealer);
  Reader input(Bytes{data, size});
  while (!input.empty()) {
    const std::size_t cut = input.U8() * std::size_t{8};
    session.Receive(input.Take(std::min(cut, input.remaining())));
    while (session.handshake_pending()) session.Step();
  }
  fixture.Drain(session);
  return 0;
}
