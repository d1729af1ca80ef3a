// SPDX-License-Identifier: Apache-2.0
//
// Facts: an event's text as words of the form name=number (event.h), written without a formatter:
// two of them are made for each connection.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

#include "dataplane/event.h"

namespace slipway::dataplane {

// Appends to the text of one event; what does not fit whole is left out.
class Facts {
 public:
  explicit Facts(Event& event) : event_(event) {}

  void Add(std::string_view name, std::integral auto value) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    Add(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }
  void Add(std::string_view name, std::string_view value) {
    const std::string_view blank = event_.text_size == 0 ? "" : " ";
    const std::size_t size = blank.size() + name.size() + 1 + value.size();
    if (event_.text_size + size > Event::kTextMax) return;
    for (const std::string_view part : {blank, name, std::string_view("="), value}) {
      part.copy(event_.text_bytes.data() + event_.text_size, part.size());
      event_.text_size = static_cast<std::uint8_t>(event_.text_size + part.size());
    }
  }

 private:
  Event& event_;
};

}  // namespace slipway::dataplane
