// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/captures.h"

#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include "bench/storm/dhcp_client.h"
#include "bench/storm/frames.h"
#include "protocols/base/entropy.h"

namespace slipway::storm {
namespace {

// In the byte order of x86, which readers recognise by the magic number.
template <class Number>
void PutLittle(std::FILE* file, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    std::fputc(static_cast<int>(value >> 8 * i & 0xff), file);
  }
}

void WriteFileHeader(std::FILE* file) {
  PutLittle(file, std::uint32_t{0xa1b2c3d4});
  PutLittle(file, std::uint16_t{2}), PutLittle(file, std::uint16_t{4});
  PutLittle(file, std::uint64_t{0});
  PutLittle(file, std::uint32_t{65535}), PutLittle(file, std::uint32_t{1});
}

void WriteFrame(std::FILE* file, std::uint64_t microseconds, Bytes frame) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  PutLittle(file, static_cast<std::uint32_t>(microseconds / 1'000'000));
  PutLittle(file, static_cast<std::uint32_t>(microseconds % 1'000'000));
  PutLittle(file, size), PutLittle(file, size);
  std::fwrite(frame.data(), 1, frame.size(), file);
}

class Maker {
 public:
  explicit Maker(const FarmOptions& options)
      : options_(options),
        random_(options.seed),
        server_(options.url && options.url->address ? *options.url->address : options.server) {}

  // The number-th frame of a kind; nullopt for a kind there is not.
  std::optional<std::size_t> Make(std::string_view kind, std::uint32_t number, MutableBytes out) {
    mac_ = {{0x02, 0x53, static_cast<std::uint8_t>(number >> 24),
             static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
             static_cast<std::uint8_t>(number)}};
    if (kind == "dhcp") return Dhcp(out);
    if (kind == "synflood") {
      return WriteSyn({.to = MacAddress::Broadcast(), .from = mac_, .destination = server_},
                      random_.Next64(), out);
    }
    if (kind == "arp") return Arp(number, out);
    if (kind == "garbage") {
      random_.Fill(out.first(60));
      out[0] = 0xff;  // to everybody, or a filter would take it away
      static_cast<void>(Copy(MacAddress::Broadcast().octets, out));
      return 60;
    }
    return std::nullopt;
  }

 private:
  std::size_t Dhcp(MutableBytes out) {
    const Firmware firmware =
        options_.personalities.empty() ? Firmware::kUefi : options_.personalities[0].first;
    const Identity identity{.mac = mac_, .uuid = {}};
    std::array<std::uint8_t, 1024> message;
    const std::size_t size = WriteDiscover(
        {.personality = PersonalityOf(firmware), .identity = identity, .xid = random_.Next32()},
        message);
    return WriteUdpFrame({.to = MacAddress::Broadcast(),
                          .from = mac_,
                          .source = {},
                          .destination = Ipv4Address::Broadcast()},
                         {kDhcpClientPort, kDhcpServerPort, Bytes(message).first(size)}, out);
  }

  std::size_t Arp(std::uint32_t number, MutableBytes out) const {
    return WriteArpFrame(MacAddress::Broadcast(),
                         {.sender_mac = mac_,
                          .sender_ip = Ipv4Address(options_.first_address.value() + number),
                          .target_mac = {},
                          .target_ip = server_},
                         out);
  }

  const FarmOptions& options_;
  SeededEntropy random_;
  Ipv4Address server_;
  MacAddress mac_;
};

}  // namespace

absl::Status WriteCapture(const CommandLine& line) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Maker maker(line.farm);
  std::array<std::uint8_t, 1536> frame;
  if (!maker.Make(line.pcap_kind, 0, frame)) {
    return absl::InvalidArgumentError("--capture takes dhcp, synflood, arp or garbage");
  }
  const std::unique_ptr<std::FILE, Close> file(std::fopen(line.pcap.c_str(), "wb"));
  if (file == nullptr) return absl::NotFoundError("cannot write " + line.pcap);
  WriteFileHeader(file.get());
  for (std::uint64_t i = 0; i < line.pcap_frames; ++i) {
    const auto size = maker.Make(line.pcap_kind, static_cast<std::uint32_t>(i), frame);
    WriteFrame(file.get(), i, Bytes(frame).first(*size));
  }
  return absl::OkStatus();
}

}  // namespace slipway::storm
