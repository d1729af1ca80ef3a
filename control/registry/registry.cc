// SPDX-License-Identifier: Apache-2.0
#include "control/registry/registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "control/image_store/files.h"
#include "control/image_store/image_set.h"
#include "control/image_store/oci.h"
#include "control/registry/path.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

RegistryError OwnFault(const absl::Status& status) {
  const int code = status.code() == absl::StatusCode::kUnavailable ? 503 : 500;
  return {code, "UNSUPPORTED", MessageOf(status)};
}

RegistryError UnknownManifest(const std::string& name, const std::string& reference) {
  return {404, "MANIFEST_UNKNOWN", Text(name, ": no manifest ", reference)};
}

RegistryError UnknownBlob(const std::string& digest) {
  return {404, "BLOB_UNKNOWN", Text("no blob ", digest)};
}

RegistryError InvalidDigest(const std::string& digest) {
  return {400, "DIGEST_INVALID", Text("\"", digest, "\": digests are sha256: and 64 hex digits")};
}

struct ErrorWord {
  absl::StatusCode code;
  int status;
  std::string_view word;
};
// Why a manifest was not taken.
constexpr ErrorWord kPutErrors[] = {{absl::StatusCode::kNotFound, 404, "MANIFEST_BLOB_UNKNOWN"},
                                    {absl::StatusCode::kInvalidArgument, 400, "MANIFEST_INVALID"},
                                    {absl::StatusCode::kFailedPrecondition, 403, "DENIED"},
                                    {absl::StatusCode::kUnavailable, 507, "UNSUPPORTED"}};
// Why an upload does not go on.
constexpr ErrorWord kUploadErrors[] = {
    {absl::StatusCode::kNotFound, 404, "BLOB_UPLOAD_UNKNOWN"},
    {absl::StatusCode::kDataLoss, 400, "DIGEST_INVALID"},
    {absl::StatusCode::kOutOfRange, 413, "SIZE_INVALID"},
    {absl::StatusCode::kAborted, 429, "TOOMANYREQUESTS"},
    {absl::StatusCode::kResourceExhausted, 429, "TOOMANYREQUESTS"},
    {absl::StatusCode::kUnavailable, 507, "BLOB_UPLOAD_INVALID"}};

RegistryError ErrorOf(std::span<const ErrorWord> words, const absl::Status& status) {
  for (const ErrorWord& each : words) {
    if (each.code == status.code()) {
      return {each.status, std::string(each.word), MessageOf(status)};
    }
  }
  return OwnFault(status);
}

nlohmann::json ReferrerOf(const IndexEntry& entry, const OciDocument& document) {
  nlohmann::json json = {{"mediaType", entry.media_type},
                         {"digest", Text(kDigestPrefix, entry.digest)},
                         {"size", entry.size}};
  if (!document.artifact_type.empty()) json["artifactType"] = document.artifact_type;
  if (!document.annotations.empty()) json["annotations"] = document.annotations;
  return json;
}

}  // namespace

Registry::Registry(Core& core)
    : core_(core),
      uploads_(core.image_store().incoming(), core.image_store().blobs(),
               core.config().upload_max) {}

std::variant<std::monostate, RegistryError> Registry::CheckName(const std::string& name) {
  if (IsRepositoryName(name)) return std::monostate();
  return RegistryError{400, "NAME_INVALID",
                       Text("\"", name,
                            "\": names are lower-case letters and digits, with single . or _, __ "
                            "or - between them, and slashes between such parts")};
}

std::variant<std::monostate, RegistryError> Registry::CheckNameOfPush(const std::string& name) {
  const absl::Status status = CheckNewName(name);
  if (!status.ok()) return RegistryError{400, "NAME_INVALID", MessageOf(status)};
  return CheckName(name);
}

OrError<std::vector<IndexEntry>> Registry::EntriesOf(const std::string& name) const {
  const auto checked = CheckName(name);
  if (const auto* error = std::get_if<RegistryError>(&checked)) return *error;
  auto entries = core_.image_store().Entries();
  if (!entries.ok()) return OwnFault(entries.status());
  std::erase_if(*entries, [&](const IndexEntry& entry) { return entry.Repository() != name; });
  return *std::move(entries);
}

OrError<FoundManifest> Registry::Manifest(const std::string& name,
                                          const std::string& reference) const {
  const auto entries = EntriesOf(name);
  if (const auto* error = std::get_if<RegistryError>(&entries)) return *error;
  const std::string digest = HexOf(reference);
  FoundManifest found;
  for (const IndexEntry& entry : std::get<0>(entries)) {
    if (digest.empty() ? entry.Tag() == reference : entry.digest == digest) {
      found.digest = entry.digest;
      found.media_type = entry.media_type;
      break;
    }
    // An index that another tool put into the layout: its parts have no entries of their own.
    const bool is_index = OciKindOf(entry.media_type) == OciKind::kIndex;
    if (digest.empty() || !is_index || !found.digest.empty()) continue;
    const auto document = core_.image_store().Document(entry);
    if (absl::IsUnavailable(document.status())) return OwnFault(document.status());
    if (!document.ok()) continue;  // damaged or gone, which the others are not
    const auto part = std::ranges::find((*document)->manifests, digest, &Descriptor::digest);
    if (part == (*document)->manifests.end()) continue;
    found.digest = digest;
    found.media_type = part->media_type;
  }
  if (found.digest.empty()) return UnknownManifest(name, reference);
  auto text = ReadFile(core_.image_store().BlobPath(found.digest), std::size_t{16} << 20);
  if (text.status().code() == absl::StatusCode::kNotFound) return UnknownManifest(name, reference);
  if (!text.ok()) return OwnFault(text.status());
  if (Sha256Hex(AsBytes(*text)) != found.digest) {
    return RegistryError{500, "MANIFEST_INVALID", "the stored manifest is damaged; push it again"};
  }
  found.text = *std::move(text);
  return found;
}

