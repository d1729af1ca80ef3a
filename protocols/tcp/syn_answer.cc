// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/syn_answer.h"

#include "protocols/base/check.h"
#include "protocols/tcp/connection.h"
#include "protocols/wire/atomic.h"
#include "protocols/wire/view.h"

namespace slipway::tcp {
namespace {

static_assert(SynOffer{}.mss == kMssDefault);

// RFC 3168 6.1.1: an ECN-setup SYN has both.
constexpr std::uint8_t kEcn = tcp_flag::kEce | tcp_flag::kCwr;

std::uint32_t Word(Bytes bytes) {
  Big<std::uint32_t> word;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word;
}

// False where an option runs over the end: tcp::Parse has a name for that.
bool ReadOptions(Bytes options, SynOffer& offer) {
  while (!options.empty() && options[0] != tcp_option::kEnd) {
    const std::uint8_t kind = options[0];
    if (kind == tcp_option::kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return false;
    const std::uint8_t size = options[1];
    if (kind == tcp_option::kMss && size == 4) {
      offer.mss = static_cast<std::uint16_t>(options[2] << 8 | options[3]);
    } else if (kind == tcp_option::kWindowScale && size == 3) {
      offer.window_scale = options[2];
    } else if (kind == tcp_option::kSackPermitted && size == 2) {
      offer.sack_permitted = true;
    } else if (kind == tcp_option::kTimestamps && size == 10) {
      offer.timestamp = Word(options.subspan(2));
    }
    options = options.subspan(size);
  }
  return true;
}

// The header and the most options there can be.
struct Layout {
  TcpHeader header;
  std::array<Big<std::uint32_t>, (kTcpHeaderMax - sizeof(TcpHeader)) / 4> options;
};
static_assert(sizeof(Layout) == kTcpHeaderMax);

// Words on their way out, with their sum.
class Words {
 public:
  explicit Words(Layout& layout) : options_(layout.options) {}
  void Put(std::uint32_t word) {
    options_[count_++] = word;
    sum_ += word;
  }
  std::size_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }

 private:
  std::array<Big<std::uint32_t>, 10>& options_;
  std::size_t count_ = 0;
  std::uint64_t sum_ = 0;
};

// In the order of PutOptions (segment.cc), each padded in front to whole words.
void PutOptions(const SynAnswer& answer, Words& words) {
  constexpr std::uint32_t kNop = tcp_option::kNop;
  words.Put(std::uint32_t{tcp_option::kMss} << 24 | 4u << 16 | answer.mss);
  if (answer.window_scale) {
    words.Put(kNop << 24 | std::uint32_t{tcp_option::kWindowScale} << 16 | 3u << 8 |
              *answer.window_scale);
  }
  if (answer.sack_permitted) {
    words.Put(kNop << 24 | kNop << 16 | std::uint32_t{tcp_option::kSackPermitted} << 8 | 2u);
  }
  if (answer.timestamps) {
    words.Put(kNop << 24 | kNop << 16 | std::uint32_t{tcp_option::kTimestamps} << 8 | 10u);
    words.Put(answer.timestamps->value);
    words.Put(answer.timestamps->echo);
  }
}

}  // namespace

std::optional<SynOffer> ReadSyn(Bytes segment) {
  const Bytes all = segment;
  const auto* const header = Take<TcpHeader>(segment);
  if (header == nullptr || (header->flags & ~kEcn) != tcp_flag::kSyn) return std::nullopt;
  if ((header->data_offset >> 4) * std::size_t{4} != all.size()) return std::nullopt;
  SynOffer offer{.source = Port(header->source_port),
                 .destination = Port(header->destination_port),
                 .seq = SeqNum(header->sequence),
                 .ecn = (header->flags & kEcn) == kEcn};
  if (!ReadOptions(segment, offer)) return std::nullopt;
  return offer;
}

std::size_t WriteSynAnswer(const SynAnswer& answer, const FourTuple& tuple, MutableBytes out) {
  MutableBytes rest = out;
  auto* const layout = Place<Layout>(rest);
  SLIPWAY_CHECK(layout != nullptr);
  Words words(*layout);
  PutOptions(answer, words);
  const std::size_t size = sizeof(TcpHeader) + 4 * words.count();
  const std::uint16_t local = tuple.local_port.value();
  const std::uint16_t remote = tuple.remote_port.value();
  const auto offset = static_cast<std::uint8_t>(size / 4 << 4);
  const auto flags = static_cast<std::uint8_t>(tcp_flag::kSyn | tcp_flag::kAck |
                                               (answer.ecn ? tcp_flag::kEce : 0));
  // The pseudo header (RFC 9293 3.1), the header's words, and the options.
  const std::uint64_t pseudo = std::uint64_t{tuple.local_address.value()} +
                               tuple.remote_address.value() +
                               (std::uint32_t{kIpProtocolTcp.value()} << 16 | size);
  const std::uint64_t header =
      (std::uint64_t{local} << 16 | remote) + answer.seq.value() + answer.ack.value() +
      (std::uint32_t{offset} << 24 | std::uint32_t{flags} << 16 | answer.window);
  layout->header = {.source_port = local,
                    .destination_port = remote,
                    .sequence = answer.seq.value(),
                    .acknowledgment = answer.ack.value(),
                    .data_offset = offset,
                    .flags = flags,
                    .window = answer.window,
                    .checksum = ChecksumOfWords(pseudo + header + words.sum()),
                    .urgent_pointer = std::uint16_t{0}};
  return size;
}

}  // namespace slipway::tcp
