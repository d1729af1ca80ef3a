// SPDX-License-Identifier: Apache-2.0
//
// GET /backup: the state as one tar (?images=true: with the image files). The tar is written beside
// the state first, so that what is sent has a length and a cut-off copy is seen.
#include <fstream>
#include <memory>
#include <utility>

#include "control/rest/routes.h"
#include "control/rest/upload_folder.h"
#include "control/text.h"

namespace slipway::control {
namespace {

struct Sent {
  explicit Sent(UploadFolder made) : folder(std::move(made)) {}
  UploadFolder folder;
  std::ifstream stream;
};

void SendBackup(const httplib::Request& request, httplib::Response& response, Core& core) {
  const bool with_images = request.get_param_value("images") == "true";
  auto folder = UploadFolder::Make(core.config().state_directory, request, response);
  if (!folder) return;
  const auto sent = std::make_shared<Sent>(*std::move(folder));
  const auto tar = core.Backup(sent->folder.path(), with_images);
  if (!tar.ok()) return ReplyProblem(response, tar.status());
  sent->stream.open(*tar, std::ios::binary);
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(*tar, error);
  if (error || !sent->stream) {
    return ReplyProblem(response, 503, "the backup cannot be read again; try once more");
  }
  // It holds the CA's key: who took one is worth a record though nothing changed.
  core.Audit(RequestActor(request), "backup", nullptr, {{"bytes", size}, {"images", with_images}});
  response.set_header("Cache-Control", "no-store");
  response.set_content_provider(
      size, "application/x-tar",
      [sent](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        std::string piece(std::min<std::size_t>(length, std::size_t{1} << 20), '\0');
        sent->stream.seekg(static_cast<std::streamoff>(offset));
        sent->stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        const auto got = static_cast<std::size_t>(sent->stream.gcount());
        return got != 0 && sink.write(piece.data(), got);
      });
}

}  // namespace

void AddBackup(Router& router, Core& core) {
  router.Get("/api/v1/backup",
             [&core](const httplib::Request& request, httplib::Response& response) {
               SendBackup(request, response, core);
             });
}

}  // namespace slipway::control
