// SPDX-License-Identifier: Apache-2.0
//
// One document as what a registry is sent: a manifest or an index of any kind, an image set, and
// index.json; what is read of the last is written and read again as the same.
#include "control/image_store/digest.h"
#include "control/image_store/image_set.h"
#include "control/image_store/index.h"
#include "control/image_store/oci.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const std::string text(slipway::AsText({data, size}));
  if (const auto document = ParseOciDocument(text, ""); document.ok()) {
    SLIPWAY_CHECK(OciKindOf(document->media_type) != OciKind::kUnknown);
    for (const Descriptor& blob : document->blobs) SLIPWAY_CHECK(IsDigest(blob.digest));
    for (const Descriptor& part : document->manifests) SLIPWAY_CHECK(IsDigest(part.digest));
  }
  if (const auto set = ParseManifest(text, "fuzz"); set.ok()) {
    for (const ImageFile& file : set->files) SLIPWAY_CHECK(SanitizePath(file.path).ok());
  }
  const auto index = ParseIndex(text, "fuzz");
  if (!index.ok()) return 0;
  const std::string written = IndexText(*index);
  SLIPWAY_CHECK(IndexText(*ParseIndex(written, "again")) == written);
  return 0;
}
