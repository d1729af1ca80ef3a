// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <thread>

#include "protocols/base/check.h"
#include "protocols/wire/checksum.h"
#include "protocols/wire/dhcp.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

// Of all rings of one capture; each gets a power of two.
constexpr std::size_t kRingsBytes = std::size_t{32} << 20;
constexpr std::size_t kRingBytesMin = std::size_t{1} << 20;
constexpr std::size_t kRingBytesMax = std::size_t{8} << 20;

constexpr std::size_t kAddressesBytes = 12;  // which a tag follows
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kTcpChecksum = 16;  // where in the header
constexpr std::size_t kUdpChecksum = 6;

void Put16(MutableBytes bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

// What the port does on the way out. Not where the frame's end was not kept.
void FillChecksums(const CaptureRecord& record, MutableBytes frame) {
  const std::size_t link = record.link_bytes;
  const std::size_t network = record.network_bytes;
  const bool tcp = (record.flags & CaptureRecord::kTcp) != 0;
  const bool udp = (record.flags & CaptureRecord::kUdp) != 0;
  if (record.kept < record.size || network < ipv4::kHeaderSize) return;
  if (frame.size() < link + network) return;
  Bytes rest = frame.subspan(link);
  const auto* const ip = Take<ipv4::WireHeader>(rest);
  if ((record.flags & CaptureRecord::kNetwork) != 0) {
    constexpr std::size_t kIpChecksum = 10;
    Put16(frame, link + kIpChecksum, 0);
    Put16(frame, link + kIpChecksum, ChecksumOf(frame.subspan(link, network)));
  }
  const std::size_t field = link + network + (tcp ? kTcpChecksum : kUdpChecksum);
  if ((!tcp && !udp) || frame.size() < field + 2) return;
  const MutableBytes text = frame.subspan(link + network);
  Checksum checksum = StartChecksum({.source = Ipv4Address(ip->source),
                                     .destination = Ipv4Address(ip->destination),
                                     .protocol = tcp ? ipv4::kTcp : ipv4::kUdp,
                                     .length = static_cast<std::uint16_t>(text.size())});
  Put16(frame, field, 0);
  checksum.Add(text);
  const std::uint16_t sum = checksum.Finish();
  Put16(frame, field, udp && sum == 0 ? std::uint16_t{0xffff} : sum);  // RFC 768: zero means none
}

CapturedFrame Finish(const CaptureRecord& record, std::vector<std::uint8_t> bytes) {
  FillChecksums(record, bytes);
  CapturedFrame frame{.unix_nanoseconds = record.unix_nanoseconds,
                      .sent = (record.flags & CaptureRecord::kSent) != 0,
                      .segment_text_max = record.segment_text_max,
                      .size = record.size,
                      .bytes = std::move(bytes)};
  if ((record.flags & CaptureRecord::kTagged) == 0 || frame.bytes.size() < kAddressesBytes) {
    return frame;
  }
  std::array<std::uint8_t, sizeof(ethernet::WireTag)> tag;
  Put16(tag, 0, ethernet::kVlan.value());
  Put16(tag, 2, record.tag);
  frame.bytes.insert(frame.bytes.begin() + kAddressesBytes, tag.begin(), tag.end());
  frame.size += sizeof(ethernet::WireTag);
  return frame;
}

}  // namespace

Capture::Capture(const CaptureOrder& order, unsigned workers, unsigned ports)
    : order_(order), workers_(workers), read_(std::size_t{workers} * ports) {
  const std::size_t rings = read_.size();
  const std::size_t bytes = std::clamp(
      std::bit_floor(kRingsBytes / std::max<std::size_t>(1, rings)), kRingBytesMin, kRingBytesMax);
  for (std::size_t i = 0; i < rings; ++i) rings_.push_back(std::make_unique<CaptureRing>(bytes));
}

bool Capture::IsDhcpAbout(Bytes headers) const {
  const auto* const link = slipway::Take<ethernet::WireHeader>(headers);
  if (link == nullptr || link->type != ethernet::kIpv4.value()) return false;
  Bytes packet = headers;
  const auto* const ip = slipway::Take<ipv4::WireHeader>(packet);
  if (ip == nullptr || ip->protocol != ipv4::kUdp.value()) return false;
  if ((ip->fragment & 0x3fff) != 0) return false;
  const std::size_t network = std::size_t{4} * (ip->version_and_length & 0xf);
  if (network < ipv4::kHeaderSize || headers.size() < network + kUdpHeader) return false;
  Reader udp(headers.subspan(network));
  udp.Skip(2);
  const std::uint16_t to = udp.U16();
  if (to != kDhcpServerPort.value() && to != kDhcpClientPort.value() &&
      to != kPxeServerPort.value()) {
    return false;
  }
  udp.Skip(4);
  Bytes message = udp.rest();
  const auto* const dhcp = slipway::Take<DhcpHeader>(message);
  return dhcp != nullptr && std::ranges::equal(Bytes(dhcp->chaddr).first(6), order_.machine.octets);
}

