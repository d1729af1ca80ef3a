// SPDX-License-Identifier: Apache-2.0
//
// The known answers; self_check.h says where they come from.
#include "tls/self_check.h"

#include <algorithm>
#include <vector>

#include "tls/key_schedule.h"

namespace slipway::tls {
namespace {

std::vector<std::uint8_t> FromHex(std::string_view hex) {
  return BytesFromHex(hex).value_or(std::vector<std::uint8_t>{});
}

struct GcmAnswer {
  std::string_view key;
  std::string_view ciphertext;
  std::string_view tag;
};

constexpr std::string_view kText =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr std::string_view kAssociatedData = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr std::string_view kNonce = "cafebabefacedbaddecaf888";
constexpr GcmAnswer kAnswers[] = {
    {"feffe9928665731c6d6a8f9467308308",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

// Seals the text in parts of `part` bytes.
bool SealsTo(RecordCipher& cipher, const GcmAnswer& answer, std::size_t part) {
  const auto text = FromHex(kText);
  Nonce nonce;
  static_cast<void>(Copy(FromHex(kNonce), nonce));
  std::vector<std::uint8_t> out(text.size());
  cipher.Begin(RecordCipher::Slot::kStream, nonce, FromHex(kAssociatedData));
  for (std::size_t at = 0; at < text.size(); at += part) {
    const std::size_t size = std::min(part, text.size() - at);
    cipher.Update(RecordCipher::Slot::kStream, Bytes(text).subspan(at, size),
                  MutableBytes(out).subspan(at, size));
  }
  const Tag tag = cipher.Finish(RecordCipher::Slot::kStream);
  return Equal(out, FromHex(answer.ciphertext)) && Equal(tag, FromHex(answer.tag));
}

bool ResealsEveryRange(RecordCipher& cipher, const GcmAnswer& answer) {
  const auto text = FromHex(kText);
  const auto expected = FromHex(answer.ciphertext);
  Nonce nonce;
  static_cast<void>(Copy(FromHex(kNonce), nonce));
  std::vector<std::uint8_t> out(text.size());
  for (std::size_t from = 0; from < text.size(); ++from) {
    for (std::size_t size = 1; from + size <= text.size(); ++size) {
      const MutableBytes range = MutableBytes(out).first(size);
      cipher.Reseal(nonce, from, Bytes(text).subspan(from, size), range);
      if (!Equal(range, Bytes(expected).subspan(from, size))) return false;
    }
  }
  return true;
}

bool KeyScheduleIsRight() {
  const auto secret = FromHex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  const std::optional<RecordKeys> keys = KeysFromTrafficSecret(secret, 16);
  if (!keys) return false;
  return Equal(keys->key_bytes(), FromHex("9f02283b6c9c07efc26bb9f2ac92e356")) &&
         Equal(keys->salt, FromHex("cf782b88")) && Equal(keys->iv, FromHex("dd83549aadf1e984"));
}

}  // namespace

bool KnownAnswersAreRight(Sealer& sealer) {
  return std::ranges::all_of(kAnswers, [&sealer](const GcmAnswer& answer) {
    const std::unique_ptr<RecordCipher> cipher = sealer.NewCipher(FromHex(answer.key));
    return SealsTo(*cipher, answer, 60) && SealsTo(*cipher, answer, 7) &&
           SealsTo(*cipher, answer, 16) && ResealsEveryRange(*cipher, answer);
  });
}

std::optional<std::string> SelfCheck() {
  if (!KeyScheduleIsRight()) return "the TLS 1.3 key schedule gives a wrong answer (RFC 8448)";
  const std::unique_ptr<Sealer> evp = NewEvpSealer();
  if (!KnownAnswersAreRight(*evp)) return "AES-GCM of OpenSSL gives a wrong answer";
  const std::unique_ptr<Sealer> ipsec_mb = NewIpsecMbSealer();
  if (ipsec_mb != nullptr && !KnownAnswersAreRight(*ipsec_mb)) {
    return "AES-GCM of intel-ipsec-mb gives a wrong answer";
  }
  return std::nullopt;
}

}  // namespace slipway::tls
