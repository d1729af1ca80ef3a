// SPDX-License-Identifier: Apache-2.0
#include "control/serve/needs.h"

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>

#include "control/templates/variables.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr const char* kRamDisk = "ram-disk";
constexpr const char* kMemory = "memory-mib";

using Words = std::map<std::string, std::string>;

// Empty: it is not there.
std::string ValueOf(const Words& words, const char* key) {
  const auto found = words.find(key);
  return found == words.end() ? "" : found->second;
}

std::optional<std::uint64_t> NumberIn(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::string> UnmetNeeds(const ImageSet& set, std::string_view client,
                                    const Machine* machine) {
  const Machine unknown{};
  const Machine& known = machine == nullptr ? unknown : *machine;
  const Words& labels = known.labels;
  std::vector<std::string> unmet;
  if (ValueOf(set.needs, kRamDisk) == "true") {
    const std::string files =
        Text("import what is in it: slipway image import FILE ", set.reference, " --as tree");
    if (client == "ipxe") {
      unmet.push_back(Text(
          "needs firmware that makes a RAM disk of it (", kRamDisk,
          "), and iPXE, which asks for it here, makes none: boot it by UEFI HTTP boot without ",
          "iPXE, or ", files));
    } else if (ValueOf(labels, kRamDisk) == "false") {
      unmet.push_back(Text("needs firmware that makes a RAM disk of it, and the machine's label ",
                           kRamDisk, "=false says that this one does not: ", files));
    }
  }
  const std::string said = ValueOf(labels, kMemory);
  const auto needed = NumberIn(ValueOf(set.needs, kMemory));
  const auto there = NumberIn(said);
  if (needed && there && *there < *needed) {
    unmet.push_back(Text("needs ", kMemory, '=', *needed, ", and the machine's label says ", *there,
                         ": assign a smaller image set, or give it more memory and correct the ",
                         "label: slipway machine label ", KeyOf(known), ' ', kMemory, "=MIB"));
  }
  return unmet;
}

}  // namespace slipway::control
