// SPDX-License-Identifier: Apache-2.0
//
// A template's text and, behind a NUL, what every variable is but x: it is read or refused, and
// comes out bounded and the same each time.
#include <algorithm>

#include "control/templates/mustache.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const auto input = slipway::AsText({data, size});
  const std::size_t cut = std::min(input.find('\0'), input.size());
  const std::optional<std::string> value(input.substr(std::min(cut + 1, input.size())));
  const auto lookup = [&](const std::string& name) { return name == "x" ? std::nullopt : value; };
  const auto read = Mustache::Parse(input.substr(0, cut));
  for (const Escape escape : {Escape::kNone, Escape::kJson, Escape::kXml}) {
    if (!read.ok()) break;
    const auto made = read->Render(lookup, escape);
    SLIPWAY_CHECK(made.text == read->Render(lookup, escape).text);
    SLIPWAY_CHECK(made.text.size() <= kDocumentBytesMax + 6 * value->size() + kTemplateBytesMax);
  }
  return 0;
}
