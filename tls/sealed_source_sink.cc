// SPDX-License-Identifier: Apache-2.0
//
// SealedSource as the session's RecordSink: handshake flights, alerts and tickets, and the keys
// from which on text is sealed. None of it is done per segment.
#include <algorithm>

#include "protocols/base/check.h"
#include "tls/sealed_source.h"

namespace slipway::tls {

void SealedSource::AppendRecords(Bytes records) {
  if (records.empty() || finished_) return;
  const std::uint64_t position = retained_position_ + retained_bytes();
  retained_.insert(retained_.end(), records.begin(), records.end());
  if (count_ != 0) {
    Item& last = ItemAt(count_ - 1);
    // What carries text is added to no more, or it would never be acknowledged whole.
    if (!last.is_record && last.text == 0 && last.size + records.size() <= kRecordSizeMax) {
      last.size += static_cast<std::uint32_t>(records.size());
      length_ += records.size();
      return;
    }
  }
  Append(records.size()).source = position;
}

// Messages are short and few: sealed at once and kept like handshake bytes.
void SealedSource::AppendMessage(ContentType type, Bytes plaintext) {
  constexpr auto kAside = RecordCipher::Slot::kAside;
  Epoch& epoch = epochs_[epoch_];
  SLIPWAY_CHECK(epoch.cipher != nullptr);
  while (!plaintext.empty()) {
    const Bytes text = plaintext.first(std::min<std::size_t>(plaintext.size(), sizing_.record_max));
    plaintext = plaintext.subspan(text.size());
    const std::uint64_t sequence = epoch.next_sequence++;
    const RecordPrefix prefix = epoch.format.PrefixOf(sequence, type, text.size());
    const AssociatedData data = epoch.format.AssociatedDataOf(sequence, type, text.size());
    Writer writer(sealer_.scratch());
    writer.Put(prefix.view());
    const MutableBytes body = writer.Reserve(epoch.format.body_size(text.size()));
    SLIPWAY_CHECK(writer.ok());
    static_cast<void>(Copy(text, body));
    if (body.size() != text.size()) body.back() = static_cast<std::uint8_t>(type);
    epoch.cipher->Begin(kAside, epoch.format.NonceOf(sequence), data.view());
    epoch.cipher->Update(kAside, body, body);
    writer.Put(epoch.cipher->Finish(kAside));
    AppendRecords(writer.written());
  }
}

bool SealedSource::InstallKeys(const RecordKeys& keys) {
  const auto free = [this](const Epoch& epoch) {
    return epoch.cipher == nullptr || (epoch.records == 0 && &epoch != &epochs_[epoch_]);
  };
  // The current epoch may be replaced as well when none of its records is still needed.
  std::size_t slot = 0;
  while (slot < kEpochsMax && !free(epochs_[slot])) ++slot;
  if (slot == kEpochsMax) {
    if (epochs_[epoch_].records != 0) return false;
    slot = epoch_;
  }
  epochs_[slot] = Epoch{.cipher = sealer_.NewCipher(keys.key_bytes()),
                        .format = RecordFormat(keys),
                        .next_sequence = keys.sequence,
                        .records = 0};
  epoch_ = static_cast<std::uint8_t>(slot);
  for (std::size_t other = 0; other < kEpochsMax; ++other) {
    if (other != slot && epochs_[other].records == 0) epochs_[other].cipher.reset();
  }
  return true;
}

}  // namespace slipway::tls
