// SPDX-License-Identifier: Apache-2.0
//
// Choice of a sealer: only one that has just given the right answers is handed out.
#include "tls/sealer.h"

#include "tls/self_check.h"

namespace slipway::tls {

std::unique_ptr<Sealer> Sealer::Create(Kind kind, std::pmr::memory_resource* pages) {
  if (kind != Kind::kEvp) {
    std::unique_ptr<Sealer> sealer = NewIpsecMbSealer(pages);
    if (sealer != nullptr && KnownAnswersAreRight(*sealer)) return sealer;
    if (kind == Kind::kIpsecMb) return nullptr;
  }
  std::unique_ptr<Sealer> sealer = NewEvpSealer();
  if (sealer != nullptr && KnownAnswersAreRight(*sealer)) return sealer;
  return nullptr;
}

}  // namespace slipway::tls
