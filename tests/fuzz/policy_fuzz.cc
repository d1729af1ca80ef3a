// SPDX-License-Identifier: Apache-2.0
//
// One text as a selector and as a boot plan, and as the JSON of a rule and of a rollout; what is
// taken is written and read again as the same, as the catalog does.
#include "control/parse_json.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "protocols/base/bytes.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const std::string text(slipway::AsText({data, size}));
  const auto selector = Selector::Parse(text);
  SLIPWAY_CHECK(!selector.ok() || Selector::Parse(selector->ToString()).value() == *selector);
  const auto plan = ParseBootPlan(text);
  SLIPWAY_CHECK(!plan.ok() || ParseBootPlan(ToString(*plan)).value() == *plan);
  const auto again = [](const auto& value) { return ParseJson(ToJson(value).dump()); };
  const auto rule = ParseRule("fuzz", ParseJson(text));
  SLIPWAY_CHECK(!rule.ok() || again(ParseRule("fuzz", again(*rule)).value()) == again(*rule));
  const ImageSetName tag{"debian", "stable"};
  const auto rollout = ParseRollout(tag, ParseJson(text));
  SLIPWAY_CHECK(!rollout.ok() ||
                again(ParseRollout(tag, again(*rollout)).value()) == again(*rollout));
  return 0;
}
