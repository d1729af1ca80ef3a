// SPDX-License-Identifier: Apache-2.0
//
// Sealing with intel-ipsec-mb: its direct, synchronous GCM functions, and one CTR job at a time for
// ranges sealed again. The expanded AES key of GCM serves CTR too (the self check proves it).
#include <intel-ipsec-mb.h>

#include "protocols/base/check.h"
#include "protocols/base/fetch.h"
#include "protocols/base/slab.h"
#include "tls/ipsec_mb_copy.h"
#include "tls/sealer.h"

namespace slipway::tls {
namespace {

using Manager = std::unique_ptr<IMB_MGR, void (*)(IMB_MGR*)>;

class IpsecMbCipher final : public RecordCipher {
 public:
  IpsecMbCipher(IMB_MGR* manager, Bytes key) : manager_(manager), wide_(key.size() == 32) {
    SLIPWAY_CHECK(key.size() == 16 || key.size() == 32);
    if (wide_) {
      IMB_AES256_GCM_PRE(manager_, key.data(), &key_);
    } else {
      IMB_AES128_GCM_PRE(manager_, key.data(), &key_);
    }
  }
  ~IpsecMbCipher() override { imb_clear_mem(&key_, sizeof key_); }
  static void* operator new(std::size_t size, Slab& slab) {
    SLIPWAY_CHECK(size <= slab.block_bytes());
    return slab.Take();
  }
  static void operator delete(void* block, Slab& slab) {
    static_cast<void>(slab), Slab::Give(block);
  }
  static void operator delete(void* block) { Slab::Give(block); }
  IpsecMbCipher(const IpsecMbCipher&) = delete;
  IpsecMbCipher& operator=(const IpsecMbCipher&) = delete;

  void Begin(Slot slot, const Nonce& nonce, Bytes associated_data) override {
    const std::uint8_t* data = associated_data.data();
    if (wide_) {
      IMB_AES256_GCM_INIT(manager_, &key_, &At(slot), nonce.data(), data, associated_data.size());
    } else {
      IMB_AES128_GCM_INIT(manager_, &key_, &At(slot), nonce.data(), data, associated_data.size());
    }
  }

  void Update(Slot slot, Bytes in, MutableBytes out) override {
    SLIPWAY_CHECK(in.size() == out.size());
    if (in.empty()) return;
    if (wide_) {
      IMB_AES256_GCM_ENC_UPDATE(manager_, &key_, &At(slot), out.data(), in.data(), in.size());
    } else {
      IMB_AES128_GCM_ENC_UPDATE(manager_, &key_, &At(slot), out.data(), in.data(), in.size());
    }
  }

  Tag Finish(Slot slot) override {
    Tag tag;
    if (wide_) {
      IMB_AES256_GCM_ENC_FINALIZE(manager_, &key_, &At(slot), tag.data(), tag.size());
    } else {
      IMB_AES128_GCM_ENC_FINALIZE(manager_, &key_, &At(slot), tag.data(), tag.size());
    }
    return tag;
  }

  void Reseal(const Nonce& nonce, std::uint64_t offset, Bytes in, MutableBytes out) override {
    SLIPWAY_CHECK(in.size() == out.size());
    // A range may begin inside a block: that block is made alone, its first bytes unused.
    const std::size_t skip = offset % 16;
    std::uint64_t block = offset / 16;
    if (skip != 0) {
      std::array<std::uint8_t, 16> whole{};
      const std::size_t take = std::min<std::size_t>(16 - skip, in.size());
      static_cast<void>(Copy(in.first(take), MutableBytes(whole).subspan(skip)));
      Counter(nonce, block, whole, whole);
      static_cast<void>(Copy(Bytes(whole).subspan(skip, take), out));
      in = in.subspan(take);
      out = out.subspan(take);
      ++block;
    }
    if (!in.empty()) Counter(nonce, block, in, out);
  }

  // Its keys, and how far the record is that leaves; not the other context.
  void FetchAhead() const { FetchToRead(this, sizeof *this - sizeof(gcm_context_data)); }

