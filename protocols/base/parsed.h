// SPDX-License-Identifier: Apache-2.0
//
// Parsed<T>: a value, or the named reason why the bytes were not one. (std::expected is C++23.)
#pragma once

#include <utility>
#include <variant>

#include "protocols/base/check.h"
#include "protocols/base/drop.h"

namespace slipway {

template <class T>
class [[nodiscard]] Parsed {
 public:
  // Implicit: a parser returns one or the other.
  Parsed(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Parsed(Drop drop) : state_(drop) {}            // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }
  // Drop::kNone when there is a value.
  Drop drop() const {
    const Drop* drop = std::get_if<Drop>(&state_);
    return drop == nullptr ? Drop::kNone : *drop;
  }

  // The value; ok() must hold, and is checked.
  const T& value() const {
    const T* value = std::get_if<T>(&state_);
    SLIPWAY_CHECK(value != nullptr);
    return *value;
  }
  T& value() {
    T* value = std::get_if<T>(&state_);
    SLIPWAY_CHECK(value != nullptr);
    return *value;
  }
  const T& operator*() const { return value(); }
  T& operator*() { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  std::variant<T, Drop> state_;
};

}  // namespace slipway
