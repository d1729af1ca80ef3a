// SPDX-License-Identifier: Apache-2.0
//
// Sealer: one worker's AES-GCM for outgoing records, and RecordCipher: one key of one connection.
//
// Two implementations behind one interface: intel-ipsec-mb (multi-part GCM, the processor's widest
// instructions), and OpenSSL's EVP (processors without AES-NI, and the oracle in tests). Every
// cipher made is used by the worker that owns the Sealer, never by two threads.
//
// A record is sealed front to back in as many parts as segments leave (`Begin`, `Update`...,
// `Finish`: NIST SP 800-38D), or once more in part: GCM ciphertext [o, o+n) is AES-CTR from counter
// 2 + o/16, so `Reseal` touches only the lost bytes. Two parts may be under way at once: kStream,
// the record now leaving, and kAside, a short record or a tag needed beside it.
// Left out: opening records (OpenSSL decrypts the few that arrive).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <memory_resource>

#include "tls/record.h"

namespace slipway::tls {

class RecordCipher {
 public:
  enum class Slot : std::uint8_t { kStream, kAside };

  virtual ~RecordCipher() = default;

  virtual void Begin(Slot slot, const Nonce& nonce, Bytes associated_data) = 0;
  // `in` and `out` have the same size and are the same bytes or do not overlap.
  virtual void Update(Slot slot, Bytes in, MutableBytes out) = 0;
  virtual Tag Finish(Slot slot) = 0;
  // The ciphertext of `in`, which stands at `offset` of the body sealed under `nonce`.
  virtual void Reseal(const Nonce& nonce, std::uint64_t offset, Bytes in, MutableBytes out) = 0;
};

class Sealer {
 public:
  enum class Kind : std::uint8_t {
    kFastest,  // ipsec-mb where the processor has AES-NI and PCLMULQDQ, else EVP
    kIpsecMb,
    kEvp,
  };

  // A sealer that has passed its known-answer check; null when the kind asked for cannot run on
  // this processor or gives wrong answers. kFastest falls back to EVP before it gives up.
  // `pages` gives the room for ciphers' keys, where they are read with each turn of a connection,
  // and outlives the sealer.
  static std::unique_ptr<Sealer> Create(
      Kind kind = Kind::kFastest,
      std::pmr::memory_resource* pages = std::pmr::get_default_resource());

  virtual ~Sealer() = default;
  virtual Kind kind() const = 0;
  // For the start-up log: "ipsec-mb 1.3 (VAES AVX512)", "OpenSSL EVP".
  virtual const char* description() const = 0;
  // `key` has 16 or 32 bytes. One per key epoch of a connection; ends before this, on its thread.
  virtual std::unique_ptr<RecordCipher> NewCipher(Bytes key) = 0;
  // What its ciphers take of `pages` now.
  virtual std::size_t bytes_taken() const { return 0; }
  // `cipher`, made here, will seal soon: asks the memory for its keys. The sealer is asked, and not
  // the cipher, so that nothing has to be read of it.
  virtual void FetchAhead(const RecordCipher& cipher) const { static_cast<void>(cipher); }

  // Room for one record, shared by every connection of the worker: what a call needs to pass
  // through and nobody needs afterwards.
  MutableBytes scratch() { return scratch_; }
  // Room for the plaintext that arrived, valid until the next Receive of any session of the worker.
  MutableBytes arrivals() { return arrivals_; }

 private:
  std::array<std::uint8_t, kRecordSizeMax> scratch_{};
  std::array<std::uint8_t, 2 * kRecordTextMax> arrivals_{};
};

// The implementations, for tests and the self check; null when this processor cannot run it.
std::unique_ptr<Sealer> NewIpsecMbSealer(
    std::pmr::memory_resource* pages = std::pmr::get_default_resource());
std::unique_ptr<Sealer> NewEvpSealer();

}  // namespace slipway::tls
