// SPDX-License-Identifier: Apache-2.0
//
// RecordReader: the server's AES-GCM records (TLS 1.2: RFC 5288, TLS 1.3: RFC 8446 5.2) as they
// arrive in segments, opened piece by piece, so that a machine keeps a key and a few counters but
// no record. A piece is handed on before its record's tag was seen; a wrong tag is reported as soon
// as it is known, and the body is compared with the image besides.
//
// Counting alone: text of long records is only counted, which costs nothing; short ones (tickets,
// alerts, heads of responses) are always opened. A long record is taken for application data; its
// inner type is checked when it is opened.
//
// Left out: padding (RFC 8446 5.4), records of other ciphers.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bench/storm/failure.h"
#include "tls/record.h"
#include "tls/sealer.h"

namespace slipway::storm {

// One thread's ciphers: the library's state, and room to open into.
class RecordCrypto {
 public:
  // Null: this processor cannot run it.
  static std::unique_ptr<RecordCrypto> Create();

  // intel-ipsec-mb's manager. Its header and OpenSSL's claim the same names (old ones of
  // ipsec-mb's), so no file may see both: hence the opaque types here.
  struct Library;
  Library& library() { return *library_; }
  MutableBytes scratch() { return scratch_; }

  ~RecordCrypto();
  RecordCrypto(const RecordCrypto&) = delete;
  RecordCrypto& operator=(const RecordCrypto&) = delete;

  // Appends a sealed record with `text` to `out`, and moves `keys` on.
  void Seal(tls::RecordKeys& keys, tls::ContentType type, Bytes text,
            std::vector<std::uint8_t>& out);

 private:
  RecordCrypto();

  std::unique_ptr<Library> library_;
  std::unique_ptr<tls::Sealer> sealer_;
  std::array<std::uint8_t, 4096> scratch_{};
};

class RecordReader {
 public:
  struct Piece {
    tls::ContentType type = tls::ContentType::kApplicationData;
    Bytes text;            // valid until the next call of any reader of the thread
    std::size_t size = 0;  // of the text, also where it was only counted
  };

  // `read_secret` (TLS 1.3) makes the keys of later epochs.
  RecordReader(RecordCrypto& crypto, const tls::RecordKeys& keys,
               std::vector<std::uint8_t> read_secret);
  ~RecordReader();
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // Only counts the text of long records from the next one on.
  void CountOnly(bool count_only) { count_only_ = count_only; }

  // Takes from the front of `in`; true with a piece of text, false when it needs more or failed.
  bool Next(Bytes& in, Piece& piece);
  Failure failure() const { return failure_; }
  std::uint64_t records() const { return records_; }
  // Memory of one reader with what it owns.
  static std::size_t Size();

 private:
  static constexpr std::size_t kShort = 1024;

  bool Fail(Failure failure);
  void UseKeys(const tls::RecordKeys& keys);
  bool TakePrefix(Bytes& in);
  bool Begin();
  bool TakeShort(Bytes& in, Piece& piece);
  bool TakeLong(Bytes& in, Piece& piece);
  bool TakeTag(Bytes& in);
  void Open(Bytes sealed, MutableBytes text);
  tls::Tag Finish();
  bool EndRecord();
  bool OpenShort(Piece& piece);
  bool ChangeKeys(Bytes message);

  struct Cipher;  // the expanded key, and the record under way

  RecordCrypto& crypto_;
  std::unique_ptr<Cipher> cipher_;
  std::vector<std::uint8_t> secret_;
  tls::RecordFormat format_;
  std::uint64_t sequence_ = 0;
  std::uint64_t records_ = 0;
  std::array<std::uint8_t, 4> salt_{};
  std::uint8_t key_size_ = 16;
  std::uint8_t prefix_size_ = 0;  // of the record under way, as far as it is there
  std::uint8_t tag_size_ = 0;
  bool count_only_ = false;
  bool counting_ = false;  // the record under way is only counted
  bool in_record_ = false;
  Failure failure_ = Failure::kNone;
  tls::ContentType type_ = tls::ContentType::kApplicationData;
  std::uint32_t text_left_ = 0;
  std::uint32_t body_left_ = 0;  // the inner type of TLS 1.3 included
  std::uint32_t short_size_ = 0;
  std::uint32_t short_wanted_ = 0;  // not 0: the record is collected whole
  std::array<std::uint8_t, tls::kRecordHeaderSize + tls::kExplicitNonceSize> prefix_{};
  std::array<std::uint8_t, tls::kTagSize> tag_{};
  std::array<std::uint8_t, kShort + tls::kTagSize> short_{};
};

}  // namespace slipway::storm
