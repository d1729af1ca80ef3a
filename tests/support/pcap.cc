// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pcap.h"

#include <algorithm>
#include <concepts>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "protocols/base/bytes.h"

namespace slipway::support {
namespace {

constexpr std::uint32_t kPcapMagicMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kPcapMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kLinkEthernet = 1;

std::uint32_t Little32(Reader& reader) { return __builtin_bswap32(reader.U32()); }

FrameBytes Copied(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<FrameBytes> ReadClassic(Reader reader) {
  std::vector<FrameBytes> frames;
  reader.Skip(16);  // version, zone, accuracy, snap length
  if (Little32(reader) != kLinkEthernet) throw std::runtime_error("not Ethernet");
  while (!reader.empty()) {
    reader.Skip(8);  // time
    const std::uint32_t size = Little32(reader);
    reader.Skip(4);  // size on the wire
    const Bytes frame = reader.Take(size);
    if (!reader.ok()) throw std::runtime_error("ends inside a frame");
    frames.push_back(Copied(frame));
  }
  return frames;
}

std::vector<FrameBytes> ReadBlocks(Reader reader) {
  std::vector<FrameBytes> frames;
  while (!reader.empty()) {
    const std::uint32_t type = Little32(reader);
    const std::uint32_t length = Little32(reader);
    if (length < 12) throw std::runtime_error("a block is too short");
    Reader block = reader.Narrow(length - 12);
    reader.Skip(4);  // the length again
    if (!reader.ok()) throw std::runtime_error("ends inside a block");
    if (type == kInterfaceDescription && Little32(block) % 65536 != kLinkEthernet) {
      throw std::runtime_error("not Ethernet");
    }
    if (type != kEnhancedPacket) continue;
    block.Skip(12);  // interface, time
    const std::uint32_t size = Little32(block);
    block.Skip(4);  // size on the wire
    frames.push_back(Copied(block.Take(size)));
    if (!block.ok()) throw std::runtime_error("a frame runs over its block");
  }
  return frames;
}

}  // namespace

std::vector<FrameBytes> ReadPcap(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const FrameBytes content{std::istreambuf_iterator<char>(file), {}};
  Reader reader(content);
  const std::uint32_t magic = Little32(reader);
  try {
    if (magic == kPcapMagicMicroseconds || magic == kPcapMagicNanoseconds) {
      return ReadClassic(reader);
    }
    if (magic == kSectionHeader) return ReadBlocks(Reader(content));
    throw std::runtime_error("not a capture");
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

bool WritePcap(const std::filesystem::path& path, std::span<const TimedFrame> frames) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&file](std::integral auto value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
      file.put(static_cast<char>(value >> 8 * i & 0xff));
  };
  constexpr std::int64_t kSecond = 1'000'000;
  put(kPcapMagicMicroseconds), put(std::uint16_t{2}), put(std::uint16_t{4});
  put(std::uint64_t{0}), put(std::uint32_t{65535}), put(kLinkEthernet);
  for (const TimedFrame& frame : frames) {
    const auto size = static_cast<std::uint32_t>(frame.bytes.size());
    put(static_cast<std::uint32_t>(frame.microseconds / kSecond));
    put(static_cast<std::uint32_t>(frame.microseconds % kSecond));
    put(size), put(size);
    for (const std::uint8_t byte : frame.bytes) file.put(static_cast<char>(byte));
  }
  return file.good();
}

std::vector<Capture> Captures() {
  std::vector<Capture> captures;
  const auto folder = std::filesystem::path(SLIPWAY_SOURCE_ROOT) / "tests" / "captures";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".pcap") continue;
    captures.push_back({entry.path().stem().string(), ReadPcap(entry.path())});
  }
  std::ranges::sort(captures, {}, &Capture::name);
  return captures;
}

}  // namespace slipway::support
