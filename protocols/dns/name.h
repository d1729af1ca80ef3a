// SPDX-License-Identifier: Apache-2.0
//
// Domain names (RFC 1035 3.1): the wire's length-prefixed labels, and a person's dotted text.
//
// Name holds a name as it stands on the wire, with the closing zero, in lower case: names compare
// without regard to case (RFC 4343), so what is kept and what is looked up is lowered once. It has
// its own 255 bytes and never touches the heap. A compression pointer is refused when a question is
// read: a query's only question has nothing before it to point at (RFC 1035 4.1.4, RFC 9267 2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/parsed.h"

namespace slipway::dns {

inline constexpr std::size_t kNameSizeMax = 255;
inline constexpr std::size_t kLabelSizeMax = 63;

class Name {
 public:
  // The root.
  Name() = default;

  // "boot.example" or "boot.example."; nullopt when a label is empty or too long, or the whole is.
  static std::optional<Name> Parse(std::string_view text);
  // The name at the front of `reader`, which moves behind it.
  static Parsed<Name> Read(Reader& reader);

  Bytes wire() const { return Bytes(wire_).first(size_); }
  bool is_root() const { return size_ == 1; }
  // Equal to `other` or below it.
  bool IsWithin(const Name& other) const;
  // Without its first label; the root's is the root.
  Name Parent() const;
  // Dotted, no closing dot; bytes that are no printable ASCII as '?'. Allocates.
  std::string ToString() const;

  friend bool operator==(const Name& a, const Name& b) { return Equal(a.wire(), b.wire()); }

 private:
  bool Append(Bytes label);  // in front of the closing zero

  std::array<std::uint8_t, kNameSizeMax> wire_{};
  std::size_t size_ = 1;
};

}  // namespace slipway::dns
