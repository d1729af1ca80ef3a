// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/floor.h"

#include <rte_cycles.h>

#include <array>
#include <vector>

#include "protocols/base/check.h"
#include "protocols/base/entropy.h"
#include "tls/sealer.h"

namespace slipway::bench {
namespace {

using dataplane::Frame;
using Slot = tls::RecordCipher::Slot;

constexpr std::size_t kHeaders = 54;
constexpr std::size_t kRecord = 16'384;
constexpr std::size_t kBurst = 32;

class Floor {
 public:
  Floor(dataplane::PacketPool& pool, Bytes image, const FloorOptions& options)
      : pool_(pool), image_(image), options_(options), sealer_(tls::Sealer::Create()) {
    SLIPWAY_CHECK(sealer_ != nullptr && image.size() > kRecord);
    SeededEntropy entropy(7);
    for (unsigned i = 0; i < options.readers; ++i) {
      std::array<std::uint8_t, 16> key{};
      entropy.Fill(key);
      readers_.push_back({sealer_->NewCipher(key), entropy.Below(image.size() / kRecord)});
    }
  }

  // Seals the next record of the next reader into frames; returns how many.
  std::size_t MakeRecord(std::span<Frame> frames) {
    Reader& reader = readers_[next_++ % readers_.size()];
    const Bytes record = image_.subspan(reader.at * kRecord, kRecord);
    if (++reader.at >= image_.size() / kRecord) reader.at = 0;
    tls::Nonce nonce{};
    Writer(nonce).U64(++sequence_);
    reader.cipher->Begin(Slot::kStream, nonce, Bytes(nonce).first(5));
    const std::size_t frame_text = std::size_t{options_.segment_text} * options_.segments_in_frame;
    std::size_t count = 0;
    for (std::size_t at = 0; at < kRecord; at += frame_text) {
      Frame frame = pool_.Allocate();
      SLIPWAY_CHECK(!frame.empty());
      const MutableBytes headers = frame.Append(kHeaders);
      std::copy(header_.begin(), header_.end(), headers.begin());
      Fill(*reader.cipher, record.subspan(at, std::min(frame_text, kRecord - at)), frame);
      frames[count++] = std::move(frame);
    }
    static_cast<void>(reader.cipher->Finish(Slot::kStream));
    return count;
  }

 private:
  struct Reader {
    std::unique_ptr<tls::RecordCipher> cipher;
    std::uint64_t at = 0;  // record
  };

  void Fill(tls::RecordCipher& cipher, Bytes text, Frame& frame) {
    frame.SetHeaders({.link = 14, .network = 20, .transport = 20});
    if (options_.segments_in_frame > 1) frame.RequestSegmentation(options_.segment_text);
    // Of frames that the port cuts, full buffers, as the server fills them.
    std::size_t piece = options_.segment_text;
    if (options_.segments_in_frame > 1) piece = pool_.packet_bytes() - kHeaders;
    while (!text.empty()) {
      const std::size_t size = std::min(text.size(), piece);
      const MutableBytes room = frame.Append(size);
      SLIPWAY_CHECK(!room.empty());
      cipher.Update(Slot::kStream, text.first(size), room);
      text = text.subspan(size);
      if (options_.segments_in_frame > 1) piece = pool_.packet_bytes();
    }
  }

  dataplane::PacketPool& pool_;
  Bytes image_;
  FloorOptions options_;
  std::unique_ptr<tls::Sealer> sealer_;
  std::vector<Reader> readers_;
  std::size_t next_ = 0;
  std::uint64_t sequence_ = 0;
  std::array<std::uint8_t, kHeaders> header_ = {2, 0x53, 0x4c, 0, 0, 2, 2, 0x53, 0x4c, 0, 0,  1,
                                                8, 0,    0x45, 0, 0, 0, 0, 0,    0x40, 0, 64, 6};
};

}  // namespace

FloorResult MeasureFloor(dataplane::Undi& port, dataplane::PacketPool& pool, Bytes image,
                         const FloorOptions& options) {
  Floor floor(pool, image, options);
  FloorResult result;
  std::array<Frame, 2 * kBurst> frames;
  std::size_t waiting = 0;
  const double length = options.seconds * static_cast<double>(rte_get_tsc_hz());
  std::uint64_t began = rte_rdtsc();
  const std::uint64_t counted_from = began + static_cast<std::uint64_t>(length / 2);
  const std::uint64_t end = counted_from + static_cast<std::uint64_t>(length);
  bool counts = false;
  while (began < end) {
    if (!counts && began >= counted_from) {
      counts = true;
      result = {};
    }
    const bool made = waiting == 0;
    if (made) waiting = floor.MakeRecord(frames);
    const std::size_t sent =
        options.transmit ? port.Transmit(0, std::span(frames).first(waiting)) : waiting;
    if (!options.transmit) {
      for (std::size_t i = 0; i < waiting; ++i) frames[i].Free();
    }
    std::move(frames.begin() + static_cast<std::ptrdiff_t>(sent),
              frames.begin() + static_cast<std::ptrdiff_t>(waiting), frames.begin());
    waiting -= sent;
    result.frames += sent;
    if (made) result.payload_bytes += kRecord;
    const std::uint64_t now = rte_rdtsc();
    if (made || sent > 0) result.busy_cycles += now - began;
    began = now;
  }
  for (std::size_t i = 0; i < waiting; ++i) frames[i].Free();
  return result;
}

}  // namespace slipway::bench
