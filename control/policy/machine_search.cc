// SPDX-License-Identifier: Apache-2.0
#include "control/policy/machine_search.h"

#include <algorithm>

#include "control/text.h"

namespace slipway::control {
namespace {

char Small(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// `word` is in small letters.
bool Has(std::string_view text, std::string_view word) {
  const auto* const found =
      std::search(text.begin(), text.end(), word.begin(), word.end(),
                  [](char letter, char wanted) { return Small(letter) == wanted; });
  return found != text.end();
}

}  // namespace

MachineSearch::MachineSearch(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end != 0) {
      Word word{.text = std::string(text.substr(0, end)), .of_mac = {}};
      std::ranges::transform(word.text, word.text.begin(), Small);
      word.of_mac = word.text;
      std::ranges::replace(word.of_mac, '-', ':');
      words_.push_back(std::move(word));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool MachineSearch::Finds(const Machine& machine) const {
  if (words_.empty()) return true;
  const std::string mac = machine.mac ? machine.mac->ToString() : "";
  std::vector<std::string> texts = {machine.name, machine.serial,
                                    machine.uuid ? machine.uuid->ToString() : "",
                                    machine.image_set ? machine.image_set->ToString() : ""};
  texts.insert(texts.end(), machine.groups.begin(), machine.groups.end());
  for (const auto& [key, value] : machine.labels) texts.push_back(Text(key, '=', value));
  return std::ranges::all_of(words_, [&](const Word& word) {
    return Has(mac, word.of_mac) || std::ranges::any_of(texts, [&](const std::string& text) {
             return Has(text, word.text);
           });
  });
}

}  // namespace slipway::control
