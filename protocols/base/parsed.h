// SPDX-License-Identifier: Apache-2.0
//
// Parsed<T>: a value, or the named reason why the bytes were not one. (std::expected is C++23.)
#pragma once

#include <utility>
#include <variant>

#include "protocols/base/drop.h"

namespace slipway {

template <class T>
class [[nodiscard]] Parsed {
 public:
  Parsed(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor): reads as a return
  Parsed(Drop drop) : state_(drop) {}            // NOLINT(google-explicit-constructor): as above

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }
  // Drop::kNone when there is a value.
  Drop drop() const { return ok() ? Drop::kNone : *std::get_if<Drop>(&state_); }

  // The value; ok() must hold.
  const T& value() const { return *std::get_if<T>(&state_); }
  T& value() { return *std::get_if<T>(&state_); }
  const T& operator*() const { return value(); }
  T& operator*() { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  std::variant<T, Drop> state_;
};

}  // namespace slipway
