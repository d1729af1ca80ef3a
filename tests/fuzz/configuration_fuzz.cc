// SPDX-License-Identifier: Apache-2.0
//
// One text as slipway.toml (without the files that it names), and as the JSON of a network beside
// those of a file; what is taken is told and read back as the same.
#include <array>

#include "control/config/networks.h"
#include "control/parse_json.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  static const ConfigResult file = ParseConfig(
      "[[port]]\ndevice = \"net_ring0\"\naddresses = [\"10.77.0.1/24\"]\n", "fuzz.toml");
  const std::string text(slipway::AsText({data, size}));
  std::vector<Problem> problems;
  static_cast<void>(ReadDocument(text, "fuzz.toml", problems));
  const NetworkDocument document{"fuzz", ParseJson(text)};
  const auto config = WithNetworks(*file.config, std::array{document});
  if (!config.ok()) return 0;
  const NetworkDocument again{"fuzz", ToJson(config->networks[0])};
  const auto second = WithNetworks(*file.config, std::array{again});
  SLIPWAY_CHECK(second.ok() && ToJson(second->networks[0]) == again.document);
  return 0;
}
