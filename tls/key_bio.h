// SPDX-License-Identifier: Apache-2.0
//
// The BIO between libssl and us: memory on both sides, and the transmit keys handed over.
//
// libssl can give its write keys to a kernel (kTLS): it asks the BIO by controls 72 to 76. This
// BIO says yes for AES-GCM in the transmit direction and passes key, salt, iv and sequence on;
// from then on libssl writes *plaintext* with its content type (Finished of TLS 1.2, tickets,
// alerts, KeyUpdate), which we seal. It says no to receiving and to other ciphers, and libssl
// goes on sealing by itself. Measured with libssl 3.0.22; OpenSSL documents these controls only
// in BIO_ctrl(3) and by what its socket BIO does, so tests hold every one of them.
#pragma once

#include <openssl/bio.h>

#include "tls/record.h"

namespace slipway::tls {

// What the BIO does with what passes through it.
class BioPeer {
 public:
  virtual ~BioPeer() = default;
  // Fills `out` from what arrived; 0 when nothing is left.
  virtual std::size_t TakeArrived(MutableBytes out) = 0;
  // Whole or partial records libssl made, sealed or not, in order.
  virtual void PutRecords(Bytes records) = 0;
  // Plaintext of one or more messages to be sealed by us.
  virtual void PutMessages(ContentType type, Bytes plaintext) = 0;
  // The transmit keys; true when taken.
  virtual bool TakeKeys(const RecordKeys& keys) = 0;
};

// A BIO bound to `peer`, which must outlive it. Null when out of memory.
BIO* NewKeyBio(BioPeer& peer);

}  // namespace slipway::tls
