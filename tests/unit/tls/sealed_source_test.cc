// SPDX-License-Identifier: Apache-2.0
//
// SealedSource alone, with keys given to it: every range of a record, in every order, equals what
// OpenSSL's AEAD makes of the same plaintext; sizes of records; what is kept and released.
#include "tls/sealed_source.h"

#include <algorithm>

#include "tests/unit/tls/loopback.h"

namespace slipway::tls {
namespace {

RecordKeys SomeKeys(Version version, std::uint8_t key_size) {
  RecordKeys keys;
  keys.version = version;
  keys.key_size = key_size;
  SeededEntropy random(7);
  random.Fill(MutableBytes(keys.key).first(key_size));
  random.Fill(keys.salt);
  random.Fill(keys.iv);
  keys.sequence = version == Version::kTls12 ? 1 : 0;
  return keys;
}

// Made once: making one runs its known-answer check.
Sealer* Shared(Sealer::Kind kind) {
  static const auto ipsec_mb = Sealer::Create(Sealer::Kind::kFastest);
  static const auto evp = Sealer::Create(Sealer::Kind::kEvp);
  return kind == Sealer::Kind::kEvp ? evp.get() : ipsec_mb.get();
}

// Ends the stream as the engine does.
class CloseWriter final : public TextWriter {
 public:
  explicit CloseWriter(RecordSink& sink) : sink_(sink) {}
  void WriteText(Bytes) override { FAIL() << "our own records"; }
  void WriteCloseNotify() override {
    static constexpr std::uint8_t kCloseNotify[] = {1, 0};
    sink_.AppendMessage(ContentType::kAlert, kCloseNotify);
  }

 private:
  RecordSink& sink_;
};

struct Sealed {
  Sealed(Version version, std::uint8_t key_size, Sealer::Kind kind, const Sizing& sizing = {})
      : keys(SomeKeys(version, key_size)),
        sealer(Shared(kind)),
        source(text, *sealer, sizing),
        writer(source) {
    EXPECT_TRUE(source.InstallKeys(keys));
    source.Open(writer, RecordsSealedBy::kSlipway, 0);
  }
  Buffer Read(std::uint64_t offset, std::size_t size) {
    Buffer out(size);
    source.Read(offset, out);
    return out;
  }
  // The whole stream, straight from OpenSSL's one-shot AEAD: the oracle. Cuts the text at the
  // lengths the records' own headers say.
  Buffer Oracle() {
    Buffer stream = Read(0, source.length());
    Buffer expected;
    const RecordFormat format(keys);
    const auto evp = NewEvpSealer()->NewCipher(keys.key_bytes());
    std::size_t at = 0;
    std::size_t text_at = 0;
    for (std::uint64_t sequence = keys.sequence; at < stream.size(); ++sequence) {
      const std::size_t length = Reader(Bytes(stream).subspan(at + 3, 2)).U16();
      const std::size_t size = length + kRecordHeaderSize - format.overhead();
      const auto prefix = format.PrefixOf(sequence, ContentType::kApplicationData, size);
      const auto data = format.AssociatedDataOf(sequence, ContentType::kApplicationData, size);
      Buffer body(text.text.begin() + static_cast<std::ptrdiff_t>(text_at),
                  text.text.begin() + static_cast<std::ptrdiff_t>(text_at + size));
      if (keys.version == Version::kTls13) body.push_back(23);
      evp->Begin(RecordCipher::Slot::kAside, format.NonceOf(sequence), data.view());
      evp->Update(RecordCipher::Slot::kAside, body, body);
      const Tag tag = evp->Finish(RecordCipher::Slot::kAside);
      expected.insert(expected.end(), prefix.view().begin(), prefix.view().end());
      expected.insert(expected.end(), body.begin(), body.end());
      expected.insert(expected.end(), tag.begin(), tag.end());
      at += length + kRecordHeaderSize;
      text_at += size;
    }
    return expected;
  }

  RecordKeys keys;
  TextSource text;
  Sealer* sealer;
  SealedSource source;
  CloseWriter writer;
};

// Pieces of blank bytes, each begun in its turn and before anything is written to it.
class Turns final : public ByteSource::RunPieces {
 public:
  explicit Turns(std::span<const MutableBytes> pieces) : pieces_(pieces) {}
  void Begin(std::size_t piece) override {
    EXPECT_EQ(piece, count_++);
    EXPECT_EQ(std::ranges::count(pieces_[piece], 0), std::ssize(pieces_[piece]));
  }
  std::size_t count() const { return count_; }

