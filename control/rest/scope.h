// SPDX-License-Identifier: Apache-2.0
//
// The machines that a reader's scope takes in (access/actor.h), and of those the ones that a list
// is asked for: those of the catalog and of the configuration file that each selector means. A
// machine is known by its MAC; one whose MAC nobody has entered, by the UUID that its lease has.
// What neither is known by is in no scope, whatever the selector: labels are what decides, and it
// has none.
//
// What a scope is asked for is read from the catalog as it is then; nothing is kept between
// requests.
#pragma once

#include <httplib.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/policy/selector.h"
#include "control/serve/core.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"

namespace slipway::control {

class MachineScope {
 public:
  // Everything, and nothing is read, where the actor has no scope and `also` is empty. `also`: who
  // must be meant by it, too.
  static absl::StatusOr<MachineScope> Of(const Actor& actor, Core& core, const Selector& also = {});

  bool is_all() const { return is_all_; }
  bool TakesIn(const Machine& machine) const;
  bool TakesIn(const MacAddress& mac) const;
  bool TakesIn(const Uuid& uuid) const;
  // Each MAC that it takes in, once; not where it is everything.
  std::vector<MacAddress> Macs() const;

 private:
  void Add(const Machine& machine);
  bool Fits(const Machine& machine) const;

  bool is_all_ = true;
  std::vector<Selector> selectors_;
  // Whether it is in it, of every machine that is known by that.
  std::unordered_map<std::uint64_t, bool> by_mac_;
  std::map<Uuid, bool> by_uuid_;
};

// Of one machine, without reading all of them.
absl::StatusOr<bool> IsInScope(const Actor& actor, Core& core, const Machine& named);
inline absl::StatusOr<bool> IsInScope(const Actor& actor, Core& core, const MacAddress& mac) {
  Machine named;
  named.mac = mac;
  return IsInScope(actor, core, named);
}

// False, and 403 replied, where the machine is out of the scope of whoever asks. `named` has a MAC,
// a UUID, or both, of which each must be in it.
bool MayRead(const httplib::Request& request, httplib::Response& response, Core& core,
             const Machine& named);
bool MayRead(const httplib::Request& request, httplib::Response& response, Core& core,
             const MacAddress& mac);

}  // namespace slipway::control
