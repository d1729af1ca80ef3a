// SPDX-License-Identifier: Apache-2.0
#include "control/capture/pcapng.h"

#include <algorithm>
#include <string_view>

namespace slipway::control {
namespace {

// Block types (section 4).
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kNameResolution = 4;
constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kLinkTypeEthernet = 1;

// Option codes: of all blocks, then of each.
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kHardware = 2, kOperatingSystem = 3, kApplication = 4;
constexpr std::uint16_t kInterfaceName = 2, kInterfaceText = 3, kTimeResolution = 9;
constexpr std::uint16_t kFlags = 2, kDropCount = 4;
constexpr std::uint16_t kStartTime = 2, kEndTime = 3, kReceived = 4, kDropped = 5;

constexpr std::uint8_t kNanoseconds = 9;  // ten to the power of minus that

// epb_flags (section 4.3.1).
constexpr std::uint32_t kInbound = 1, kOutbound = 2;
constexpr std::uint32_t kUnicast = 1 << 2, kMulticast = 2 << 2, kBroadcast = 3 << 2;

// One block, written at the end of a text: its two lengths are known when it is complete.
class Block {
 public:
  Block(std::uint32_t type, std::string& to) : to_(to), begin_(to.size()) {
    U32(type);
    U32(0);
  }
  void U16(std::uint16_t value) { Number(value, 2); }
  void U32(std::uint32_t value) { Number(value, 4); }
  void U64(std::uint64_t value) { Number(value, 8); }
  // High half first, each half in the file's own order.
  void Time(std::int64_t unix_nanoseconds) {
    const auto value = static_cast<std::uint64_t>(unix_nanoseconds);
    U32(static_cast<std::uint32_t>(value >> 32));
    U32(static_cast<std::uint32_t>(value));
  }
  void Padded(std::string_view bytes) {
    to_ += bytes;
    to_.append((4 - bytes.size() % 4) % 4, '\0');
  }
  void Text(std::uint16_t code, std::string_view text) {
    constexpr std::size_t kOptionMax = 65'535;
    if (text.empty()) return;
    text = text.substr(0, kOptionMax);
    Option(code, text.size());
    Padded(text);
  }
  void Option(std::uint16_t code, std::size_t size) {
    U16(code);
    U16(static_cast<std::uint16_t>(size));
  }
  void End() {
    const auto length = static_cast<std::uint32_t>(to_.size() - begin_ + 4);
    U32(length);
    for (unsigned i = 0; i < 4; ++i) to_[begin_ + 4 + i] = to_[to_.size() - 4 + i];
  }

 private:
  void Number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) to_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  std::string& to_;
  const std::size_t begin_;
};

std::uint32_t FlagsOf(const dataplane::CapturedFrame& frame) {
  std::uint32_t flags = frame.sent ? kOutbound : kInbound;
  if (frame.bytes.size() < sizeof(MacAddress::octets)) return flags;
  const MacAddress to = MacAddress::From(Bytes(frame.bytes).first(sizeof(MacAddress::octets)));
  if (to.is_broadcast()) return flags | kBroadcast;
  return flags | (to.is_group() ? kMulticast : kUnicast);
}

}  // namespace

std::string BeginPcapng(const PcapngStart& start, std::span<const PcapngInterface> interfaces) {
  std::string text;
  Block section(kSectionHeader, text);
  section.U32(kByteOrderMagic);
  section.U16(1);  // version 1.0
  section.U16(0);
  section.U64(~std::uint64_t{0});  // a length that is not known
  section.Text(kHardware, start.hardware);
  section.Text(kOperatingSystem, start.operating_system);
  section.Text(kApplication, "slipwayd " SLIPWAY_VERSION);
  section.Text(kComment, start.comment);
  section.Option(kEndOfOptions, 0);
  section.End();
  for (const PcapngInterface& interface : interfaces) {
    Block block(kInterfaceDescription, text);
    block.U16(kLinkTypeEthernet);
    block.U16(0);
    block.U32(start.bytes_max);
    block.Text(kInterfaceName, interface.name);
    block.Text(kInterfaceText, interface.description);
    block.Option(kTimeResolution, 1);
    block.U32(kNanoseconds);  // one byte, and its padding
    block.Option(kEndOfOptions, 0);
    block.End();
  }
  return text;
}

void AppendFrame(const dataplane::CapturedFrame& frame, std::uint32_t interface, std::uint64_t lost,
                 std::string& to) {
  Block block(kEnhancedPacket, to);
  block.U32(interface);
  block.Time(frame.unix_nanoseconds);
  block.U32(static_cast<std::uint32_t>(frame.bytes.size()));
  block.U32(frame.size);
  block.Padded(AsText(frame.bytes));
  block.Option(kFlags, 4);
  block.U32(FlagsOf(frame));
  if (lost != 0) {
    block.Option(kDropCount, 8);
    block.U64(lost);
  }
  if (frame.segment_text_max != 0) {
    block.Text(kComment, "the port cuts this into segments of at most " +
                             std::to_string(frame.segment_text_max) + " bytes of text");
  }
  block.Option(kEndOfOptions, 0);
  block.End();
}

std::string PcapngPause() {
  std::string text;
  Block block(kNameResolution, text);
  block.U32(0);  // nrb_record_end: no record
  block.End();
  return text;
}

std::string EndPcapng(std::span<const PcapngStatistics> statistics) {
  std::string text;
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    Block block(kInterfaceStatistics, text);
    block.U32(static_cast<std::uint32_t>(i));
    block.Time(statistics[i].ended_unix_nanoseconds);
    block.Option(kStartTime, 8);
    block.Time(statistics[i].began_unix_nanoseconds);
    block.Option(kEndTime, 8);
    block.Time(statistics[i].ended_unix_nanoseconds);
    block.Option(kReceived, 8);
    block.U64(statistics[i].frames);
    block.Option(kDropped, 8);
    block.U64(statistics[i].lost);
    block.Option(kEndOfOptions, 0);
    block.End();
  }
  return text;
}

}  // namespace slipway::control
