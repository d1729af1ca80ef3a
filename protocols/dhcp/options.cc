// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/options.h"

namespace slipway::dhcp {

Drop Options::Read(const DhcpHeader& header, Bytes options, OptionScratch& scratch) {
  if (!ReadField(options, scratch)) return Drop::kDhcpOptionMalformed;
  const std::uint8_t overload = U8(DhcpOption::kOverload).value_or(0);
  if (overload > 3) return Drop::kDhcpOptionMalformed;
  if ((overload & 1) != 0 && !ReadField(header.file, scratch)) return Drop::kDhcpOptionMalformed;
  if ((overload & 2) != 0 && !ReadField(header.sname, scratch)) return Drop::kDhcpOptionMalformed;
  return Drop::kNone;
}

bool Options::ReadField(Bytes field, OptionScratch& scratch) {
  Reader reader(field);
  while (!reader.empty()) {
    const std::uint8_t code = reader.U8();
    if (code == static_cast<std::uint8_t>(DhcpOption::kPad)) continue;
    if (code == static_cast<std::uint8_t>(DhcpOption::kEnd)) break;
    const Bytes value = reader.Take(reader.U8());
    if (!reader.ok()) return false;
    const std::size_t slot = kSlots[code];
    if (slot == kNoSlot) continue;
    if ((present_ >> slot & 1) == 0) {
      present_ |= std::uint32_t{1} << slot;
      values_[slot] = value;
    } else if (!Join(slot, value, scratch)) {
      return false;
    }
  }
  return true;
}

bool Options::Join(std::size_t slot, Bytes piece, OptionScratch& scratch) {
  const Bytes before = values_[slot];
  const MutableBytes room = MutableBytes(scratch.bytes).subspan(scratch.used);
  // What was joined last stands at the end of the scratch and grows where it is.
  const bool grows = !before.empty() && before.data() + before.size() == room.data();
  const std::size_t copied = grows ? 0 : before.size();
  if (copied + piece.size() > room.size()) return false;
  static_cast<void>(Copy(before.first(copied), room));
  static_cast<void>(Copy(piece, room.subspan(copied)));
  const std::size_t start = grows ? scratch.used - before.size() : scratch.used;
  scratch.used += copied + piece.size();
  values_[slot] = Bytes(scratch.bytes).subspan(start, before.size() + piece.size());
  return true;
}

std::optional<std::uint8_t> Options::U8(DhcpOption code) const {
  const Bytes value = (*this)[code];
  return value.size() == 1 ? std::optional(Reader(value).U8()) : std::nullopt;
}

std::optional<std::uint16_t> Options::U16(DhcpOption code) const {
  const Bytes value = (*this)[code];
  return value.size() == 2 ? std::optional(Reader(value).U16()) : std::nullopt;
}

std::optional<std::uint32_t> Options::U32(DhcpOption code) const {
  const Bytes value = (*this)[code];
  return value.size() == 4 ? std::optional(Reader(value).U32()) : std::nullopt;
}

std::optional<Ipv4Address> Options::Address(DhcpOption code) const {
  const auto value = U32(code);
  return value ? std::optional(Ipv4Address(*value)) : std::nullopt;
}

}  // namespace slipway::dhcp
