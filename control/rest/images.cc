// SPDX-License-Identifier: Apache-2.0
//
// Image sets: GET /images, GET|PUT|DELETE /images/name:tag. PUT with a JSON body {"path": ...}
// imports what lies on the server; with any other body, that body is one file ("?file=" names it).
#include <unistd.h>

#include <fstream>

#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json ToJson(const ImageSet& set, bool loaded) {
  nlohmann::json json = {{"reference", set.reference}, {"digest", set.digest},
                         {"created", set.created},     {"bytes", set.bytes()},
                         {"loaded", loaded},           {"boot", set.boot}};
  json["files"] = nlohmann::json::array();
  for (const ImageFile& file : set.files) {
    json["files"].push_back({{"path", file.path},
                             {"digest", file.digest},
                             {"bytes", file.size},
                             {"media_type", file.media_type}});
  }
  return json;
}

// A folder of one upload; gone with it.
class UploadFolder {
 public:
  explicit UploadFolder(const std::filesystem::path& state) {
    std::string pattern = (state / "upload-XXXXXX").string();
    const char* made = ::mkdtemp(pattern.data());
    if (made != nullptr) path_ = made;
  }
  ~UploadFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  UploadFolder(const UploadFolder&) = delete;
  UploadFolder& operator=(const UploadFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void ImportUpload(const httplib::Request& request, httplib::Response& response,
                  const httplib::ContentReader& reader, Core& core) {
  const std::string reference = request.matches[1];
  ImportOptions options;
  std::filesystem::path source;
  const UploadFolder folder(core.config().state_directory);
  if (request.get_header_value("Content-Type") == kJsonType) {
    std::string text;
    reader([&](const char* data, std::size_t size) {
      text.append(data, size);
      return text.size() < 65536;
    });
    const auto body = nlohmann::json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("path") || !body["path"].is_string()) {
      return ReplyProblem(response, 400, "the body names no path; send {\"path\": \"/dir\"}");
    }
    source = body["path"].get<std::string>();
    options.tree = body.value("tree", false);
    options.boot = body.value("boot", std::map<std::string, std::string>{});
  } else {
    const std::string name =
        std::filesystem::path(request.get_param_value("file")).filename().string();
    if (name.empty() || name == "." || name == "..") {
      return ReplyProblem(response, 400, "the upload has no name; add ?file=NAME to the address");
    }
    source = folder.path() / name;
    std::ofstream file(source, std::ios::binary);
    const bool whole = reader([&](const char* data, std::size_t size) {
      return file.write(data, static_cast<std::streamsize>(size)).good();
    });
    file.close();
    if (!whole || !file) {
      return ReplyProblem(response, 507,
                          "the upload could not be written whole; make room on the "
                          "state directory's disk");
    }
  }
  const auto set = core.ImportImage(source, reference, options);
  if (!set.ok()) return ReplyProblem(response, set.status());
  Reply(response, ToJson(*set, core.IsLoaded(*set)), 201);
}

}  // namespace

void AddImages(httplib::Server& server, Core& core) {
  server.Get("/api/v1/images", [&core](const httplib::Request&, httplib::Response& response) {
    const auto sets = core.Images();
    if (!sets.ok()) return ReplyProblem(response, sets.status());
    nlohmann::json list = nlohmann::json::array();
    for (const ImageSet& set : *sets) list.push_back(ToJson(set, core.IsLoaded(set)));
    Reply(response, list);
  });
  server.Get(R"(/api/v1/images/([^/]+))", [&core](const httplib::Request& request,
                                                  httplib::Response& response) {
    const auto sets = core.Images();
    if (!sets.ok()) return ReplyProblem(response, sets.status());
    const auto reference = CanonicalReference(request.matches[1].str());
    if (!reference.ok()) return ReplyProblem(response, reference.status());
    for (const ImageSet& set : *sets) {
      if (set.reference == *reference) return Reply(response, ToJson(set, core.IsLoaded(set)));
    }
    ReplyProblem(response, 404, Text(*reference, ": no such image set; see 'slipway image list'"));
  });
  server.Put(R"(/api/v1/images/([^/]+))",
             [&core](const httplib::Request& request, httplib::Response& response,
                     const httplib::ContentReader& reader) {
               ImportUpload(request, response, reader, core);
             });
  server.Delete(R"(/api/v1/images/([^/]+))",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  const auto reference = CanonicalReference(request.matches[1].str());
                  if (!reference.ok()) return ReplyProblem(response, reference.status());
                  if (absl::Status status = core.RemoveImage(*reference); !status.ok()) {
                    return ReplyProblem(response, status);
                  }
                  response.status = 204;
                });
}

}  // namespace slipway::control
