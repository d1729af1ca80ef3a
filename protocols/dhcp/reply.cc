// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/reply.h"

#include "protocols/wire/view.h"

namespace slipway::dhcp {
namespace {

constexpr std::size_t kPieceMax = 255;
constexpr std::size_t kOverloadSize = 3;

constexpr std::size_t SizeOf(std::size_t value_size) {
  const std::size_t pieces = value_size == 0 ? 1 : (value_size + kPieceMax - 1) / kPieceMax;
  return value_size + 2 * pieces;
}

void Put(Writer& writer, std::uint8_t code, Bytes value) {
  do {
    const Bytes piece = value.first(std::min(value.size(), kPieceMax));
    writer.U8(code);
    writer.U8(static_cast<std::uint8_t>(piece.size()));
    writer.Put(piece);
    value = value.subspan(piece.size());
  } while (!value.empty());
}

// The field each option goes to.
enum class Field : std::uint8_t { kOptions, kFile, kSname, kNowhere };

struct Layout {
  std::array<Field, ReplyOptions::kOptionsMax> fields{};
  std::uint8_t overload = 0;
  bool fits = true;
};

constexpr std::size_t kEndSize = 1;

Layout LayOut(const ReplyOptions& options, std::size_t room) {
  Layout layout;
  std::size_t total = 0;
  for (const auto& option : options.all()) total += SizeOf(option.value.size());
  if (total <= room) return layout;  // all in the options field

  std::array<std::size_t, 3> rooms{room < kOverloadSize ? 0 : room - kOverloadSize,
                                   sizeof(DhcpHeader::file) - kEndSize,
                                   sizeof(DhcpHeader::sname) - kEndSize};
  for (const Need need : {Need::kRequired, Need::kOptional}) {
    for (std::size_t i = 0; i < options.all().size(); ++i) {
      const auto& option = options.all()[i];
      if (option.need != need) continue;
      const std::size_t size = SizeOf(option.value.size());
      std::size_t field = 0;
      while (field < rooms.size() && rooms[field] < size) ++field;
      layout.fields[i] = static_cast<Field>(field);
      if (field < rooms.size()) {
        rooms[field] -= size;
        layout.overload |= static_cast<std::uint8_t>(field);  // 1: file, 2: sname
      } else if (need == Need::kRequired) {
        layout.fits = false;
      }
    }
  }
  return layout;
}

void PutField(Writer& writer, const ReplyOptions& options, const Layout& layout, Field field) {
  for (std::size_t i = 0; i < options.all().size(); ++i) {
    if (layout.fields[i] != field) continue;
    Put(writer, options.all()[i].code, options.all()[i].value);
  }
}

void PutOverloaded(MutableBytes out, const Reply& reply, const Layout& layout, Field field) {
  Writer writer(out);
  PutField(writer, reply.options, layout, field);
  writer.U8(static_cast<std::uint8_t>(DhcpOption::kEnd));
}

void PutHeader(DhcpHeader& header, const Reply& reply) {
  header = DhcpHeader{};
  header.op = kDhcpBootReply;
  header.htype = 1;
  header.hlen = 6;
  header.xid = reply.xid;
  header.secs = reply.secs;
  header.flags = reply.flags;
  header.ciaddr = reply.ciaddr.value();
  header.yiaddr = reply.yiaddr.value();
  header.siaddr = reply.siaddr.value();
  header.giaddr = reply.giaddr.value();
  static_cast<void>(Copy(reply.mac.octets, header.chaddr));
  header.cookie = kDhcpMagicCookie;
}

}  // namespace

void ReplyOptions::Add(std::uint8_t code, Bytes value, Need need) {
  if (Has(code)) return;
  if (count_ == kOptionsMax) {
    ok_ = ok_ && need == Need::kOptional;
    return;
  }
  present_[code / 64] |= std::uint64_t{1} << code % 64;
  options_[count_++] = {code, need, value};
}

MutableBytes ReplyOptions::Room(std::size_t size) {
  if (size > arena_.size() - used_) {
    ok_ = false;
    return {};
  }
  const MutableBytes room = MutableBytes(arena_).subspan(used_, size);
  used_ += size;
  return room;
}

void ReplyOptions::AddU8(DhcpOption code, std::uint8_t value) {
  const MutableBytes room = Room(1);
  Writer(room).U8(value);
  Add(code, room);
}

void ReplyOptions::AddU16(DhcpOption code, std::uint16_t value, Need need) {
  const MutableBytes room = Room(2);
  Writer(room).U16(value);
  Add(code, room, need);
}

void ReplyOptions::AddU32(DhcpOption code, std::uint32_t value, Need need) {
  const MutableBytes room = Room(4);
  Writer(room).U32(value);
  Add(code, room, need);
}

std::size_t Emit(const Reply& reply, MutableBytes out) {
  const std::size_t limit = std::min(out.size(), reply.size_max);
  if (limit < kDhcpMessageSizeMin || !reply.options.ok()) return 0;
  const bool relayed = !reply.relay_agent.empty();
  const bool ends_in_nul = relayed && !reply.boot_file.empty();
  constexpr std::size_t kTypeSize = 3;
  const std::size_t boot_size =
      reply.boot_file.empty() ? 0 : SizeOf(reply.boot_file.size() + (ends_in_nul ? 1 : 0));
  const std::size_t fixed = sizeof(DhcpHeader) + kTypeSize + boot_size +
                            (relayed ? SizeOf(reply.relay_agent.size()) : 0) + kEndSize;
  if (fixed > limit) return 0;
  const Layout layout = LayOut(reply.options, limit - fixed);
  if (!layout.fits) return 0;

  MutableBytes rest = out.first(limit);
  DhcpHeader& header = *Place<DhcpHeader>(rest);
  PutHeader(header, reply);
  if ((layout.overload & 1) != 0) {
    PutOverloaded(header.file, reply, layout, Field::kFile);
  } else if (reply.boot_file.size() < sizeof(header.file)) {
    static_cast<void>(Copy(reply.boot_file, header.file));
  }
  if ((layout.overload & 2) != 0) PutOverloaded(header.sname, reply, layout, Field::kSname);

  Writer writer(rest);
  const auto type = static_cast<std::uint8_t>(reply.type);
  Put(writer, static_cast<std::uint8_t>(DhcpOption::kMessageType), Bytes(&type, 1));
  if (layout.overload != 0) {
    Put(writer, static_cast<std::uint8_t>(DhcpOption::kOverload), Bytes(&layout.overload, 1));
  }
  PutField(writer, reply.options, layout, Field::kOptions);
  if (!reply.boot_file.empty()) {
    // In pieces of at most 255, the NUL belonging to the last.
    const std::size_t last =
        ends_in_nul ? reply.boot_file.size() / kPieceMax * kPieceMax : reply.boot_file.size();
    const auto code = static_cast<std::uint8_t>(DhcpOption::kBootFile);
    if (last != 0) Put(writer, code, reply.boot_file.first(last));
    if (ends_in_nul) {
      writer.U8(code);
      writer.U8(static_cast<std::uint8_t>(reply.boot_file.size() - last + 1));
      writer.Put(reply.boot_file.subspan(last));
      writer.U8(0);
    }
  }
  if (relayed) Put(writer, static_cast<std::uint8_t>(DhcpOption::kRelayAgent), reply.relay_agent);
  writer.U8(static_cast<std::uint8_t>(DhcpOption::kEnd));
  if (!writer.ok()) return 0;
  const std::size_t size = sizeof(DhcpHeader) + writer.size();
  if (size >= kDhcpMessageSizeMin) return size;
  writer.Fill(kDhcpMessageSizeMin - size, 0);
  return kDhcpMessageSizeMin;
}

}  // namespace slipway::dhcp
