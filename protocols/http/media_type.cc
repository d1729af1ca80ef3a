// SPDX-License-Identifier: Apache-2.0
//
// One table. Everything a boot loader reads as text is text/plain, so that a person's browser
// shows it; all else is bytes.
#include "protocols/http/media_type.h"

#include "protocols/http/request.h"

namespace slipway::http {
namespace {

struct Row {
  std::string_view extension;
  std::string_view media_type;
};

constexpr Row kRows[] = {
    {"efi", "application/efi"},
    {"img", "application/vnd.efi-img"},
    {"iso", "application/vnd.efi-iso"},
    {"txt", "text/plain"},
    {"cfg", "text/plain"},
    {"conf", "text/plain"},
    {"ipxe", "text/plain"},
    {"json", "application/json"},
    {"gz", "application/gzip"},
    {"xz", "application/x-xz"},
    {"zst", "application/zstd"},
    {"tar", "application/x-tar"},
};

}  // namespace

std::string_view MediaTypeOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  const std::string_view extension = dot == name.npos ? "" : name.substr(dot + 1);
  for (const Row& row : kRows) {
    if (EqualIgnoringCase(extension, row.extension)) return row.media_type;
  }
  return "application/octet-stream";
}

}  // namespace slipway::http
