// SPDX-License-Identifier: Apache-2.0
//
// A distribution's tree: a line for each of its files, and behind an empty line what stands in
// each. What is proposed is in the tree, and no placeholder is left in its arguments.
#include <set>

#include "control/image_store/layout.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const std::string_view all = slipway::AsText({data, size});
  const std::size_t end = std::min(all.find("\n\n"), all.size());
  std::set<std::string> paths;
  for (std::size_t at = 0; at < end; at = std::min(all.find('\n', at), end) + 1) {
    paths.emplace(all.substr(at, std::min(all.find('\n', at), end) - at));
  }
  ImageSet set{.boot = {{"x64", "images/pxeboot/vmlinuz"}}};
  for (const std::string& path : paths) set.files.push_back({.path = path});
  const auto layout = RecogniseLayout(
      set, [&](const ImageFile&) { return std::string(all.substr(std::min(end + 2, size))); });
  if (!layout) return 0;
  for (const BootProposal& boot : layout->boots) {
    SLIPWAY_CHECK(!boot.architecture.empty() && set.Find(boot.kernel) != nullptr);
    for (const std::string& initrd : boot.initrds) SLIPWAY_CHECK(set.Find(initrd) != nullptr);
    SLIPWAY_CHECK(Filled(boot.arguments, "h", "/p").find("{base}") == std::string::npos);
  }
  return 0;
}
