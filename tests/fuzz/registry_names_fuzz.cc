// SPDX-License-Identifier: Apache-2.0
//
// One text as a path below /v2/, as what is pulled, as a challenge and as an https URL: what is
// taken keeps the grammar, and is written and read again as the same.
#include "control/registry/path.h"
#include "control/registry/remote_name.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const std::string text(slipway::AsText({data, size}));
  const RegistryPath path = ParseRegistryPath(text);
  SLIPWAY_CHECK(path.resource != RegistryResource::kManifest || path.name.empty() ||
                "/v2/" + path.name + "/manifests/" + path.reference == text);
  if (const auto name = RemoteName::Parse(text)) {
    SLIPWAY_CHECK(IsRepositoryName(name->repository) && IsTag(name->tag));
    SLIPWAY_CHECK(RemoteName::Parse(name->ToString()).value().ToString() == name->ToString());
  }
  const auto challenge = ParseChallenge(text);
  SLIPWAY_CHECK(!challenge || challenge->scheme.find(' ') == std::string::npos);
  const auto url = ParseSecureUrl(text);
  if (!url) return 0;
  SLIPWAY_CHECK(url->port > 0 && url->port < 65536 && url->target.find('#') == std::string::npos);
  const std::string again = "https://" + url->host + ":" + std::to_string(url->port) + url->target;
  SLIPWAY_CHECK(ParseSecureUrl(again).value().target == url->target);
  return 0;
}
