// SPDX-License-Identifier: Apache-2.0
//
// What a path below /v2/ asks for (distribution-spec 1.1, "Endpoints"), and the grammar of names
// and tags there. A repository's name may have slashes, so a path is read from its end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::control {

enum class RegistryResource : std::uint8_t {
  kNone,
  kRoot,      // /v2/
  kCatalog,   // /v2/_catalog
  kManifest,  // reference: tag or digest
  kTags,
  kReferrers,  // reference: digest
  kBlob,       // reference: digest
  kUploads,    // where sessions begin
  kUpload,     // reference: session
};

struct RegistryPath {
  RegistryResource resource = RegistryResource::kNone;
  std::string name;  // of the repository; not judged
  std::string reference;
};

RegistryPath ParseRegistryPath(std::string_view path);

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* between slashes, at most 200 characters.
bool IsRepositoryName(std::string_view name);
// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
bool IsTag(std::string_view tag);

}  // namespace slipway::control
