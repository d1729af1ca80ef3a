// SPDX-License-Identifier: Apache-2.0
#include "control/serve/boot_log.h"

#include <algorithm>
#include <string>

#include "control/log.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Then all are forgotten: what is told twice at worst is not wrong.
constexpr std::size_t kMachinesMax = 65'536;

std::int64_t Nanoseconds(const Boot& boot) {
  const bool is_whole =
      boot.outcome == BootOutcome::kComplete && boot.complete_unix_nanoseconds != 0;
  const std::int64_t end = is_whole ? boot.complete_unix_nanoseconds : boot.last();
  return std::max<std::int64_t>(0, end - boot.began());
}

// "12.3"
std::string Tenths(std::int64_t nanoseconds) {
  const std::int64_t tenths = nanoseconds / 100'000'000;
  return Text(tenths / 10, '.', tenths % 10);
}

}  // namespace

bool BootLog::IsNew(const Boot& boot) {
  if (told_.size() >= kMachinesMax) told_.clear();
  Told& told = told_[boot.mac.value()];
  if (told.boot != boot.id) told = {.boot = boot.id};
  const unsigned bit = 1U << static_cast<unsigned>(boot.outcome);
  if ((told.outcomes & bit) != 0 && told.cause == boot.cause) return false;
  told.outcomes |= bit;
  told.cause = boot.cause;
  return ++told.lines <= kLinesPerBoot;
}

bool BootLog::MayTell(std::chrono::steady_clock::time_point now) {
  if (now - window_ >= std::chrono::seconds(1)) {
    window_ = now;
    lines_ = 0;
    if (left_out_ != 0) {
      LogWarning(
          Text(left_out_, " more boots ended than are told here; 'slipway boot list' has them"),
          {{"boots", static_cast<std::int64_t>(left_out_)}});
    }
    left_out_ = 0;
  }
  if (lines_ < kLinesPerSecond) return ++lines_ != 0;
  ++left_out_;
  return false;
}

void BootLog::Take(const Boot& boot, const BootMeter::Place& place,
                   std::chrono::steady_clock::time_point now) {
  if (boot.outcome == BootOutcome::kUnderWay || !IsNew(boot) || !MayTell(now)) return;
  const std::int64_t nanoseconds = Nanoseconds(boot);
  const bool has_address = !boot.address.is_unspecified();
  LogInfo(Text("boot of ", boot.mac.ToString(), ": ", Name(boot.outcome), " after ",
               Tenths(nanoseconds), " s: ", boot.words),
          {{"machine", boot.mac.ToString()},
           {"address", has_address ? boot.address.ToString() : std::string()},
           {"network", place.network},
           {"image_set", place.image_set},
           {"boot", boot.id},
           {"outcome", std::string(Name(boot.outcome))},
           {"cause", std::string(boot.cause)},
           {"seconds", static_cast<double>(nanoseconds) / 1e9}});
}

}  // namespace slipway::control
