// SPDX-License-Identifier: Apache-2.0
//
// Take<T>: the only cast from bytes to a wire layout in the project, and it checks the length
// first. Layouts are trivially copyable, of alignment 1 (made of Big<T> and byte arrays), so any
// address will do.
#pragma once

#include <type_traits>

#include "protocols/base/bytes.h"

namespace slipway {

template <class T>
concept WireLayout = std::is_trivially_copyable_v<T> && alignof(T) == 1;

// The layout at the front of `bytes`, which moves past it; null, and `bytes` untouched, when short.
template <WireLayout T>
const T* Take(Bytes& bytes) {
  if (bytes.size() < sizeof(T)) return nullptr;
  const auto* layout = reinterpret_cast<const T*>(bytes.data());
  bytes = bytes.subspan(sizeof(T));
  return layout;
}

// The same for bytes to be written.
template <WireLayout T>
T* Place(MutableBytes& bytes) {
  if (bytes.size() < sizeof(T)) return nullptr;
  auto* layout = reinterpret_cast<T*>(bytes.data());
  bytes = bytes.subspan(sizeof(T));
  return layout;
}

}  // namespace slipway
