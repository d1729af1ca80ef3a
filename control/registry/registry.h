// SPDX-License-Identifier: Apache-2.0
//
// Registry: what distribution-spec 1.1 lets clients do, over the core and its image store. No
// transport: names come in as text, and answers go out as values.
//
// Invariants: a blob is visible once its bytes were found to be its digest's; a manifest once all
// it names is here; what something leads to is not deleted. Any thread may call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/access/actor.h"
#include "control/image_store/uploads.h"
#include "control/serve/core.h"

namespace slipway::control {

// An error as the specification words it.
struct RegistryError {
  int status = 500;     // of HTTP
  std::string code;     // one of the specification's, such as MANIFEST_UNKNOWN
  std::string message;  // what, and what to do
};
template <class T>
using OrError = std::variant<T, RegistryError>;

struct FoundManifest {
  std::string text;
  std::string media_type;
  std::string digest;  // hex, as all here
};
struct PutManifestReply {
  std::string digest;
  std::string subject;  // hex; empty when it has none
};
struct FoundBlob {
  std::filesystem::path path;
  std::uint64_t size = 0;  // bytes
};
// A manifest that comes in.
struct ManifestUpload {
  std::string name;
  std::string reference;   // tag or digest
  std::string media_type;  // without parameters; may be empty
  std::string text;
};

class Registry {
 public:
  explicit Registry(Core& core);

  OrError<FoundManifest> Manifest(const std::string& name, const std::string& reference) const;
  // Noted in the audit log as the actor's.
  OrError<PutManifestReply> PutManifest(ManifestUpload upload, const Actor& actor);
  // Of a tag, or of a manifest with all its tags in the repository.
  OrError<std::monostate> RemoveManifest(const std::string& name, const std::string& reference,
                                         const Actor& actor);

  OrError<std::vector<std::string>> Tags(const std::string& name) const;
  OrError<std::vector<std::string>> Repositories() const;
  // An image index of what has `digest` as its subject; of one artifact type where that is given.
  OrError<std::string> Referrers(const std::string& name, const std::string& digest,
                                 const std::string& artifact_type) const;

  OrError<FoundBlob> Blob(const std::string& name, const std::string& digest) const;
  OrError<std::monostate> RemoveBlob(const std::string& name, const std::string& digest);

  Uploads& uploads() { return uploads_; }
  // What the sessions' errors are called.
  static RegistryError UploadError(const absl::Status& status);
  // An error when it is not of the grammar; nothing otherwise.
  static std::variant<std::monostate, RegistryError> CheckName(const std::string& name);
  // Nor when nothing may be pushed under it.
  static std::variant<std::monostate, RegistryError> CheckNameOfPush(const std::string& name);

 private:
  OrError<std::vector<IndexEntry>> EntriesOf(const std::string& name) const;

  Core& core_;
  Uploads uploads_;
};

}  // namespace slipway::control
