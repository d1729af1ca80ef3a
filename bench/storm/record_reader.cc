// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/record_reader.h"

#include <intel-ipsec-mb.h>

#include <algorithm>

#include "tls/key_schedule.h"

namespace slipway::storm {

struct RecordCrypto::Library {
  struct Free {
    void operator()(IMB_MGR* held) const { free_mb_mgr(held); }
  };
  std::unique_ptr<IMB_MGR, Free> manager{alloc_mb_mgr(0)};
};

struct RecordReader::Cipher {
  gcm_key_data key;
  gcm_context_data context;
};

RecordCrypto::RecordCrypto() : library_(std::make_unique<Library>()) {}
RecordCrypto::~RecordCrypto() = default;

std::unique_ptr<RecordCrypto> RecordCrypto::Create() {
  std::unique_ptr<RecordCrypto> crypto(new RecordCrypto);
  crypto->sealer_ = tls::Sealer::Create();
  IMB_MGR* manager = crypto->library().manager.get();
  if (manager == nullptr || crypto->sealer_ == nullptr) return nullptr;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager, &architecture);
  const std::uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  return (manager->features & needed) == needed ? std::move(crypto) : nullptr;
}

void RecordCrypto::Seal(tls::RecordKeys& keys, tls::ContentType type, Bytes text,
                        std::vector<std::uint8_t>& out) {
  const tls::RecordFormat format(keys);
  const std::uint64_t sequence = keys.sequence;
  const auto cipher = sealer_->NewCipher(keys.key_bytes());
  const auto prefix = format.PrefixOf(sequence, type, text.size());
  const std::size_t body = out.size() + prefix.size;
  out.insert(out.end(), prefix.view().begin(), prefix.view().end());
  out.insert(out.end(), text.begin(), text.end());
  if (format.version() == tls::Version::kTls13) out.push_back(static_cast<std::uint8_t>(type));
  constexpr auto kSlot = tls::RecordCipher::Slot::kStream;
  const MutableBytes sealed = MutableBytes(out).subspan(body);
  cipher->Begin(kSlot, format.NonceOf(sequence),
                format.AssociatedDataOf(sequence, type, text.size()).view());
  cipher->Update(kSlot, sealed, sealed);
  const tls::Tag tag = cipher->Finish(kSlot);
  out.insert(out.end(), tag.begin(), tag.end());
  ++keys.sequence;
  if (keys.version == tls::Version::kTls12) {  // its nonces count on beside the sequence
    Writer(keys.iv).U64(Reader(keys.iv).U64() + 1);
  }
}

RecordReader::RecordReader(RecordCrypto& crypto, const tls::RecordKeys& keys,
                           std::vector<std::uint8_t> read_secret)
    : crypto_(crypto), cipher_(std::make_unique<Cipher>()), secret_(std::move(read_secret)) {
  UseKeys(keys);
}

RecordReader::~RecordReader() { imb_clear_mem(&cipher_->key, sizeof cipher_->key); }

std::size_t RecordReader::Size() { return sizeof(RecordReader) + sizeof(Cipher); }

void RecordReader::UseKeys(const tls::RecordKeys& keys) {
  key_size_ = keys.key_size;
  salt_ = keys.salt;
  sequence_ = keys.sequence;
  format_ = tls::RecordFormat(keys);
  if (key_size_ == 32) {
    IMB_AES256_GCM_PRE(crypto_.library().manager.get(), keys.key.data(), &cipher_->key);
  } else {
    IMB_AES128_GCM_PRE(crypto_.library().manager.get(), keys.key.data(), &cipher_->key);
  }
}

bool RecordReader::Fail(Failure failure) {
  failure_ = failure;
  return false;
}

bool RecordReader::Next(Bytes& in, Piece& piece) {
  while (!in.empty() && failure_ == Failure::kNone) {
    if (!in_record_ && !TakePrefix(in)) return false;
    if (short_wanted_ != 0) {
      if (TakeShort(in, piece)) return true;
    } else if (body_left_ > 0) {
      if (TakeLong(in, piece)) return true;
    } else if (!TakeTag(in)) {
      return false;
    }
  }
  return false;
}

bool RecordReader::TakePrefix(Bytes& in) {
  const std::size_t size = format_.prefix_size();
  const std::size_t taken =
      Copy(in, MutableBytes(prefix_).subspan(prefix_size_, size - prefix_size_));
  in = in.subspan(taken);
  prefix_size_ = static_cast<std::uint8_t>(prefix_size_ + taken);
  return prefix_size_ == size && Begin();
}

