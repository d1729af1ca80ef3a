// SPDX-License-Identifier: Apache-2.0
//
// The OCI documents of others, as values (image-spec 1.1): image manifests and image indexes, also
// in the form that Docker gave them (schema 2). What is read here came over a network: every value
// is asked for its type, and what a registry does not look at is passed over.
//
// Invariant: digests are SHA-256, as 64 hex digits (digest.h); a document with another one is
// refused, since the store could not find its bytes.
// Left out: the withdrawn artifact manifest, and Docker's schema 1.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::control {

inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDigestPrefix = "sha256:";
// Bytes of a manifest that is pushed or pulled; distribution-spec asks for no less.
inline constexpr std::size_t kManifestMax = std::size_t{4} << 20;

// What points at bytes (image-spec, descriptor.md).
struct Descriptor {
  std::string media_type;
  std::string digest;      // hex
  std::uint64_t size = 0;  // bytes
  // Its bytes lie elsewhere, by its own words (urls, and a type that may not be distributed).
  bool is_foreign = false;
};

struct OciDocument {
  std::string media_type;             // one of the four that OciKindOf knows
  std::string artifact_type;          // of a manifest without one, its configuration's media type
  std::vector<Descriptor> blobs;      // configuration and layers; none of an index
  std::vector<Descriptor> manifests;  // of an index
  std::string subject;                // hex; empty when it has none
  std::map<std::string, std::string> annotations;
};

enum class OciKind : std::uint8_t { kUnknown, kManifest, kIndex };
OciKind OciKindOf(std::string_view media_type);

// "sha256:" and hex, as hex; empty when it is no digest that the store can have.
std::string HexOf(std::string_view digest);

// `media_type`: as it was said beside the bytes; empty when nobody said. One in the document must
// be the same.
absl::StatusOr<OciDocument> ParseOciDocument(std::string_view text, std::string_view media_type);

}  // namespace slipway::control
