// SPDX-License-Identifier: Apache-2.0
//
// SealedSource: the ciphertext a connection sends, made from its plaintext when TCP asks for it.
//
// The stream is handshake bytes (kept until acknowledged) and records. Of an application record
// only 56 bytes are kept: offsets, length, epoch, sequence, tag. All else about it is a pure
// function of those and the plaintext, so a lost range is made again instead of stored. Reading
// front to back seals in one pass, straight into the segment (multi-part GCM); reading again
// re-encrypts only the bytes asked for (AES-CTR from counter 2 + o/16).
//
// The rule that makes it safe: **bytes whose nonce was used never change.** It holds because a
// record is committed with a plaintext range that its source promises not to change
// (byte_source.h), and a sequence number is given out once. A record that is read again whole is
// sealed again whole and its tag compared: a source that broke its promise ends the program.
//
// Where OpenSSL seals (CBC, ChaCha20) its records are kept, at most `retained_max` in flight.
// Either way plaintext is released with the record that carries it, once all of that was
// acknowledged: whoever waits below for progress sees it though something is always in flight.
// Left out: record padding; limits on bytes per key (RFC 8446 5.5: 2^24.5 full records, 389 GB).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "protocols/source/byte_source.h"
#include "tls/engine.h"
#include "tls/sealer.h"

namespace slipway::tls {

struct Sizing {
  // Text of the first record after the stream had nothing to send: with its overhead it fits one
  // segment.
  std::uint32_t first_record = 1400;
  // Text of later records when the window would allow less (unless the plaintext ends).
  std::uint32_t record_min = 4096;
  std::uint32_t record_max = kRecordTextMax;
  // Records in flight; with 16 KiB each, 4 MiB of window.
  std::uint32_t records_max = 256;
  // Bytes in flight where OpenSSL seals.
  std::uint32_t retained_max = 96 * 1024;
};

class SealedSource final : public ByteSource, public RecordSink {
 public:
  // `plaintext` and `sealer` outlive the source.
  SealedSource(ByteSource& plaintext, Sealer& sealer, const Sizing& sizing);

  std::uint64_t length() const override { return length_; }
  bool finished() const override { return finished_; }
  void Extend(std::uint64_t room) override;
  void Read(std::uint64_t offset, MutableBytes out) override;
  void ReadRun(std::uint64_t offset, std::span<const MutableBytes> pieces,
               RunPieces* turns) override;
  void Release(std::uint64_t offset) override;
  void FetchAhead(Soon soon) const override;

  void AppendRecords(Bytes records) override;
  void AppendMessage(ContentType type, Bytes plaintext) override;
  bool InstallKeys(const RecordKeys& keys) override;

  // The handshake is finished: plaintext may leave. `max_fragment_length` 0 means none.
  void Open(TextWriter& writer, RecordsSealedBy sealed_by, std::size_t max_fragment_length);
  // No plaintext follows but what exists; close_notify comes after it.
  void Close();
  // The session failed: what was appended is still sent, nothing else follows.
  void Abort() { finished_ = true; }

  // The peer made us say more (alerts, KeyUpdates) than a peer that acknowledges anything can.
  bool control_overflows() const;
  // Bytes of alerts, tickets and KeyUpdates that are kept, and OpenSSL's records.
  std::size_t retained_bytes() const { return retained_.size() - retained_begin_; }
  // Heap bytes it holds now, without the ciphers.
  std::size_t heap_bytes() const;

 private:
  static constexpr std::size_t kEpochsMax = 4;

  struct Item {
    std::uint64_t offset = 0;    // in the stream
    std::uint64_t source = 0;    // record: plaintext offset; retained: its position
    std::uint64_t sequence = 0;  // record only
    std::uint32_t size = 0;      // bytes in the stream
    std::uint16_t text = 0;      // bytes of plaintext that it carries
    std::uint8_t epoch = 0;      // record: slot of its epoch
    bool is_record = false;
    bool tag_known = false;
    Tag tag{};

    std::uint64_t end() const { return offset + size; }
  };
  static_assert(sizeof(Item) <= 56, "kept per record in flight");

  struct Epoch {
    std::unique_ptr<RecordCipher> cipher;
    RecordFormat format;
    std::uint64_t next_sequence = 0;
    std::uint32_t records = 0;  // in the ring
  };

  // The record that is leaving front to back: its next body byte.
  struct Leaving {
    std::uint64_t offset = ~std::uint64_t{0};  // of the item; none at first
    std::size_t at = 0;
  };

  // How the next piece of a run is sealed without looking anything up.
  struct Straight {
    RecordCipher* cipher = nullptr;
    Bytes text;                                // what is left of the record's
    std::uint64_t offset = ~std::uint64_t{0};  // in the stream
  };

  Item& ItemAt(std::size_t index) { return ring_[(first_ + index) & (ring_.size() - 1)]; }
  Item& Append(std::size_t size);
  std::size_t Find(std::uint64_t offset);
  std::size_t NextText(std::uint64_t room, std::uint64_t available) const;
  bool CommitRecord(std::uint64_t& room);
  void FinishWhenDone();
  void FetchText();

  Straight GoStraight();
  void ReadRecord(Item& item, std::size_t from, MutableBytes out);
  void ReadBody(Item& item, std::size_t from, MutableBytes out);
  void SealOn(Item& item, MutableBytes out);
  void ResealBody(const Item& item, std::size_t from, MutableBytes out);
  void VerifyWhole(const Item& item, MutableBytes out);
  const Tag& TagOf(Item& item);
  // Calls `seal(in, out)` for the body bytes [from, from + out.size()), borrowed or copied.
  template <class Seal>
  void WithBody(const Item& item, std::size_t from, MutableBytes out, Seal seal);
  std::size_t BodySize(const Item& item) const;
  void BeginIn(RecordCipher::Slot slot, const Item& item);
  void ForgetRetained(std::uint64_t position);

  // In the order of how often they are looked at. Each acknowledgment touches the first two lines
  // and the epoch's, each turn all four.
  ByteSource& plaintext_;
  RecordsSealedBy sealed_by_ = RecordsSealedBy::kNobody;
  bool closing_ = false;
  bool finished_ = false;
  std::uint8_t epoch_ = 0;  // slot of the newest
  std::uint64_t length_ = 0;
  std::uint64_t released_ = 0;
  std::uint64_t text_committed_ = 0;  // plaintext offset of the next record
  std::uint64_t text_released_ = 0;

  std::vector<Item> ring_;  // a power of two
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t reading_ = 0;  // where in the ring the last read was
  Leaving leaving_;

  TextWriter* writer_ = nullptr;
  Sealer& sealer_;
  std::uint64_t ran_dry_at_ = 0;  // plaintext offset at which there was last nothing more to commit
  std::uint64_t close_at_ = 0;    // plaintext offset at which the stream ends, when closing
  Sizing sizing_;

  std::array<Epoch, kEpochsMax> epochs_;
  std::vector<std::uint8_t> retained_;
  std::size_t retained_begin_ = 0;       // index in retained_ of the oldest byte kept
  std::uint64_t retained_position_ = 0;  // position of that byte
};

}  // namespace slipway::tls
