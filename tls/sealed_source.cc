// SPDX-License-Identifier: Apache-2.0
//
// The ring of records, and the two ways to make a range of one: on from where sealing stands, or
// again. Order of this file: growing, reading, releasing. What the session hands over beside text
// is sealed_source_sink.cc's.
#include "tls/sealed_source.h"

#include <algorithm>

#include "protocols/base/check.h"
#include "protocols/base/fetch.h"

namespace slipway::tls {
namespace {

using Slot = RecordCipher::Slot;

constexpr std::size_t kRingBegin = 4;
constexpr std::size_t kPlaintextFetched = 128;  // of the plaintext's own lines
constexpr std::size_t kItemsFetched = 2;        // the record that is next, and the one behind it
constexpr std::size_t kTextFetched = 1024;      // then the processor knows where it goes
// Handshake flights, and what a peer may make us say before it acknowledges any of it.
constexpr std::size_t kControlMax = std::size_t{32} * 1024;
// Text in flight from which on records are as large as they may be: a window that has held a whole
// record holds the next.
constexpr std::uint64_t kFlowing = kRecordTextMax;

}  // namespace

SealedSource::SealedSource(ByteSource& plaintext, Sealer& sealer, const Sizing& sizing)
    : plaintext_(plaintext), ring_(kRingBegin), sealer_(sealer), sizing_(sizing) {
  SLIPWAY_CHECK(sizing.first_record >= 1 && sizing.record_min >= 1);
  SLIPWAY_CHECK(sizing.record_max >= 1 && sizing.record_max <= kRecordTextMax);
}

// ---- growing ----

SealedSource::Item& SealedSource::Append(std::size_t size) {
  if (count_ == ring_.size()) {
    std::vector<Item> wider(2 * ring_.size());
    for (std::size_t i = 0; i < count_; ++i) wider[i] = ItemAt(i);
    ring_ = std::move(wider);
    first_ = 0;
  }
  Item& item = ItemAt(count_++);
  item = Item{.offset = length_, .size = static_cast<std::uint32_t>(size)};
  length_ += size;
  return item;
}

void SealedSource::Open(TextWriter& writer, RecordsSealedBy sealed_by,
                        std::size_t max_fragment_length) {
  writer_ = &writer;
  sealed_by_ = sealed_by;
  if (max_fragment_length != 0) {
    sizing_.record_max =
        std::min(sizing_.record_max, static_cast<std::uint32_t>(max_fragment_length));
  }
}

void SealedSource::Close() {
  if (closing_) return;
  closing_ = true;
  close_at_ = std::max(plaintext_.length(), text_committed_);
  FinishWhenDone();
}

void SealedSource::FinishWhenDone() {
  if (finished_ || writer_ == nullptr) return;
  if (!closing_ && plaintext_.finished()) {
    closing_ = true;
    close_at_ = plaintext_.length();
  }
  if (!closing_ || text_committed_ != close_at_) return;
  writer_->WriteCloseNotify();
  finished_ = true;
}

bool SealedSource::control_overflows() const {
  const bool records = sealed_by_ == RecordsSealedBy::kOpenssl;
  return retained_bytes() > kControlMax + (records ? 2 * sizing_.retained_max : 0);
}

// Text of the next record: what the window allows now, small at the start of a response. (Not
// whenever all is acknowledged: on a fast wire it is before every turn.) Where much is on its way,
// a whole record: its end leaves with the next acknowledgments or the next turn, and each record
// has its price, for us and for the receiver.
std::size_t SealedSource::NextText(std::uint64_t room, std::uint64_t available) const {
  const bool idle = text_released_ == text_committed_ && text_committed_ == ran_dry_at_;
  const std::size_t overhead =
      sealed_by_ == RecordsSealedBy::kSlipway ? epochs_[epoch_].format.overhead() : 64;
  const bool flows = text_committed_ - text_released_ >= kFlowing;
  const std::uint64_t least = idle    ? sizing_.first_record
                              : flows ? sizing_.record_max
                                      : sizing_.record_min;
  std::uint64_t text = room > overhead ? room - overhead : 0;
  text = idle ? least : std::max(text, least);
  return static_cast<std::size_t>(std::min({text, available, std::uint64_t{sizing_.record_max}}));
}

bool SealedSource::CommitRecord(std::uint64_t& room) {
  const std::uint64_t end = closing_ ? close_at_ : plaintext_.length();
  SLIPWAY_CHECK(end >= text_committed_);
  const std::uint64_t available = end - text_committed_;
  if (available == 0) ran_dry_at_ = text_committed_;
  if (room == 0 || available == 0 || finished_) return false;
  const std::size_t text = NextText(room, available);
  const std::uint64_t before = length_;
  if (sealed_by_ == RecordsSealedBy::kOpenssl) {
    if (retained_bytes() + text > sizing_.retained_max) return false;
    const MutableBytes copy = sealer_.scratch().first(text);
    plaintext_.Read(text_committed_, copy);
    writer_->WriteText(copy);
    text_committed_ += text;
    if (length_ == before) return false;  // the session failed
    ItemAt(count_ - 1).text = static_cast<std::uint16_t>(text);
  } else {
    if (count_ >= sizing_.records_max) return false;
    Epoch& epoch = epochs_[epoch_];
    Item& item = Append(epoch.format.record_size(text));
    item.source = text_committed_;
    item.sequence = epoch.next_sequence++;
    item.text = static_cast<std::uint16_t>(text);
    item.epoch = epoch_;
    item.is_record = true;
    ++epoch.records;
    text_committed_ += text;
  }
  room -= std::min(room, length_ - before);
  return true;
}

void SealedSource::Extend(std::uint64_t room) {
  if (writer_ == nullptr || finished_) return;
  if (!closing_) {
    const std::uint64_t ahead = plaintext_.length() - text_committed_;
    if (room > ahead) plaintext_.Extend(room - ahead);
  }
  while (CommitRecord(room)) {
  }
  FinishWhenDone();
  FetchText();
}

// The first of what is sealed next. A turn goes on where the processor's own prefetchers have long
// forgotten the text: it is on its way while the frames are begun.
void SealedSource::FetchText() {
  for (std::size_t index = reading_; index < count_ && index < reading_ + 2; ++index) {
    const Item& item = ItemAt(index);
    const std::size_t from = leaving_.offset == item.offset ? leaving_.at : 0;
    if (!item.is_record || item.tag_known || from >= item.text) continue;
    const Bytes text = plaintext_.Borrow(item.source + from, kTextFetched);
    FetchToRead(text.data(), text.size());
    return;
  }
}

// ---- reading ----

// Reading goes from front to back: the record of the last read is asked for next, or the one after.
std::size_t SealedSource::Find(std::uint64_t offset) {
  for (std::size_t index = reading_; index < count_ && index < reading_ + 2; ++index) {
    const Item& item = ItemAt(index);
    if (item.offset <= offset && offset < item.end()) return reading_ = index;
  }
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (ItemAt(middle).end() <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return reading_ = low;
}

void SealedSource::Read(std::uint64_t offset, MutableBytes out) {
  SLIPWAY_CHECK(offset >= released_ && out.size() <= length_ - offset);
  if (out.empty()) return;
  for (std::size_t index = Find(offset); !out.empty(); ++index) {
    Item& item = ItemAt(index);
    const std::size_t from = static_cast<std::size_t>(offset - item.offset);
    const std::size_t size = std::min<std::size_t>(item.size - from, out.size());
    const MutableBytes part = out.first(size);
    if (item.is_record) {
      ReadRecord(item, from, part);
    } else {
      const std::uint64_t position = item.source + from - retained_position_;
      const Bytes kept = Bytes(retained_).subspan(retained_begin_);
      static_cast<void>(Copy(kept.subspan(static_cast<std::size_t>(position), size), part));
    }
    out = out.subspan(size);
    offset += size;
  }
}

// Most pieces of a run lie within the record that is leaving: they are sealed one after the other
// from its text, which is found once. What begins or ends a record goes the long way.
void SealedSource::ReadRun(std::uint64_t offset, std::span<const MutableBytes> pieces,
                           RunPieces* turns) {
  Straight straight;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const MutableBytes piece = pieces[i];
    if (i + 1 < pieces.size()) FetchToWrite(pieces[i + 1]);
    if (turns != nullptr) turns->Begin(i);
    if (straight.offset == offset && straight.text.size() > piece.size()) {
      straight.cipher->Update(Slot::kStream, straight.text.first(piece.size()), piece);
      straight.text = straight.text.subspan(piece.size());
      straight.offset += piece.size();
      leaving_.at += piece.size();
    } else {
      Read(offset, piece);
      straight = GoStraight();
    }
    offset += piece.size();
  }
}

void SealedSource::FetchAhead(Soon soon) const {
  const bool reads = soon == Soon::kRead;
  const std::size_t item = (first_ + (reads ? reading_ : 0)) & (ring_.size() - 1);
  FetchToRead(&ring_[item], kItemsFetched * sizeof(Item));
  FetchToRead(&plaintext_, kPlaintextFetched);
  if (!reads) return;
  if (const RecordCipher* const cipher = epochs_[epoch_].cipher.get()) sealer_.FetchAhead(*cipher);
}

// Where sealing of the record that is leaving goes on, if its text can be borrowed.
SealedSource::Straight SealedSource::GoStraight() {
  if (reading_ >= count_) return {};
  const Item& item = ItemAt(reading_);
  if (leaving_.offset != item.offset || leaving_.at >= item.text) return {};
  const Epoch& epoch = epochs_[item.epoch];
  return {.cipher = epoch.cipher.get(),
          .text = plaintext_.Borrow(item.source + leaving_.at, item.text - leaving_.at),
          .offset = item.offset + epoch.format.prefix_size() + leaving_.at};
}

std::size_t SealedSource::BodySize(const Item& item) const {
  return epochs_[item.epoch].format.body_size(item.text);
}

void SealedSource::ReadRecord(Item& item, std::size_t from, MutableBytes out) {
  const RecordFormat& format = epochs_[item.epoch].format;
  const std::size_t prefix_size = format.prefix_size();
  const std::size_t body_end = prefix_size + BodySize(item);
  if (from < prefix_size) {
    const RecordPrefix prefix =
        format.PrefixOf(item.sequence, ContentType::kApplicationData, item.text);
    const std::size_t size = Copy(prefix.view().subspan(from), out);
    out = out.subspan(size);
    from += size;
  }
  if (from < body_end && !out.empty()) {
    const std::size_t size = std::min(body_end - from, out.size());
    ReadBody(item, from - prefix_size, out.first(size));
    out = out.subspan(size);
    from += size;
  }
  if (!out.empty()) static_cast<void>(Copy(Bytes(TagOf(item)).subspan(from - body_end), out));
}

void SealedSource::ReadBody(Item& item, std::size_t from, MutableBytes out) {
  if (item.tag_known) {
    if (out.size() == BodySize(item)) return VerifyWhole(item, out);
    return ResealBody(item, from, out);
  }
  if (leaving_.offset != item.offset && from == 0) {
    BeginIn(Slot::kStream, item);
    leaving_ = {.offset = item.offset, .at = 0};
  }
  if (leaving_.offset != item.offset || from > leaving_.at) return ResealBody(item, from, out);
  const std::size_t again = std::min(leaving_.at - from, out.size());
  if (again != 0) ResealBody(item, from, out.first(again));
  if (again != out.size()) SealOn(item, out.subspan(again));
}

void SealedSource::BeginIn(Slot slot, const Item& item) {
  const Epoch& epoch = epochs_[item.epoch];
  const AssociatedData data =
      epoch.format.AssociatedDataOf(item.sequence, ContentType::kApplicationData, item.text);
  epoch.cipher->Begin(slot, epoch.format.NonceOf(item.sequence), data.view());
}

template <class Seal>
void SealedSource::WithBody(const Item& item, std::size_t from, MutableBytes out, Seal seal) {
  while (!out.empty() && from < item.text) {
    const std::size_t size = std::min<std::size_t>(item.text - from, out.size());
    const std::uint64_t offset = item.source + from;
    Bytes text = plaintext_.Borrow(offset, size);
    if (text.empty()) {
      plaintext_.Read(offset, out.first(size));
      text = out.first(size);
    }
    SLIPWAY_CHECK(text.size() <= size);
    seal(text, out.first(text.size()));
    from += text.size();
    out = out.subspan(text.size());
  }
  if (out.empty()) return;
  // TLS 1.3: the inner content type ends the body.
  static constexpr std::uint8_t kType[] = {
      static_cast<std::uint8_t>(ContentType::kApplicationData)};
  SLIPWAY_CHECK(out.size() == 1);
  seal(Bytes(kType), out);
}

void SealedSource::SealOn(Item& item, MutableBytes out) {
  RecordCipher& cipher = *epochs_[item.epoch].cipher;
  WithBody(item, leaving_.at, out,
           [&cipher](Bytes in, MutableBytes to) { cipher.Update(Slot::kStream, in, to); });
  leaving_.at += out.size();
  if (leaving_.at != BodySize(item)) return;
  item.tag = cipher.Finish(Slot::kStream);
  item.tag_known = true;
  leaving_ = {};
}

void SealedSource::ResealBody(const Item& item, std::size_t from, MutableBytes out) {
  const Epoch& epoch = epochs_[item.epoch];
  const Nonce nonce = epoch.format.NonceOf(item.sequence);
  std::size_t at = from;
  WithBody(item, from, out, [&](Bytes in, MutableBytes to) {
    epoch.cipher->Reseal(nonce, at, in, to);
    at += in.size();
  });
}

// The rule, held: the same nonce gave the same tag, so it sealed the same bytes.
void SealedSource::VerifyWhole(const Item& item, MutableBytes out) {
  RecordCipher& cipher = *epochs_[item.epoch].cipher;
  BeginIn(Slot::kAside, item);
  WithBody(item, 0, out,
           [&cipher](Bytes in, MutableBytes to) { cipher.Update(Slot::kAside, in, to); });
  SLIPWAY_CHECK(cipher.Finish(Slot::kAside) == item.tag);
}

const Tag& SealedSource::TagOf(Item& item) {
  if (item.tag_known) return item.tag;
  // Asked for before the body was read in order: seal what is missing of it beside.
  if (leaving_.offset != item.offset) {
    BeginIn(Slot::kStream, item);
    leaving_ = {.offset = item.offset, .at = 0};
  }
  SealOn(item, sealer_.scratch().first(BodySize(item) - leaving_.at));
  return item.tag;
}

// ---- releasing ----

void SealedSource::ForgetRetained(std::uint64_t position) {
  retained_begin_ += static_cast<std::size_t>(position - retained_position_);
  retained_position_ = position;
  if (retained_begin_ == retained_.size()) {
    std::vector<std::uint8_t>().swap(retained_);  // mostly for good: the handshake is over
    retained_begin_ = 0;
  } else if (retained_begin_ > retained_.size() / 2) {
    retained_.erase(retained_.begin(),
                    retained_.begin() + static_cast<std::ptrdiff_t>(retained_begin_));
    retained_begin_ = 0;
  }
}

void SealedSource::Release(std::uint64_t offset) {
  SLIPWAY_CHECK(offset <= length_);
  if (offset <= released_) return;
  released_ = offset;
  while (count_ != 0) {
    Item& item = ItemAt(0);
    const bool whole = item.end() <= offset;
    if (!item.is_record && item.offset < offset) {
      const std::uint64_t size = std::min<std::uint64_t>(item.size, offset - item.offset);
      item.offset += size;
      item.source += size;
      item.size -= static_cast<std::uint32_t>(size);
      ForgetRetained(item.source);
    }
    if (!whole) break;
    if (item.text != 0) {
      text_released_ += item.text;
      plaintext_.Release(text_released_);
    }
    if (item.is_record) {
      Epoch& epoch = epochs_[item.epoch];
      if (--epoch.records == 0 && item.epoch != epoch_) epoch.cipher.reset();
      if (leaving_.offset == item.offset) leaving_ = {};
    }
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
    if (reading_ != 0) --reading_;
  }
}

std::size_t SealedSource::heap_bytes() const {
  return ring_.capacity() * sizeof(Item) + retained_.capacity();
}

}  // namespace slipway::tls
