// SPDX-License-Identifier: Apache-2.0
//
// Any signature: what can be read has a whole digest and a signer.
#include "control/secure_boot/authenticode.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const auto signature = AuthenticodeSignature::Parse({data, size});
  if (!signature.ok()) return 0;
  SLIPWAY_CHECK(signature->digest().size() == SizeOfDigest(signature->algorithm()));
  SLIPWAY_CHECK(!signature->chain().empty());
  static_cast<void>(signature->LeadsTo(slipway::AsBytes(signature->chain().back().der)));
  return 0;
}
