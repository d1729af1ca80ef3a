// SPDX-License-Identifier: Apache-2.0
//
// SynForm: the fingerprint of the TCP that sent a SYN (RFC 9293 3.2, RFC 7323 2.2, RFC 2018 2): its
// window, and its options in their order. Written as operators read it:
//
//   65535:1460:mss-nop-ws6     window (not scaled), maximum segment size (0: it named none),
//   options
//
// Options are mss, nop, end, ws (with its shift count), sack, ts; "other" for every other one, and
// "none" where there are none. The first kOptionsMax of them, then "more": what does not fit that
// is no ordinary TCP's. There is no comma in it, as selectors part their requirements by that.
//
// The maximum segment size follows the MTU of the machine's link, and routers may lower it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocols/base/bytes.h"

namespace slipway::tcp {

struct SynForm {
  static constexpr std::size_t kOptionsMax = 12;

  std::uint64_t options = 0;  // four bits each, the first lowest: SynOption; 0: no more
  std::uint16_t window = 0;
  std::uint16_t mss = 0;
  std::uint8_t scale = 0;
  bool known = false;  // of a SYN; not so where a cookie was all that was kept of it

  friend bool operator==(const SynForm&, const SynForm&) = default;
};

enum class SynOption : std::uint8_t {
  kNone,
  kMss,
  kNop,
  kEnd,
  kScale,
  kSack,
  kStamps,
  kOther,
  kMore
};

// Of a header as tcp::Parse accepts it (the IPv4 payload, with or without text); else not known.
SynForm FormOf(Bytes segment);

// Its text, in place.
class SynFormText {
 public:
  explicit SynFormText(const SynForm& form);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  void Put(std::string_view words) {
    size_ += words.copy(text_.data() + size_, text_.size() - size_);
  }
  void Put(unsigned number);

  std::array<char, 96> text_{};
  std::size_t size_ = 0;
};

}  // namespace slipway::tcp
