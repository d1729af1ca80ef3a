// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "control/image_store/oci.h"
#include "control/image_store/refusal.h"
#include "control/parse_json.h"

namespace slipway::control {
namespace {

using Json = nlohmann::json;

constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kCreated = "dev.slipway.created";
constexpr const char* kRepository = "dev.slipway.repository";
constexpr const char* kUntagged = "dev.slipway.untagged";

std::string TextAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t SecondsAt(const Json& object, const char* key) {
  return std::strtoll(TextAt(object, key).c_str(), nullptr, 10);
}

Json ToJson(const IndexEntry& entry) {
  Json annotations = Json::object();
  if (!entry.reference.empty()) annotations[kRefName] = entry.reference;
  if (!entry.repository.empty()) annotations[kRepository] = entry.repository;
  if (entry.created != 0) annotations[kCreated] = std::to_string(entry.created);
  if (entry.untagged != 0) annotations[kUntagged] = std::to_string(entry.untagged);
  Json json = {{"mediaType", entry.media_type},
               {"digest", std::string(kDigestPrefix) + entry.digest},
               {"size", entry.size},
               {"annotations", std::move(annotations)}};
  if (!entry.artifact_type.empty()) json["artifactType"] = entry.artifact_type;
  return json;
}

}  // namespace

std::string_view IndexEntry::Repository() const {
  if (reference.empty()) return repository;
  return std::string_view(reference).substr(0, reference.rfind(':'));
}

std::string_view IndexEntry::Tag() const {
  const std::size_t colon = reference.rfind(':');
  return colon == reference.npos ? std::string_view()
                                 : std::string_view(reference).substr(colon + 1);
}

absl::StatusOr<std::vector<IndexEntry>> ParseIndex(std::string_view text,
                                                   const std::string& where) {
  const Json index = ParseJson(text);
  const absl::Status damaged =
      Refuse(absl::StatusCode::kDataLoss,
             {.where = where,
              .what = "not an OCI image index",
              .remedy = "put back a copy, or remove it and import the image sets again"});
  if (!index.is_object() || !index.contains("manifests") || !index["manifests"].is_array()) {
    return damaged;
  }
  const Json none = Json::object();
  std::vector<IndexEntry> entries;
  for (const Json& manifest : index["manifests"]) {
    if (!manifest.is_object()) return damaged;
    const auto has_annotations = manifest.find("annotations");
    const Json& annotations = has_annotations == manifest.end() ? none : *has_annotations;
    const auto size = manifest.find("size");
    IndexEntry entry{.digest = HexOf(TextAt(manifest, "digest"))};
    if (!annotations.is_object() || entry.digest.empty() || size == manifest.end() ||
        !size->is_number_unsigned()) {
      return damaged;
    }
    entry.reference = TextAt(annotations, kRefName);
    entry.repository = TextAt(annotations, kRepository);
    entry.size = size->get<std::uint64_t>();
    entry.media_type = TextAt(manifest, "mediaType");
    if (entry.media_type.empty()) entry.media_type = kManifestType;
    entry.artifact_type = TextAt(manifest, "artifactType");
    entry.created = SecondsAt(annotations, kCreated);
    entry.untagged = SecondsAt(annotations, kUntagged);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string IndexText(std::vector<IndexEntry> entries) {
  std::ranges::sort(entries, {}, [](const IndexEntry& entry) {
    return std::tie(entry.reference, entry.repository, entry.digest);
  });
  Json index = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", Json::array()}};
  for (const IndexEntry& entry : entries) index["manifests"].push_back(ToJson(entry));
  return index.dump(2) + "\n";
}

void PutEntry(std::vector<IndexEntry>& entries, IndexEntry entry, std::int64_t now) {
  const std::string repository(entry.Repository());
  const auto is_named = [&](const std::string& digest) {
    return std::ranges::any_of(entries, [&](const IndexEntry& each) {
      return each.digest == digest && each.Repository() == repository;
    });
  };
  if (entry.reference.empty()) {
    if (is_named(entry.digest)) return;
    entry.untagged = now;
    entries.push_back(std::move(entry));
    return;
  }
  std::vector<IndexEntry> displaced;
  std::erase_if(entries, [&](const IndexEntry& each) {
    if (each.reference == entry.reference) {
      displaced.push_back(each);
      return true;
    }
    return each.reference.empty() && each.repository == repository && each.digest == entry.digest;
  });
  entries.push_back(std::move(entry));
  for (IndexEntry& each : displaced) {
    if (is_named(each.digest)) continue;
    each.reference.clear();
    each.repository = repository;
    each.untagged = now;
    entries.push_back(std::move(each));
  }
}

}  // namespace slipway::control
