// SPDX-License-Identifier: Apache-2.0
//
// Any file at the door: parts lie inside it, and nothing is accepted that no db vouches for.
#include "control/secure_boot/verdict.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::control;
  const Bytes file(data, size);
  const auto image = ParsePe(file);
  if (image.ok()) {
    std::size_t sum = image->size_of_headers;
    for (const PeSection& section : image->sections) {
      sum += section.raw.size();
      SLIPWAY_CHECK(section.content.size() <= section.raw.size());
    }
    SLIPWAY_CHECK(sum <= size);
    SLIPWAY_CHECK(ImageDigest(*image, DigestAlgorithm::kSha256).size() % 32 == 0);
  }
  const FirmwareTrust trust{.is_known = true};
  const SetVerdict verdict = JudgeSet({{.path = "a.efi", .role = "x64", .bytes = file}}, trust);
  SLIPWAY_CHECK(verdict.outcome == Outcome::kRefused && !verdict.words.empty());
  return 0;
}
