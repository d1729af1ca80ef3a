// SPDX-License-Identifier: Apache-2.0
//
// Freed: std::unique_ptr's deleter for what OpenSSL gives, by its function. Private to
// control/secure_boot.
#pragma once

namespace slipway::control {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace slipway::control