 private:
  std::span<const MutableBytes> pieces_;
  std::size_t count_ = 0;
};

struct Way {
  Version version;
  std::uint8_t key_size;
  Sealer::Kind kind;
};

class EveryWay : public ::testing::TestWithParam<Way> {
 protected:
  std::unique_ptr<Sealed> Make(const Sizing& sizing = {}) {
    const Way& way = GetParam();
    return std::make_unique<Sealed>(way.version, way.key_size, way.kind, sizing);
  }
};

TEST_P(EveryWay, EveryRangeReadFirstOfAllIsTheOraclesRange) {
  const std::size_t kText = 53;
  auto whole = Make();
  whole->text.Add(kText);
  whole->source.Extend(1);
  const Buffer expected = whole->Oracle();
  for (std::size_t from = 0; from < expected.size(); ++from) {
    for (std::size_t size = 1; from + size <= expected.size(); ++size) {
      // Fresh: nothing sealed before, so tags are made out of order too.
      auto fresh = Make();
      fresh->text.Add(kText);
      fresh->text.lends = (from + size) % 2 == 0;
      fresh->source.Extend(1);
      ASSERT_TRUE(Equal(fresh->Read(from, size), Bytes(expected).subspan(from, size)))
          << from << "+" << size;
      ASSERT_TRUE(Equal(fresh->Read(0, expected.size()), expected)) << from << "+" << size;
    }
  }
}

TEST_P(EveryWay, EveryRangeReadAgainIsTheSame) {
  auto sealed = Make();
  sealed->text.Add(80);
  sealed->source.Extend(1);
  const Buffer first = sealed->Read(0, sealed->source.length());
  EXPECT_EQ(first, sealed->Oracle());
  for (std::size_t from = 0; from < first.size(); ++from) {
    for (std::size_t size = 1; from + size <= first.size(); ++size) {
      ASSERT_TRUE(Equal(sealed->Read(from, size), Bytes(first).subspan(from, size)));
    }
  }
}

// Runs of pieces as segments take them, with ranges sent again in between: a run goes on where
// sealing stands, or it does not, and the bytes are the same.
TEST_P(EveryWay, RunsOfPiecesOfAnySizeAreTheOracles) {
  const Sizing sizing{.first_record = 700, .record_min = 900, .record_max = 3000};
  auto other = Make(sizing);
  other->text.Add(12'000);
  while (other->source.length() < 12'000) other->source.Extend(3000);
  const Buffer expected = other->Oracle();
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededEntropy random(seed);
    auto sealed = Make(sizing);
    sealed->text.Add(12'000);
    sealed->text.lends = seed % 4 != 0;
    while (sealed->source.length() < 12'000) sealed->source.Extend(3000);
    const std::size_t piece_max = 1 + random.Below(1500);
    for (std::size_t at = 0; at < expected.size();) {
      const bool again = at != 0 && random.Below(3) == 0;
      const std::size_t from = again ? random.Below(at) : at;
      const std::size_t end = std::min(expected.size(), from + 1 + random.Below(9 * piece_max));
      Buffer out(end - from);
      std::vector<MutableBytes> pieces;
      for (MutableBytes rest(out); !rest.empty();) {
        const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random.Below(piece_max));
        pieces.push_back(rest.first(size));
        rest = rest.subspan(size);
      }
      Turns turns(pieces);
      sealed->source.ReadRun(from, pieces, &turns);
      ASSERT_EQ(turns.count(), pieces.size()) << "seed " << seed;
      ASSERT_TRUE(Equal(out, Bytes(expected).subspan(from, end - from)))
          << "seed " << seed << ": " << from << "+" << end - from;
      if (!again) at = end;
    }
  }
}

TEST_P(EveryWay, RandomRangesOverManyRecordsInAnyOrderAreTheOracles) {
  auto sealed = Make({.first_record = 700, .record_min = 900, .record_max = 3000});
  sealed->text.Add(40000);
  SeededEntropy random(11);
  while (sealed->text.text.size() > 0 && sealed->source.length() < 40000) {
    sealed->source.Extend(1 + random.Below(9000));
  }
  auto other = Make({.first_record = 700, .record_min = 900, .record_max = 3000});
  other->text.Add(40000);
  SeededEntropy again(11);
  while (other->source.length() < 40000) other->source.Extend(1 + again.Below(9000));
  const Buffer expected = other->Oracle();
  ASSERT_EQ(expected.size(), sealed->source.length());
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t from = random.Below(expected.size());
    const std::uint64_t size =
        1 + random.Below(std::min<std::uint64_t>(expected.size() - from, 4000));
    ASSERT_TRUE(Equal(sealed->Read(from, size), Bytes(expected).subspan(from, size)))
        << from << "+" << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Tls, EveryWay,
                         ::testing::Values(Way{Version::kTls12, 16, Sealer::Kind::kIpsecMb},
                                           Way{Version::kTls12, 32, Sealer::Kind::kEvp},
                                           Way{Version::kTls13, 32, Sealer::Kind::kIpsecMb},
                                           Way{Version::kTls13, 16, Sealer::Kind::kEvp}),
                         [](const auto& test) {
                           return std::string(test.param.version == Version::kTls12 ? "Tls12"
                                                                                    : "Tls13") +
                                  (test.param.key_size == 16 ? "Aes128" : "Aes256") +
                                  (test.param.kind == Sealer::Kind::kEvp ? "Evp" : "IpsecMb");
                         });

struct Plain : Sealed {
  explicit Plain(const Sizing& sizing = {})
      : Sealed(Version::kTls12, 16, Sealer::Kind::kFastest, sizing) {}
  std::size_t NextRecord(std::uint64_t room) {
    const std::uint64_t before = source.length();
    source.Extend(room);
    return static_cast<std::size_t>(source.length() - before);
  }
};

constexpr std::size_t kOverhead12 = 29;

TEST(RecordSizes, BeginSmallThenFillTheRoomThenTheMaximum) {
  Plain sealed;
  sealed.text.Add(200000);
  EXPECT_EQ(sealed.NextRecord(0), 0U) << "no room, no record";
  EXPECT_EQ(sealed.NextRecord(10), 1400 + kOverhead12) << "the first fits one segment";
  EXPECT_EQ(sealed.NextRecord(9000), 9000U);
  EXPECT_EQ(sealed.NextRecord(10), 4096 + kOverhead12) << "never many tiny records";
  EXPECT_EQ(sealed.NextRecord(2000), 4096 + kOverhead12)
      << "once more: not yet a whole record's worth on its way";
  EXPECT_EQ(sealed.NextRecord(2000), 16384 + kOverhead12) << "much is on its way: a whole record";
  EXPECT_EQ(sealed.NextRecord(40000), 3 * (16384 + kOverhead12)) << "several, none of them cut";
}

// As on a wire so fast that every turn finds all of the turn before acknowledged.
TEST(RecordSizes, InTheMiddleOfAResponseNothingBeginsSmall) {
  Plain sealed;
  sealed.text.Add(200000);
  EXPECT_EQ(sealed.NextRecord(1), 1400 + kOverhead12);
  sealed.source.Release(sealed.source.length());
  EXPECT_EQ(sealed.NextRecord(9000), 9000U) << "there was more to send all the time";
  sealed.source.Release(sealed.source.length());
  EXPECT_EQ(sealed.NextRecord(1), 4096 + kOverhead12);
}

// A turn takes 16 segments, whatever the window: what is left of a record leaves with the next.
TEST(RecordSizes, TurnsThatAreAcknowledgedOneByOneCarryWholeRecords) {
  constexpr std::uint64_t kTurn = 16 * 1460;
  Plain sealed;
  sealed.text.Add(400'000);
  for (std::uint64_t sent = 0; sent < 10 * kTurn; sent += kTurn) {
    sealed.source.Release(sent);
    const std::uint64_t waiting = sealed.source.length() - sent;
    if (waiting < kTurn) sealed.source.Extend(kTurn - waiting);
    ASSERT_GE(sealed.source.length(), sent + kTurn);
    EXPECT_EQ((sealed.source.length() - (1400 + kOverhead12)) % (16384 + kOverhead12), 0U)
        << "a small one, then whole ones; at " << sent;
  }
}

TEST(RecordSizes, AfterIdlenessTheNextResponseBeginsSmallAgain) {
  Plain sealed;
  sealed.text.Add(20000);
  sealed.source.Extend(100000);
  sealed.source.Release(sealed.source.length());
  sealed.text.Add(20000);
  EXPECT_EQ(sealed.NextRecord(1), 1400 + kOverhead12);
}

TEST(RecordSizes, TheRingIsBounded) {
  Plain sealed({.record_min = 1, .record_max = 100, .records_max = 64});
  sealed.text.Add(100000);
  sealed.source.Extend(1000000);
  EXPECT_EQ(sealed.source.length(), 64U * (100 + kOverhead12));
  EXPECT_LT(sealed.source.heap_bytes(), 64U * 64);
  sealed.Read(0, sealed.source.length());
  sealed.source.Release(10 * (100 + kOverhead12) - 1);
  EXPECT_EQ(sealed.text.released, 900U) << "the tenth record still lacks a byte";
  sealed.source.Extend(1000000);
  EXPECT_EQ(sealed.source.length(), 73U * (100 + kOverhead12));
}

TEST(Stream, EndsWithCloseNotifyOnceThePlaintextHasEnded) {
  Plain sealed;
  sealed.text.Add(100);
  sealed.source.Extend(1000);
  EXPECT_FALSE(sealed.source.finished());
  sealed.text.ended = true;
  sealed.source.Extend(0);
  EXPECT_TRUE(sealed.source.finished());
  EXPECT_EQ(sealed.source.length(), 100 + kOverhead12 + 2 + kOverhead12);
  const Buffer alert = sealed.Read(100 + kOverhead12, 1);
  EXPECT_EQ(alert[0], 21);
  sealed.source.Release(sealed.source.length());
  EXPECT_EQ(sealed.source.retained_bytes(), 0U);
}

TEST(StreamDeathTest, ASourceThatChangesBytesUnderAUsedNonceEndsTheProgram) {
  Plain sealed;
  sealed.text.Add(1000);
  sealed.source.Extend(100);
  const std::uint64_t size = sealed.source.length();
  sealed.Read(0, size);
  sealed.Read(0, size);
  sealed.text.text[500] ^= 1;
  EXPECT_DEATH(sealed.Read(0, size), "check failed");
}

TEST(StreamDeathTest, WhatWasReleasedOrNeverExistedCannotBeRead) {
  Plain sealed;
  sealed.text.Add(1000);
  sealed.source.Extend(100);
  EXPECT_DEATH(sealed.Read(0, sealed.source.length() + 1), "check failed");
  sealed.source.Release(50);
  EXPECT_DEATH(sealed.Read(49, 1), "check failed");
}

TEST(Sealers, AgreeOnEveryLengthCutAndRange) {
  const auto mine = NewIpsecMbSealer();
  const auto oracle = NewEvpSealer();
  ASSERT_NE(mine, nullptr) << "this processor has no AES-NI";
  SeededEntropy random(3);
  for (const std::size_t key_size : {std::size_t{16}, std::size_t{32}}) {
    Buffer key(key_size);
    random.Fill(key);
    const auto a = mine->NewCipher(key);
    const auto b = oracle->NewCipher(key);
    for (std::size_t size = 0; size < 1200; size += size < 300 ? 1 : 37) {
      Buffer text(size);
      random.Fill(text);
      Nonce nonce;
      random.Fill(nonce);
      Buffer left(size);
      Buffer right(size);
      const std::size_t cut = static_cast<std::size_t>(random.Below(size + 1));
      const Buffer data(size % 2 == 0 ? 13 : 5, 9);
      for (const auto& [cipher, out] : {std::pair(a.get(), &left), std::pair(b.get(), &right)}) {
        cipher->Begin(RecordCipher::Slot::kStream, nonce, data);
        cipher->Update(RecordCipher::Slot::kStream, Bytes(text).first(cut),
                       MutableBytes(*out).first(cut));
        cipher->Update(RecordCipher::Slot::kStream, Bytes(text).subspan(cut),
                       MutableBytes(*out).subspan(cut));
      }
      ASSERT_EQ(left, right);
      ASSERT_EQ(a->Finish(RecordCipher::Slot::kStream), b->Finish(RecordCipher::Slot::kStream));
      const std::size_t from = static_cast<std::size_t>(random.Below(size + 1));
      Buffer again(size - from);
      a->Reseal(nonce, from, Bytes(text).subspan(from), again);
      ASSERT_TRUE(Equal(again, Bytes(right).subspan(from))) << size << " from " << from;
    }
  }
}

}  // namespace
}  // namespace slipway::tls
