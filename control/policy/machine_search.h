// SPDX-License-Identifier: Apache-2.0
//
// MachineSearch: which machines are found by a text that somebody types. Each of its words stands
// somewhere in what the catalog has of the machine: MAC, UUID, name, serial number, image set, a
// group, or a label as key=value. Small and capital letters are the same, and a MAC may be written
// with '-'. For people: what must mean the same tomorrow is a selector (selector.h).
//
// An empty text finds every machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/policy/machine.h"

namespace slipway::control {

class MachineSearch {
 public:
  explicit MachineSearch(std::string_view text);

  bool Finds(const Machine& machine) const;

 private:
  struct Word {
    std::string text;    // in small letters
    std::string of_mac;  // the same with ':' for '-'
  };
  std::vector<Word> words_;
};

}  // namespace slipway::control
