// SPDX-License-Identifier: Apache-2.0
//
// Any query to a zone with an origin: an answer within the limit, or a drop.
#include "protocols/base/check.h"
#include "protocols/dns/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static const dns::Zone zone = [] {
    dns::Zone made({.origin = *dns::Name::Parse("example")});
    SLIPWAY_CHECK(made.Add("boot.example", Ipv4Address(10, 0, 0, 1)));
    return made;
  }();
  std::array<std::uint8_t, dns::kAnswerSizeMax> out{};
  const auto answer = dns::Answer({data, size}, zone, {}, out);
  SLIPWAY_CHECK(!answer || (*answer >= 12 && *answer <= out.size()));
  SLIPWAY_CHECK(!dns::QuestionName({data, size}).text().empty() || size > 12);
  return 0;
}
