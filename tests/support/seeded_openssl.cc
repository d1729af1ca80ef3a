// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method: the one way to make a run repeatable

#include "tests/support/seeded_openssl.h"

#include <openssl/rand.h>

#include "protocols/base/entropy.h"

namespace slipway {
namespace {

SeededEntropy& OpensslEntropy() {
  static SeededEntropy entropy(0);
  return entropy;
}
int FillRandom(unsigned char* out, int size) {
  OpensslEntropy().Fill({out, static_cast<std::size_t>(size)});
  return 1;
}

}  // namespace

void SeedOpenssl(std::uint64_t seed) {
  static constexpr RAND_METHOD kMethod{.seed = nullptr,
                                       .bytes = FillRandom,
                                       .cleanup = nullptr,
                                       .add = nullptr,
                                       .pseudorand = FillRandom,
                                       .status = [] { return 1; }};
  OpensslEntropy() = SeededEntropy(seed);
  RAND_set_rand_method(&kMethod);
}

}  // namespace slipway
