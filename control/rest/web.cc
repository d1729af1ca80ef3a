// SPDX-License-Identifier: Apache-2.0
//
// The web page: GET / and its files under /web/. Open to everybody, for there is nothing in them;
// what they show comes from /api/v1, to whoever has signed in.
#include "control/rest/routes.h"
#include "control/web/assets.h"

namespace slipway::control {
namespace {

// Nothing but our own files runs, styles, shows and is asked; nothing may frame the page.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void Guard(httplib::Response& response) {
  response.set_header("Content-Security-Policy", std::string(kPolicy));
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Opener-Policy", "same-origin");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  response.set_header("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

void Serve(const httplib::Request& request, httplib::Response& response, const WebAsset& asset) {
  Guard(response);
  // Asked for again each time, so that page and program are of one version.
  response.set_header("Cache-Control", "no-cache");
  response.set_header("ETag", std::string(asset.etag));
  response.set_header("Vary", "Accept-Encoding");
  if (request.get_header_value("If-None-Match").find(asset.etag) != std::string::npos) {
    response.status = 304;
    return;
  }
  const bool gzip = request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
  if (gzip) response.set_header("Content-Encoding", "gzip");
  const auto bytes = gzip ? asset.gzip : asset.bytes;
  // A provider rather than a body: httplib would compress a body at each request. And one that is
  // not told the length, for httplib would hand it any Range that was asked for, beyond the end
  // too.
  response.status = 200;
  response.set_header("Content-Length", std::to_string(bytes.size()));
  response.set_content_provider(std::string(asset.media_type),
                                [bytes](std::size_t, httplib::DataSink& sink) {
                                  if (!sink.write(bytes.data(), bytes.size())) return false;
                                  sink.done();
                                  return true;
                                });
}

}  // namespace

void AddWeb(Router& router) {
  for (const WebAsset& asset : WebAssets()) {
    router.Get(asset.path, [&asset](const httplib::Request& request, httplib::Response& response) {
      Serve(request, response, asset);
    });
  }
}

}  // namespace slipway::control
