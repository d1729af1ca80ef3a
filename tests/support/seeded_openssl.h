// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's randomness by a seed, for the whole program, so that a run with TLS can be made again.
#pragma once

#include <cstdint>

namespace slipway {

void SeedOpenssl(std::uint64_t seed);

}  // namespace slipway
