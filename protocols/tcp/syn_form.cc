// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/syn_form.h"

#include <charconv>

#include "protocols/wire/tcp.h"
#include "protocols/wire/view.h"

namespace slipway::tcp {
namespace {

constexpr unsigned kBits = 4;  // of one option
constexpr std::string_view kWords[] = {"none", "mss", "nop",   "end", "ws",
                                       "sack", "ts",  "other", "more"};
static_assert(std::size(kWords) == static_cast<std::size_t>(SynOption::kMore) + 1);
static_assert((SynForm::kOptionsMax + 1) * kBits <= 64);
// The longest word and what parts it from the next, and the numbers.
static_assert(SynForm::kOptionsMax * 6 + std::string_view("65535:65535:255more").size() <= 96);

SynOption OptionOf(std::uint8_t kind, std::size_t size) {
  if (kind == tcp_option::kMss && size == 2) return SynOption::kMss;
  if (kind == tcp_option::kWindowScale && size == 1) return SynOption::kScale;
  if (kind == tcp_option::kSackPermitted && size == 0) return SynOption::kSack;
  if (kind == tcp_option::kTimestamps && size == 8) return SynOption::kStamps;
  return SynOption::kOther;
}

class Former {
 public:
  explicit Former(SynForm& form) : form_(form) {}

  void Add(SynOption option) {
    if (count_ > SynForm::kOptionsMax) return;
    if (count_ == SynForm::kOptionsMax) option = SynOption::kMore;
    form_.options |= static_cast<std::uint64_t>(option) << (kBits * count_++);
  }

 private:
  SynForm& form_;
  std::size_t count_ = 0;
};

}  // namespace

SynForm FormOf(Bytes segment) {
  const Bytes all = segment;
  const auto* const header = Take<TcpHeader>(segment);
  if (header == nullptr) return {};
  const std::size_t size = std::size_t{4} * (header->data_offset.value() >> 4);
  if (size < sizeof(TcpHeader) || size > all.size()) return {};
  SynForm form{.window = header->window, .known = true};
  Former former(form);
  Reader reader(segment.first(size - sizeof(TcpHeader)));
  while (!reader.empty()) {
    const std::uint8_t kind = reader.U8();
    if (kind == tcp_option::kEnd) {
      former.Add(SynOption::kEnd);
      break;
    }
    if (kind == tcp_option::kNop) {
      former.Add(SynOption::kNop);
      continue;
    }
    const std::uint8_t length = reader.U8();
    Reader body = reader.Narrow(length < 2 ? 0 : length - 2u);
    if (length < 2 || !reader.ok()) return {};
    const SynOption option = OptionOf(kind, body.remaining());
    // Of two the last counts, as for the connection.
    if (option == SynOption::kMss) form.mss = body.U16();
    if (option == SynOption::kScale) form.scale = body.U8();
    former.Add(option);
  }
  return form;
}

SynFormText::SynFormText(const SynForm& form) {
  if (!form.known) return;
  Put(form.window);
  Put(":");
  Put(form.mss);
  Put(":");
  if (form.options == 0) Put(kWords[0]);
  for (std::uint64_t left = form.options; left != 0; left >>= kBits) {
    const auto option = static_cast<SynOption>(left & ((1u << kBits) - 1));
    if (left != form.options) Put("-");
    Put(kWords[static_cast<std::size_t>(option)]);
    if (option == SynOption::kScale) Put(form.scale);
  }
}

void SynFormText::Put(unsigned number) {
  const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number).ptr;
  size_ = static_cast<std::size_t>(end - text_.data());
}

}  // namespace slipway::tcp
