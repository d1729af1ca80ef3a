// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns/name.h"

#include <algorithm>

namespace slipway::dns {
namespace {

constexpr std::uint8_t kPointerBits = 0xc0;

std::uint8_t Lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
}

}  // namespace

bool Name::Append(Bytes label) {
  if (label.empty() || label.size() > kLabelSizeMax || size_ + 1 + label.size() > kNameSizeMax) {
    return false;
  }
  wire_[size_ - 1] = static_cast<std::uint8_t>(label.size());
  std::ranges::transform(label, wire_.begin() + static_cast<std::ptrdiff_t>(size_), Lower);
  size_ += 1 + label.size();
  wire_[size_ - 1] = 0;
  return true;
}

std::optional<Name> Name::Parse(std::string_view text) {
  Name name;
  if (text.ends_with('.')) text.remove_suffix(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('.'), text.size());
    if (!name.Append(AsBytes(text.substr(0, end)))) return std::nullopt;
    if (end + 1 == text.size()) return std::nullopt;  // "a..": an empty label at the end
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return name;
}

Parsed<Name> Name::Read(Reader& reader) {
  Name name;
  while (const std::uint8_t size = reader.U8()) {
    if ((size & kPointerBits) == kPointerBits) return Drop::kDnsCompressionHostile;
    if (!name.Append(reader.Take(size))) return Drop::kDnsQuestionMalformed;
  }
  if (!reader.ok()) return Drop::kDnsQuestionMalformed;
  return name;
}

bool Name::IsWithin(const Name& other) const {
  Bytes rest = wire();
  while (rest.size() > other.size_) rest = rest.subspan(1 + std::size_t{rest[0]});
  return Equal(rest, other.wire());
}

Name Name::Parent() const {
  Name parent;
  if (is_root()) return parent;
  const std::size_t skip = 1 + std::size_t{wire_[0]};
  parent.size_ = size_ - skip;
  Copy(wire().subspan(skip), parent.wire_);
  return parent;
}

std::string Name::ToString() const {
  std::string text;
  Reader reader(wire());
  while (const std::uint8_t size = reader.U8()) {
    if (!text.empty()) text += '.';
    for (const std::uint8_t c : reader.Take(size)) {
      text += c > ' ' && c < 0x7f ? static_cast<char>(c) : '?';
    }
  }
  return text;
}

}  // namespace slipway::dns
