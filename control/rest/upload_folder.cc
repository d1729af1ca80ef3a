// SPDX-License-Identifier: Apache-2.0
#include "control/rest/upload_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "control/rest/bodies.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {

std::optional<UploadFolder> UploadFolder::Make(const std::filesystem::path& state,
                                               const httplib::Request& request,
                                               httplib::Response& response) {
  std::string pattern = (state / "upload-XXXXXX").string();
  if (::mkdtemp(pattern.data()) != nullptr) return UploadFolder(pattern);
  const int error = errno;
  ReplyProblem(response, 507,
               Text("no folder can be made in ", state.string(), ": ", std::strerror(error),
                    "; make room, and see whose it is"));
  SettleBody(request, response);
  return std::nullopt;
}

UploadFolder::~UploadFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::optional<std::filesystem::path> UploadFolder::Receive(const httplib::Request& request,
                                                           httplib::Response& response,
                                                           const httplib::ContentReader& reader,
                                                           std::uint64_t bytes_max) const {
  const std::string name =
      std::filesystem::path(request.get_param_value("file")).filename().string();
  if (name.empty() || name == "." || name == "..") {
    ReplyProblem(response, 400, "the upload has no name; add ?file=NAME to the address");
    SettleBody(request, response);
    return std::nullopt;
  }
  std::ofstream file(path_ / name, std::ios::binary);
  std::uint64_t size = 0;
  const bool whole = reader([&](const char* data, std::size_t piece) {
    size += piece;
    // A little more is passed over, so that the answer finds its way.
    if (size > bytes_max) return size - bytes_max <= kPassedOverMax;
    return file.write(data, static_cast<std::streamsize>(piece)).good();
  });
  file.close();
  if (size > bytes_max) {
    ReplyProblem(response, 413, Text("the upload has more than ", bytes_max, " bytes"));
  } else if (!file) {
    ReplyProblem(response, 507,
                 "the upload could not be written whole; make room on the state directory's disk");
  } else if (!whole) {
    ReplyProblem(response, 400, "the upload did not come whole; send it again");
  } else {
    return path_ / name;
  }
  if (!whole) EndConnection(response);
  return std::nullopt;
}

}  // namespace slipway::control