void Capture::Fill(std::size_t frames_max) {
  CaptureRecord record;
  std::vector<std::uint8_t> bytes;
  for (unsigned i = 0; i < rings_.size(); ++i) {
    while (read_[i].size() < frames_max && rings_[i]->Read(record, bytes)) {
      CapturedFrame& frame = read_[i].emplace_back(Finish(record, std::move(bytes)));
      frame.worker = i % workers_;
      frame.interface = i / workers_;
    }
  }
}

std::vector<CapturedFrame> Capture::Take(std::size_t frames_max, bool all) {
  // A worker shows a frame, or that it offers one to the port, before it can be answered, but its
  // ring may have been read by then. So all are read twice: what an answer of the first time
  // answers is there at the second. What is younger than all of the first time waits, and what is
  // younger than a frame that is offered: not all before it may be there.
  Fill(frames_max);
  constexpr auto kNever = std::numeric_limits<std::int64_t>::min();
  std::int64_t until = kNever;
  for (const auto& frames : read_) {
    for (const CapturedFrame& frame : frames) until = std::max(until, frame.unix_nanoseconds);
  }
  for (const auto& ring : rings_) {
    if (!all) until = std::min(until, ring->offered() - 1);
  }
  Fill(2 * frames_max);
  for (const auto& frames : read_) {
    if (frames.size() < 2 * frames_max) continue;  // all of it is here
    // The wall clock may have been set back in between; the oldest is taken all the same.
    until =
        std::min(until, std::max(frames.front().unix_nanoseconds, frames.back().unix_nanoseconds));
  }
  std::vector<CapturedFrame> taken;
  for (;;) {
    std::deque<CapturedFrame>* next = nullptr;
    for (auto& frames : read_) {
      if (frames.empty() || frames.front().unix_nanoseconds > until) continue;
      if (next == nullptr || frames.front().unix_nanoseconds < next->front().unix_nanoseconds) {
        next = &frames;
      }
    }
    if (next == nullptr) return taken;
    taken.push_back(std::move(next->front()));
    next->pop_front();
  }
}

Captures::Captures(unsigned workers, unsigned ports)
    : workers_(workers), ports_(ports), seen_(workers) {}

Captures::~Captures() = default;

std::shared_ptr<Capture> Captures::Begin(const CaptureOrder& order) {
  const std::scoped_lock lock(mutex_);
  Collect();
  if (running_.size() == kAtOnceMax) return nullptr;
  auto capture = std::make_shared<Capture>(order, workers_, ports_);
  running_.push_back(capture);
  Show();
  return capture;
}

bool Captures::End(const std::shared_ptr<Capture>& capture, std::chrono::milliseconds patience) {
  std::uint64_t generation = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (std::erase(running_, capture) != 0) Show();
    generation = generation_.load();
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  bool all = AllHaveSeen(generation);
  while (!all && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    all = AllHaveSeen(generation);
  }
  const std::scoped_lock lock(mutex_);
  Collect();
  return all;
}

std::size_t Captures::running() const {
  const std::scoped_lock lock(mutex_);
  return running_.size();
}

void Captures::Show() {
  std::unique_ptr<Shown> next;
  if (!running_.empty()) {
    next = std::make_unique<Shown>();
    next->keeps = running_;
    for (std::size_t i = 0; i < running_.size(); ++i) next->set[i] = running_[i].get();
  }
  current_.store(next == nullptr ? nullptr : &next->set);
  const std::uint64_t generation = generation_.fetch_add(1) + 1;
  std::unique_ptr<Shown> replaced = std::exchange(shown_, std::move(next));
  if (replaced == nullptr) return;
  replaced->replaced_by = generation;
  retired_.push_back(std::move(replaced));
}

bool Captures::AllHaveSeen(std::uint64_t generation) const {
  return std::ranges::all_of(
      seen_, [&](const SeenGeneration& seen) { return seen.generation.load() >= generation; });
}

void Captures::Collect() {
  std::erase_if(retired_, [this](const std::unique_ptr<Shown>& old) {
    return AllHaveSeen(old->replaced_by);
  });
}

}  // namespace slipway::dataplane