 private:
  gcm_context_data& At(Slot slot) { return slot == Slot::kStream ? stream_ : aside_; }

  void Counter(const Nonce& nonce, std::uint64_t block, Bytes in, MutableBytes out) {
    std::array<std::uint8_t, 16> counter{};
    Writer writer(counter);
    writer.Put(nonce);
    writer.U32(static_cast<std::uint32_t>(block + 2));
    IMB_JOB* job = IMB_GET_NEXT_JOB(manager_);
    *job = IMB_JOB{};
    job->cipher_mode = IMB_CIPHER_CNTR;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_CIPHER_HASH;
    job->hash_alg = IMB_AUTH_NULL;
    job->enc_keys = key_.expanded_keys;
    job->dec_keys = key_.expanded_keys;
    job->key_len_in_bytes = wide_ ? 32 : 16;
    job->iv = counter.data();
    job->iv_len_in_bytes = counter.size();
    job->src = in.data();
    job->dst = out.data();
    job->msg_len_to_cipher_in_bytes = in.size();
    job = IMB_SUBMIT_JOB(manager_);
    while (job == nullptr) job = IMB_FLUSH_JOB(manager_);
    SLIPWAY_CHECK(job->status == IMB_STATUS_COMPLETED);
  }

  // The powers of the hash key stand on lines (240 bytes into key_), for they are read 64 bytes at
  // a time: the library's header does not align them. Sealing needs nothing behind wide_.
  IMB_MGR* manager_;
  gcm_key_data key_;
  alignas(64) gcm_context_data stream_;
  bool wide_;
  gcm_context_data aside_;
};
static_assert(sizeof(IpsecMbCipher) == 1216, "16 + 240 + 768, without a gap before stream_");

class IpsecMbSealer final : public Sealer {
 public:
  IpsecMbSealer(IpsecMbCopy copy, Manager manager, const char* description,
                std::pmr::memory_resource& pages)
      : copy_(std::move(copy)),
        manager_(std::move(manager)),
        description_(description),
        ciphers_(sizeof(IpsecMbCipher), pages) {}

  Kind kind() const override { return Kind::kIpsecMb; }
  const char* description() const override { return description_; }
  std::unique_ptr<RecordCipher> NewCipher(Bytes key) override {
    return std::unique_ptr<RecordCipher>(new (ciphers_) IpsecMbCipher(manager_.get(), key));
  }
  std::size_t bytes_taken() const override { return ciphers_.bytes_taken(); }
  void FetchAhead(const RecordCipher& cipher) const override {
    static_cast<const IpsecMbCipher&>(cipher).FetchAhead();
  }

 private:
  IpsecMbCopy copy_;
  Manager manager_;
  const char* description_;
  Slab ciphers_;
};

const char* DescriptionOf(IMB_ARCH arch, std::uint64_t features) {
  if (arch == IMB_ARCH_AVX512) {
    return (features & IMB_FEATURE_VAES) != 0 ? "intel-ipsec-mb (VAES, AVX-512)"
                                              : "intel-ipsec-mb (AVX-512)";
  }
  if (arch == IMB_ARCH_AVX2) return "intel-ipsec-mb (AVX2)";
  if (arch == IMB_ARCH_AVX) return "intel-ipsec-mb (AVX)";
  return "intel-ipsec-mb (SSE)";
}

}  // namespace

std::unique_ptr<Sealer> NewIpsecMbSealer(std::pmr::memory_resource* pages) {
  IpsecMbCopy copy;
  const IpsecMbFunctions library = copy.functions();
  Manager manager(library.alloc(0), library.free);
  if (manager == nullptr) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  library.init_auto(manager.get(), &arch);
  constexpr std::uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  if (library.get_errno(manager.get()) != 0 || (manager->features & kNeeded) != kNeeded)
    return nullptr;
  const char* description = DescriptionOf(arch, manager->features);
  return std::make_unique<IpsecMbSealer>(std::move(copy), std::move(manager), description, *pages);
}

}  // namespace slipway::tls
