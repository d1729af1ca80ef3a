// SPDX-License-Identifier: Apache-2.0
//
// A live registry, and what is pushed to it: blobs, manifests of image sets and of others.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/image_store/digest.h"
#include "control/image_store/oci.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {

inline std::string DigestOf(const std::string& bytes) {
  return "sha256:" + Sha256Hex(AsBytes(bytes));
}

inline nlohmann::json DescriptorOf(const std::string& bytes, const std::string& type) {
  return {{"mediaType", type}, {"digest", DigestOf(bytes)}, {"size", bytes.size()}};
}

class RegistryTest : public RestTest {
 protected:
  static constexpr const char* kType = "application/octet-stream";

  // A blob in one request.
  int PushBlob(const std::string& name, const std::string& bytes) {
    const auto result =
        client_->Post(Text("/v2/", name, "/blobs/uploads/?digest=", DigestOf(bytes)), bytes, kType);
    return result ? result->status : 0;
  }
  // A session's path.
  std::string Begin(const std::string& name) {
    const auto result = client_->Post(Text("/v2/", name, "/blobs/uploads/"), "", kType);
    EXPECT_EQ(result->status, 202);
    return result->get_header_value("Location");
  }
  httplib::Result Patch(const std::string& session, const std::string& bytes,
                        const std::string& range = "") {
    httplib::Headers headers;
    if (!range.empty()) headers.emplace("Content-Range", range);
    return client_->Patch(session, headers, bytes, kType);
  }
  httplib::Result PutManifest(const std::string& name, const std::string& reference,
                              const std::string& text,
                              const std::string& type = std::string(kManifestType)) {
    return client_->Put(Text("/v2/", name, "/manifests/", reference), text, type);
  }
  // The manifest of an image set of one boot file, whose blobs are pushed.
  std::string PushSet(const std::string& name, const std::string& tag, const std::string& boot) {
    EXPECT_EQ(PushBlob(name, "{}"), 201);
    EXPECT_EQ(PushBlob(name, boot), 201);
    const std::string text = SetManifest(boot);
    const auto result = PutManifest(name, tag, text);
    EXPECT_EQ(result->status, 201) << result->body;
    return text;
  }
  static std::string SetManifest(const std::string& boot) {
    nlohmann::json layer = DescriptorOf(boot, "application/efi");
    layer["annotations"] = {{"org.opencontainers.image.title", "boot.efi"}};
    const nlohmann::json manifest = {
        {"schemaVersion", 2},
        {"mediaType", kManifestType},
        {"artifactType", kArtifactType},
        {"config", DescriptorOf("{}", "application/vnd.oci.empty.v1+json")},
        {"layers", {layer}},
        {"annotations", {{"dev.slipway.boot.x64", "boot.efi"}}}};
    return manifest.dump();
  }
  // A manifest of somebody else's, without layers, whose configuration is pushed.
  std::string OtherManifest(const std::string& name, const std::string& artifact_type,
                            const nlohmann::json& subject = nullptr,
                            const nlohmann::json& annotations = nlohmann::json::object()) {
    EXPECT_EQ(PushBlob(name, "{}"), 201);
    nlohmann::json manifest = {{"schemaVersion", 2},
                               {"mediaType", kManifestType},
                               {"config", DescriptorOf("{}", "application/vnd.oci.empty.v1+json")},
                               {"layers", nlohmann::json::array()},
                               {"annotations", annotations}};
    if (!artifact_type.empty()) manifest["artifactType"] = artifact_type;
    if (!subject.is_null()) manifest["subject"] = subject;
    return manifest.dump();
  }
  static std::string ErrorCode(const httplib::Result& result) {
    const auto json = nlohmann::json::parse(result->body, nullptr, false);
    if (!json.is_object() || !json.contains("errors")) return "no error: " + result->body;
    return json["errors"][0].value("code", "");
  }
  std::vector<std::string> Incoming() const {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_ / "state/images/.incoming")) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
};

}  // namespace slipway::control
