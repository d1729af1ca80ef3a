// SPDX-License-Identifier: Apache-2.0
//
// TcpRun: the headers of a run of segments that follow each other in one stream. They differ only
// in sequence number, length and checksum, and FIN and PSH stand on the last: so they are made
// once and copied, and TCP is asked once for the whole run (tcp::Host::Emit with payload_max).
//
// Where the port cuts (TSO), the run leaves as one frame; where it does not, as one frame for each
// segment, each filled straight from its source. Either way no text is copied to be cut.
//
// TextRooms: where the text of several frames goes, gathered to be read at once. LentText: the text
// of several frames where its source lends it, asked for once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/packets.h"
#include "protocols/source/byte_source.h"
#include "protocols/tcp/send.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/tcp.h"

namespace slipway::dataplane {

class TcpRun {
 public:
  // Frames that are made together.
  static constexpr std::size_t kFramesMax = 16;

  // The text of one frame.
  struct Text {
    std::uint64_t offset = 0;  // in the connection's source
    std::uint32_t size = 0;
    std::uint16_t piece_max = 0;  // bytes of it that are asked for at once, where it is copied
    MutableBytes room;            // behind the headers, for all of it; or empty
  };

  TcpRun(const Interface& at, const MacAddress& station, const tcp::Outgoing& out);

  bool done() const { return done_; }
  // Where its text ends in the connection's source.
  std::uint64_t end() const { return offset_ + length_; }
  // How many frames what is left takes, at most kFramesMax; at least one until done().
  std::size_t frames_left() const;
  // Begins the run's next frame with `frame`, which is empty. With room: makes room for its text as
  // well, where one buffer holds both, and leaves the headers to WriteHeaders; else writes them.
  Text Start(Frame& frame, bool with_room);
  // In front of the room for the text at `offset`. What the frame's last reader has of these lines
  // must first be taken from it (200 cycles each, on a core of another cache): beside the sealing
  // of the text that costs nothing, but one frame's headers behind the other's would wait for all
  // of them.
  void WriteHeaders(MutableBytes room, std::uint64_t offset) const;

 private:
  static constexpr std::size_t kNetworkAt = sizeof(ethernet::WireHeader);
  static constexpr std::size_t kTransportAt = kNetworkAt + ipv4::kHeaderSize;

  void CopyHeaders(MutableBytes headers) const;
  void Write(MutableBytes headers, std::uint32_t at, std::uint32_t size) const;

  std::array<std::uint8_t, kTransportAt + kTcpHeaderMax> bytes_{};
  std::size_t size_ = 0;
  std::uint64_t offset_;  // of the run's text in the source
  std::uint32_t length_;  // of the run's text
  std::uint32_t step_;    // of it in one frame
  std::uint32_t at_ = 0;  // what was started
  std::uint16_t mss_;
  std::uint32_t sequence_;
  std::uint16_t total_length_;  // of the IPv4 packet without text
  std::uint16_t ip_checksum_;   // of that packet
  std::uint16_t pseudo_sum_;    // of that packet
  std::uint16_t vlan_;          // 0: none
  std::uint8_t flags_;
  bool done_ = false;
};

class TextRooms final : private ByteSource::RunPieces {
 public:
  explicit TextRooms(const TcpRun& run) : run_(run) {}

  // Adds the text of `frame`, which is grown where Start() made no room. What was added before is
  // read from `source` when there are too many pieces. False: packet memory ran out.
  [[nodiscard]] bool Add(Frame& frame, const TcpRun::Text& text, ByteSource& source) {
    if (text.room.empty()) return AddGrowing(frame, text, source);
    AddPiece(text.room, text.offset, /*behind_headers=*/true, source);
    return true;
  }
  // Reads what was added.
  void Fill(ByteSource& source);

 private:
  [[nodiscard]] bool AddGrowing(Frame& frame, const TcpRun::Text& text, ByteSource& source);
  void AddPiece(MutableBytes piece, std::uint64_t offset, bool behind_headers, ByteSource& source) {
    if (count_ == pieces_.size() || behind_headers != behind_headers_) Fill(source);
    if (count_ == 0) offset_ = offset;
    behind_headers_ = behind_headers;
    pieces_[count_++] = piece;
  }
  void Begin(std::size_t piece) override;

  const TcpRun& run_;
  std::array<MutableBytes, 32> pieces_;
  bool behind_headers_ = false;  // each of them
  std::size_t count_ = 0;
  std::uint64_t offset_ = 0;  // of the first piece that was not begun
};

class LentText {
 public:
  // Of a run's text, which ends at `end`. Without a source nothing is taken.
  LentText(ByteSource* source, std::uint64_t end) : source_(source), end_(end) {}

  ByteSource& source() { return *source_; }

  // The bytes at `offset` where they lie, at most `limit`; empty where they must be read.
  Bytes Take(std::uint64_t offset, std::uint64_t limit) {
    if (offset != offset_ || rest_.empty()) rest_ = source_->Borrow(offset, end_ - offset);
    const Bytes taken =
        rest_.first(static_cast<std::size_t>(std::min<std::uint64_t>(limit, rest_.size())));
    rest_ = rest_.subspan(taken.size());
    offset_ = offset + taken.size();
    return taken;
  }

 private:
  ByteSource* source_;
  std::uint64_t end_;
  std::uint64_t offset_ = 0;  // of rest_
  Bytes rest_;
};

}  // namespace slipway::dataplane
