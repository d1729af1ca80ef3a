// SPDX-License-Identifier: Apache-2.0
//
// A path under /machine/: whatever is found is the machine's whose digits the key has, and is the
// file that the path ends with.
#include "protocols/base/check.h"
#include "protocols/http/machine_catalog.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static const auto files = std::make_shared<const http::MachineFiles>(http::MachineFiles{
      .mac = MacAddress::Parse("52:54:00:12:34:56"),
      .uuid = Uuid::Parse("0a1b2c3d-0001-0002-0003-000000000001"),
      .files = {{.path = "/machine/m/boot.ipxe"}, {.path = "/machine/m/user-data"}}});
  static const http::MachineCatalog catalog({files});
  const std::string_view path = AsText({data, size});
  const http::Resource* const found = catalog.Find(path);
  if (found == nullptr) return 0;
  SLIPWAY_CHECK(path.starts_with(http::kMachinePrefix));
  SLIPWAY_CHECK(std::string_view(found->path).substr(10) == path.substr(path.rfind('/')));
  std::string digits;
  for (const char c : path.substr(9, path.rfind('/') - 9)) {
    if (c != ':' && c != '-') digits += static_cast<char>(c | 0x20);
  }
  SLIPWAY_CHECK(digits == "525400123456" || digits == "01525400123456" ||
                digits == "0a1b2c3d000100020003000000000001");
  return 0;
}
