// SPDX-License-Identifier: Apache-2.0
//
// Sealing with OpenSSL's EVP: for processors ipsec-mb cannot use, and the oracle it is tested by.
#include <openssl/evp.h>

#include "protocols/base/check.h"
#include "tls/sealer.h"

namespace slipway::tls {
namespace {

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

CipherContext NewContext(const EVP_CIPHER* cipher, Bytes key) {
  CipherContext context(EVP_CIPHER_CTX_new());
  SLIPWAY_CHECK(context != nullptr);
  SLIPWAY_CHECK(EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), nullptr) == 1);
  return context;
}

void Encrypt(EVP_CIPHER_CTX* context, Bytes in, MutableBytes out) {
  SLIPWAY_CHECK(in.size() == out.size());
  if (in.empty()) return;
  int written = 0;
  SLIPWAY_CHECK(EVP_EncryptUpdate(context, out.data(), &written, in.data(),
                                  static_cast<int>(in.size())) == 1);
  SLIPWAY_CHECK(static_cast<std::size_t>(written) == in.size());
}

class EvpCipher final : public RecordCipher {
 public:
  explicit EvpCipher(Bytes key) {
    SLIPWAY_CHECK(key.size() == 16 || key.size() == 32);
    const bool wide = key.size() == 32;
    for (CipherContext& context : gcm_) {
      context = NewContext(wide ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), key);
    }
    counter_ = NewContext(wide ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), key);
  }

  void Begin(Slot slot, const Nonce& nonce, Bytes associated_data) override {
    EVP_CIPHER_CTX* context = At(slot);
    SLIPWAY_CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
    int written = 0;
    SLIPWAY_CHECK(EVP_EncryptUpdate(context, nullptr, &written, associated_data.data(),
                                    static_cast<int>(associated_data.size())) == 1);
  }

  void Update(Slot slot, Bytes in, MutableBytes out) override { Encrypt(At(slot), in, out); }

  Tag Finish(Slot slot) override {
    Tag tag;
    int written = 0;
    SLIPWAY_CHECK(EVP_EncryptFinal_ex(At(slot), tag.data(), &written) == 1);
    SLIPWAY_CHECK(EVP_CIPHER_CTX_ctrl(At(slot), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()),
                                      tag.data()) == 1);
    return tag;
  }

  void Reseal(const Nonce& nonce, std::uint64_t offset, Bytes in, MutableBytes out) override {
    std::array<std::uint8_t, 16> counter{};
    Writer writer(counter);
    writer.Put(nonce);
    writer.U32(static_cast<std::uint32_t>(offset / 16 + 2));
    SLIPWAY_CHECK(EVP_EncryptInit_ex(counter_.get(), nullptr, nullptr, nullptr, counter.data()) ==
                  1);
    std::array<std::uint8_t, 16> unused{};
    const MutableBytes skipped = MutableBytes(unused).first(offset % 16);
    Encrypt(counter_.get(), skipped, skipped);
    Encrypt(counter_.get(), in, out);
  }

 private:
  EVP_CIPHER_CTX* At(Slot slot) { return gcm_[static_cast<std::size_t>(slot)].get(); }

  std::array<CipherContext, 2> gcm_;
  CipherContext counter_;
};

class EvpSealer final : public Sealer {
 public:
  Kind kind() const override { return Kind::kEvp; }
  const char* description() const override { return "OpenSSL EVP"; }
  std::unique_ptr<RecordCipher> NewCipher(Bytes key) override {
    return std::make_unique<EvpCipher>(key);
  }
};

}  // namespace

std::unique_ptr<Sealer> NewEvpSealer() { return std::make_unique<EvpSealer>(); }

}  // namespace slipway::tls