OrError<PutManifestReply> Registry::PutManifest(ManifestUpload upload, const Actor& actor) {
  const auto checked = CheckNameOfPush(upload.name);
  if (const auto* error = std::get_if<RegistryError>(&checked)) return *error;
  const bool by_digest = upload.reference.find(':') != std::string::npos;
  if (by_digest && HexOf(upload.reference) != Sha256Hex(AsBytes(upload.text))) {
    return RegistryError{400, "DIGEST_INVALID",
                         Text("the manifest's bytes are sha256:", Sha256Hex(AsBytes(upload.text)),
                              ", not ", upload.reference)};
  }
  if (!by_digest && !IsTag(upload.reference)) {
    return RegistryError{400, "MANIFEST_INVALID",
                         Text("\"", upload.reference,
                              "\": tags are at most 128 letters, digits, _, . and -, and begin "
                              "with none of the last two")};
  }
  const auto entry = core_.PutManifest({.repository = upload.name,
                                        .tag = by_digest ? "" : upload.reference,
                                        .media_type = std::move(upload.media_type),
                                        .text = std::move(upload.text)},
                                       actor);
  if (!entry.ok()) return ErrorOf(kPutErrors, entry.status());
  const auto document = core_.image_store().Document(*entry);
  if (!document.ok()) return OwnFault(document.status());
  return PutManifestReply{.digest = entry->digest, .subject = (*document)->subject};
}

OrError<std::monostate> Registry::RemoveManifest(const std::string& name,
                                                 const std::string& reference, const Actor& actor) {
  const auto entries = EntriesOf(name);
  if (const auto* error = std::get_if<RegistryError>(&entries)) return *error;
  if (std::get<0>(entries).empty()) {
    return RegistryError{404, "NAME_UNKNOWN", Text(name, ": no such repository")};
  }
  const absl::Status status = core_.RemoveManifest(name, reference, actor);
  if (status.ok()) return std::monostate();
  if (status.code() == absl::StatusCode::kNotFound) return UnknownManifest(name, reference);
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    return RegistryError{405, "DENIED", MessageOf(status)};
  }
  return OwnFault(status);
}

OrError<std::vector<std::string>> Registry::Tags(const std::string& name) const {
  const auto entries = EntriesOf(name);
  if (const auto* error = std::get_if<RegistryError>(&entries)) return *error;
  if (std::get<0>(entries).empty()) {
    return RegistryError{404, "NAME_UNKNOWN", Text(name, ": no such repository")};
  }
  std::vector<std::string> tags;
  for (const IndexEntry& entry : std::get<0>(entries)) {
    if (!entry.Tag().empty()) tags.emplace_back(entry.Tag());
  }
  return tags;
}

OrError<std::vector<std::string>> Registry::Repositories() const {
  const auto entries = core_.image_store().Entries();
  if (!entries.ok()) return OwnFault(entries.status());
  std::vector<std::string> names;
  for (const IndexEntry& entry : *entries) {
    if (IsRepositoryName(entry.Repository())) names.emplace_back(entry.Repository());
  }
  return names;
}

OrError<std::string> Registry::Referrers(const std::string& name, const std::string& digest,
                                         const std::string& artifact_type) const {
  const auto entries = EntriesOf(name);
  if (const auto* error = std::get_if<RegistryError>(&entries)) return *error;
  const std::string subject = HexOf(digest);
  if (subject.empty()) return InvalidDigest(digest);
  nlohmann::json index = {
      {"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", nlohmann::json::array()}};
  std::set<std::string> seen;
  for (const IndexEntry& entry : std::get<0>(entries)) {
    if (OciKindOf(entry.media_type) == OciKind::kUnknown) continue;
    const auto document = core_.image_store().Document(entry);
    if (absl::IsUnavailable(document.status())) return OwnFault(document.status());
    if (!document.ok()) continue;  // damaged or gone, which the others are not
    const OciDocument& each = **document;
    const bool fits = artifact_type.empty() || each.artifact_type == artifact_type;
    if (each.subject != subject || !fits || !seen.insert(entry.digest).second) continue;
    index["manifests"].push_back(ReferrerOf(entry, each));
  }
  return index.dump() + "\n";
}

OrError<FoundBlob> Registry::Blob(const std::string& name, const std::string& digest) const {
  const auto checked = CheckName(name);
  if (const auto* error = std::get_if<RegistryError>(&checked)) return *error;
  const std::string hex = HexOf(digest);
  if (hex.empty()) return InvalidDigest(digest);
  FoundBlob found{.path = core_.image_store().BlobPath(hex)};
  std::error_code error;
  found.size = std::filesystem::file_size(found.path, error);
  if (error) return UnknownBlob(digest);
  return found;
}

OrError<std::monostate> Registry::RemoveBlob(const std::string& name, const std::string& digest) {
  const auto blob = Blob(name, digest);
  if (const auto* error = std::get_if<RegistryError>(&blob)) return *error;
  const absl::Status status = core_.image_store().RemoveBlob(HexOf(digest));
  if (status.ok()) return std::monostate();
  if (status.code() == absl::StatusCode::kNotFound) return UnknownBlob(digest);
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    return RegistryError{405, "DENIED", MessageOf(status)};
  }
  return OwnFault(status);
}

RegistryError Registry::UploadError(const absl::Status& status) {
  return ErrorOf(kUploadErrors, status);
}

}  // namespace slipway::control
