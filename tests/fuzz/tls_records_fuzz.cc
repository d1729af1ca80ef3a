// SPDX-License-Identifier: Apache-2.0
//
// An established session fed with arbitrary records: framing of what arrives after the handshake,
// and the pulling and releasing of what leaves, in orders the input says.
#include "tests/fuzz/tls_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  tls::FuzzFixture& fixture = tls::FuzzFixture::Get();
  const std::unique_ptr<tls::Session> session = fixture.Established(size % 2 == 0);
  ByteSource& out = session->output();
  std::uint64_t released = 0;
  for (Reader input(Bytes{data, size}); !input.empty();) {
    const std::uint8_t verb = input.U8();
    out.Extend(verb * std::uint64_t{64});
    released += (out.length() - released) * verb / 256;
    fixture.ReadAt(out, released, input.U8());
    out.Release(released);
    if (verb % 4 == 0) session->Receive(input.Take(std::min<std::size_t>(verb, input.remaining())));
  }
  return 0;
}