// The record's prefix is there.
bool RecordReader::Begin() {
  Reader reader(prefix_);
  type_ = static_cast<tls::ContentType>(reader.U8());
  reader.Skip(2);
  const std::size_t length = reader.U16() + tls::kRecordHeaderSize;
  const std::size_t text_max = tls::kRecordTextMax;
  if (length < format_.overhead() || length > format_.record_size(text_max)) {
    return Fail(Failure::kRecordUnexpected);
  }
  text_left_ = static_cast<std::uint32_t>(length - format_.overhead());
  body_left_ = static_cast<std::uint32_t>(format_.body_size(text_left_));
  in_record_ = true;
  tag_size_ = 0;
  short_size_ = 0;
  short_wanted_ = body_left_ <= kShort ? body_left_ + tls::kTagSize : 0;
  counting_ = count_only_ && short_wanted_ == 0;
  if (short_wanted_ == 0 && type_ != tls::ContentType::kApplicationData) {
    return Fail(Failure::kRecordUnexpected);
  }
  if (counting_) return true;
  tls::Nonce nonce = format_.NonceOf(sequence_);
  if (format_.version() == tls::Version::kTls12) {  // as the record says
    Writer writer(nonce);
    writer.Put(salt_);
    writer.Put(Bytes(prefix_).subspan(tls::kRecordHeaderSize));
  }
  auto data = format_.AssociatedDataOf(sequence_, type_, text_left_);
  if (format_.version() == tls::Version::kTls13) {  // the header as it arrived
    static_cast<void>(Copy(Bytes(prefix_).first(tls::kRecordHeaderSize), data.bytes));
  }
  if (key_size_ == 32) {
    IMB_AES256_GCM_INIT(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                        nonce.data(), data.bytes.data(), data.size);
  } else {
    IMB_AES128_GCM_INIT(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                        nonce.data(), data.bytes.data(), data.size);
  }
  return true;
}

void RecordReader::Open(Bytes sealed, MutableBytes text) {
  if (key_size_ == 32) {
    IMB_AES256_GCM_DEC_UPDATE(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                              text.data(), sealed.data(), sealed.size());
  } else {
    IMB_AES128_GCM_DEC_UPDATE(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                              text.data(), sealed.data(), sealed.size());
  }
}

tls::Tag RecordReader::Finish() {
  tls::Tag tag{};
  if (key_size_ == 32) {
    IMB_AES256_GCM_DEC_FINALIZE(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                                tag.data(), tag.size());
  } else {
    IMB_AES128_GCM_DEC_FINALIZE(crypto_.library().manager.get(), &cipher_->key, &cipher_->context,
                                tag.data(), tag.size());
  }
  return tag;
}

bool RecordReader::EndRecord() {
  in_record_ = false;
  prefix_size_ = 0;
  ++sequence_;
  ++records_;
  return true;
}

bool RecordReader::TakeShort(Bytes& in, Piece& piece) {
  const std::size_t taken =
      Copy(in, MutableBytes(short_).subspan(short_size_, short_wanted_ - short_size_));
  in = in.subspan(taken);
  short_size_ += static_cast<std::uint32_t>(taken);
  return short_size_ == short_wanted_ && OpenShort(piece);
}

bool RecordReader::OpenShort(Piece& piece) {
  const Bytes all = Bytes(short_).first(short_wanted_);
  const MutableBytes text = crypto_.scratch().first(body_left_);
  Open(all.first(body_left_), text);
  if (!Equal(Finish(), all.subspan(body_left_))) return Fail(Failure::kRecordDamaged);
  piece.type = format_.version() == tls::Version::kTls13
                   ? static_cast<tls::ContentType>(text[text_left_])
                   : type_;
  piece.text = Bytes(text).first(text_left_);
  piece.size = text_left_;
  short_wanted_ = 0;
  body_left_ = 0;
  EndRecord();
  return piece.type != tls::ContentType::kHandshake || ChangeKeys(piece.text);
}

bool RecordReader::TakeLong(Bytes& in, Piece& piece) {
  const std::size_t room = counting_ ? in.size() : crypto_.scratch().size();
  const std::size_t size = std::min<std::size_t>({in.size(), body_left_, room});
  const std::size_t text_size = std::min<std::size_t>(size, text_left_);
  piece.type = type_;
  piece.size = text_size;
  piece.text = {};
  if (!counting_) {
    const MutableBytes text = crypto_.scratch().first(size);
    Open(in.first(size), text);
    piece.text = Bytes(text).first(text_size);
    const bool has_type = text_size < size;
    if (has_type &&
        text[text_size] != static_cast<std::uint8_t>(tls::ContentType::kApplicationData)) {
      return Fail(Failure::kRecordUnexpected);
    }
  }
  in = in.subspan(size);
  text_left_ -= static_cast<std::uint32_t>(text_size);
  body_left_ -= static_cast<std::uint32_t>(size);
  return text_size > 0;
}

bool RecordReader::TakeTag(Bytes& in) {
  const std::size_t taken = Copy(in, MutableBytes(tag_).subspan(tag_size_));
  in = in.subspan(taken);
  tag_size_ = static_cast<std::uint8_t>(tag_size_ + taken);
  if (tag_size_ < tls::kTagSize) return false;
  if (!counting_ && Finish() != tag_) return Fail(Failure::kRecordDamaged);
  return EndRecord();
}

// RFC 8446 4.6.3: the record was the last of its epoch.
bool RecordReader::ChangeKeys(Bytes message) {
  constexpr std::uint8_t kKeyUpdate = 24;
  if (message.empty() || message[0] != kKeyUpdate || secret_.empty()) return true;
  auto next = tls::NextTrafficSecret(secret_);
  const auto keys = next ? tls::KeysFromTrafficSecret(*next, key_size_) : std::nullopt;
  if (!keys) return Fail(Failure::kRecordUnexpected);
  secret_ = *std::move(next);
  UseKeys(*keys);
  return true;
}

}  // namespace slipway::storm
