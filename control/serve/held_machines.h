// SPDX-License-Identifier: Apache-2.0
//
// HeldMachines: who asked to boot and was held (Drop::kDhcpHeld), in the catalog or not, for an
// operator who is to approve them: who they are as far as they said, which rule held them, since
// when and how often they have asked.
//
// They come from the steps of boots' stories, so they outlive the process as these do: a start
// takes them from what the archive has. Bounded: whoever makes up addresses takes the places of
// those that asked longest ago, which come back when they ask again; those are counted. That one
// began to wait is told, but not of a flood of them. Calls may come from any thread.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/boots/timelines.h"
#include "control/config/config.h"
#include "control/policy/machine.h"
#include "control/policy/rule.h"
#include "protocols/base/time.h"
#include "protocols/base/token_bucket.h"
#include "protocols/base/uuid.h"

namespace slipway::control {

struct HeldMachine {
  MacAddress mac;
  Uuid uuid;                       // !is_set(): it told none
  std::int64_t architecture = -1;  // option 93; -1: it told none
  std::string question;            // the text of its DISCOVER: boots/firmware.h reads it
  std::string rule;                // its name
  Ipv4Address network;             // the first address of it; 0.0.0.0: not known
  Ipv4Address relay;               // 0.0.0.0: it is on the wire itself
  std::int64_t first_unix_nanoseconds = 0;
  std::int64_t last_unix_nanoseconds = 0;
  std::uint64_t asked = 0;  // how often
};
// As the interface has it (rest/schemas.cc, HeldMachine), but for whether the catalog knows it.
// `config`: whose networks give its name.
nlohmann::json ToJson(const HeldMachine& held, const Config& config);
// Whether that rule holds it still. `machine`: as it is known now; null: it is not. One that its
// own record or its plan holds waits for no approval.
bool IsHeldByRule(const HeldMachine& held, const std::vector<Rule>& rules, const Machine* machine);

class HeldMachines {
 public:
  static constexpr std::size_t kMost = 4096;

  // Takes what a step says; `boot` has those before it. What is no held machine's is left alone.
  // What to tell of it, where it begins to wait by this and may be told.
  struct News {
    HeldMachine machine;
    std::uint64_t untold = 0;  // that began to wait since the last that was told
  };
  std::optional<News> Take(const Boot& boot, const BootStep& step, Time now);
  // Those of a story that was taken from the archive; nothing of it is news.
  void Restore(const Boot& boot);

  // It has been decided about: if it is held once more, that is news. By either name.
  void Forget(const Machine& machine);

  std::vector<HeldMachine> All() const;  // the one that asked last first
  struct Counts {
    std::size_t kept = 0;
    std::uint64_t pushed_out = 0;  // by others, since the start
  };
  Counts counts() const;

 private:
  using Order = std::list<HeldMachine>;

  // Nullptr where the step is no held machine's; `is_new`: it was not here.
  const HeldMachine* Note(const Boot& boot, const BootStep& step, bool& is_new);

  mutable std::mutex mutex_;  // what follows
  Order machines_;            // the one that asked last first
  std::unordered_map<std::uint64_t, Order::iterator> by_mac_;
  std::uint64_t pushed_out_ = 0;
  std::uint64_t untold_ = 0;
  TokenBucket news_{/*per_second=*/2, /*burst=*/32};
};

}  // namespace slipway::control
