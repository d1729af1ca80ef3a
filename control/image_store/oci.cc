// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/oci.h"

#include <nlohmann/json.hpp>

#include "control/image_store/digest.h"
#include "control/image_store/refusal.h"
#include "control/parse_json.h"

namespace slipway::control {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::size_t kDescriptorsMax = 20000;  // as many as an import takes files

absl::Status Invalid(const std::string& what) {
  return Refuse(absl::StatusCode::kInvalidArgument, {.where = "manifest", .what = what});
}

const Json* Member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string TextAt(const Json& object, const char* key) {
  const Json* value = Member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

absl::StatusOr<Descriptor> ParseDescriptor(const Json& json, const std::string& where) {
  if (!json.is_object()) return Invalid(where + " is no descriptor");
  Descriptor descriptor{.media_type = TextAt(json, "mediaType"),
                        .digest = HexOf(TextAt(json, "digest"))};
  if (descriptor.digest.empty()) return Invalid(where + " has no digest of the form sha256:hex");
  const Json* size = Member(json, "size");
  if (size == nullptr || !size->is_number_unsigned()) return Invalid(where + " has no size");
  descriptor.size = size->get<std::uint64_t>();
  const Json* urls = Member(json, "urls");
  descriptor.is_foreign = urls != nullptr && urls->is_array() && !urls->empty() &&
                          (descriptor.media_type.find("nondistributable") != std::string::npos ||
                           descriptor.media_type.find(".foreign.") != std::string::npos);
  return descriptor;
}

absl::Status ParseList(const Json& document, const char* key, std::vector<Descriptor>& into) {
  const Json* list = Member(document, key);
  if (list == nullptr || !list->is_array()) return Invalid(std::string("has no list ") + key);
  if (list->size() > kDescriptorsMax) {
    return Invalid("more than " + std::to_string(kDescriptorsMax) + " " + key);
  }
  for (const Json& each : *list) {
    auto descriptor =
        ParseDescriptor(each, std::string(key) + "[" + std::to_string(into.size()) + "]");
    if (!descriptor.ok()) return descriptor.status();
    into.push_back(*std::move(descriptor));
  }
  return absl::OkStatus();
}

// The media type: as was said, as the document says, or by what is in it.
absl::StatusOr<std::string> MediaTypeOf(const Json& document, std::string_view said) {
  const std::string own = TextAt(document, "mediaType");
  if (!said.empty() && !own.empty() && said != own) {
    return Invalid("its mediaType is " + own + ", and it was sent as " + std::string(said));
  }
  std::string type = said.empty() ? own : std::string(said);
  if (type.empty()) type = document.contains("manifests") ? kIndexType : kManifestType;
  if (OciKindOf(type) != OciKind::kUnknown) return type;
  return Invalid(type + " is no media type of a manifest that is kept here");
}

absl::Status ParseManifestParts(const Json& json, OciDocument& document) {
  const Json* config = Member(json, "config");
  if (config == nullptr) return Invalid("has no config");
  auto descriptor = ParseDescriptor(*config, "config");
  if (!descriptor.ok()) return descriptor.status();
  if (document.artifact_type.empty()) document.artifact_type = descriptor->media_type;
  std::vector<Descriptor> layers;
  if (absl::Status status = ParseList(json, "layers", layers); !status.ok()) return status;
  document.blobs.push_back(*std::move(descriptor));
  document.blobs.insert(document.blobs.end(), layers.begin(), layers.end());
  return absl::OkStatus();
}

}  // namespace

OciKind OciKindOf(std::string_view media_type) {
  if (media_type == kManifestType || media_type == kDockerManifest) return OciKind::kManifest;
  if (media_type == kIndexType || media_type == kDockerList) return OciKind::kIndex;
  return OciKind::kUnknown;
}

std::string HexOf(std::string_view digest) {
  if (!digest.starts_with(kDigestPrefix)) return {};
  digest.remove_prefix(kDigestPrefix.size());
  return IsDigest(digest) ? std::string(digest) : std::string();
}

absl::StatusOr<OciDocument> ParseOciDocument(std::string_view text, std::string_view media_type) {
  const Json json = ParseJson(text);
  if (!json.is_object()) return Invalid("not a JSON object, or one nested too deep");
  const Json* version = Member(json, "schemaVersion");
  if (version == nullptr || *version != 2) return Invalid("its schemaVersion is not 2");
  const auto type = MediaTypeOf(json, media_type);
  if (!type.ok()) return type.status();
  // Bytes that are both would be one thing here and another elsewhere (CVE-2021-41190).
  const bool is_manifest = OciKindOf(*type) == OciKind::kManifest;
  if (is_manifest ? Member(json, "manifests") != nullptr
                  : Member(json, "layers") != nullptr || Member(json, "config") != nullptr) {
    return Invalid("an image manifest and an index at once");
  }
  OciDocument document{.media_type = *type, .artifact_type = TextAt(json, "artifactType")};
  const absl::Status parts = is_manifest ? ParseManifestParts(json, document)
                                         : ParseList(json, "manifests", document.manifests);
  if (!parts.ok()) return parts;
  if (const Json* subject = Member(json, "subject"); subject != nullptr && !subject->is_null()) {
    const auto descriptor = ParseDescriptor(*subject, "subject");
    if (!descriptor.ok()) return descriptor.status();
    document.subject = descriptor->digest;
  }
  const Json* annotations = Member(json, "annotations");
  if (annotations == nullptr || !annotations->is_object()) return document;
  for (const auto& [key, value] : annotations->items()) {
    if (value.is_string()) document.annotations[key] = value.get<std::string>();
  }
  return document;
}

}  // namespace slipway::control
