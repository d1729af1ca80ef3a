// SPDX-License-Identifier: Apache-2.0
//
// Authenticode by OpenSSL: see the header. OpenSSL's error queue is left empty.
#include "control/secure_boot/authenticode.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

#include "control/secure_boot/freed.h"

namespace slipway::control {
namespace {

using X509Handle = std::unique_ptr<X509, Freed<X509_free>>;
using BioHandle = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using StoreHandle = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
// The stack alone: the certificates are the signature's.
struct FreeSigners {
  void operator()(STACK_OF(X509) * signers) const { sk_X509_free(signers); }
};
using SignersHandle = std::unique_ptr<STACK_OF(X509), FreeSigners>;
using DigestInfoHandle = std::unique_ptr<X509_SIG, Freed<X509_SIG_free>>;

// SPC_INDIRECT_DATA_OBJID, 1.3.6.1.4.1.311.2.1.4, without tag and length.
constexpr std::uint8_t kSpcIndirectData[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                             0x82, 0x37, 0x02, 0x01, 0x04};
constexpr int kChainMax = 16;  // certificates; embedded ones could name each other in a ring

// Where EDK II looks for the object identifier of the digest algorithm: after version and headers
// whose lengths take two bytes each.
constexpr std::size_t kAlgorithmOffset = 32;

absl::Status Wrong(const char* what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(what);
}

X509Handle FromDer(Bytes der) {
  const std::uint8_t* at = der.data();
  X509Handle certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return certificate;
}

std::string NameText(const X509_NAME* name) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  std::string words = size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "";
  // It is printed on terminals: what is no text is shown as '?'.
  std::ranges::replace_if(
      words, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return words;
}

std::string CommonName(X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return NameText(name);
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return NameText(name);
  std::string words(AsText(Bytes(text, static_cast<std::size_t>(size))));
  OPENSSL_free(text);
  std::ranges::replace_if(
      words, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return words;
}

Certificate Describe(X509* certificate) {
  Certificate described;
  const auto encoded = [](auto encode, auto* object) {
    unsigned char* bytes = nullptr;
    const int size = encode(object, &bytes);
    if (size <= 0) return std::string();
    std::string text(AsText(Bytes(bytes, static_cast<std::size_t>(size))));
    OPENSSL_free(bytes);
    return text;
  };
  described.der = encoded(i2d_X509, certificate);
  described.to_be_signed = encoded(i2d_re_X509_tbs, certificate);
  described.subject = NameText(X509_get_subject_name(certificate));
  described.issuer = NameText(X509_get_issuer_name(certificate));
  described.name = CommonName(X509_get_subject_name(certificate));
  const std::string hash = DigestOf(DigestAlgorithm::kSha256, AsBytes(described.der));
  described.fingerprint = Hex(AsBytes(hash));
  ERR_clear_error();
  return described;
}

std::optional<DigestAlgorithm> AlgorithmOf(int nid) {
  switch (nid) {
    case NID_sha1:
      return DigestAlgorithm::kSha1;
    case NID_sha256:
      return DigestAlgorithm::kSha256;
    case NID_sha384:
      return DigestAlgorithm::kSha384;
    case NID_sha512:
      return DigestAlgorithm::kSha512;
    default:
      return std::nullopt;
  }
}

int NidOf(DigestAlgorithm algorithm) {
  constexpr int kNids[] = {NID_sha1, NID_sha256, NID_sha384, NID_sha512};
  return kNids[static_cast<std::size_t>(algorithm)];
}

bool IsObject(const ASN1_OBJECT* object, Bytes identifier) {
  return object != nullptr && Equal({OBJ_get0_data(object), OBJ_length(object)}, identifier);
}

}  // namespace

absl::StatusOr<Certificate> ReadCertificate(Bytes der) {
  const X509Handle certificate = FromDer(der);
  if (certificate == nullptr) return Wrong("it is no X.509 certificate");
  return Describe(certificate.get());
}

absl::StatusOr<AuthenticodeSignature> AuthenticodeSignature::Parse(Bytes pkcs7) {
  AuthenticodeSignature signature;
  const std::uint8_t* at = pkcs7.data();
  signature.pkcs7_.reset(d2i_PKCS7(nullptr, &at, static_cast<long>(pkcs7.size())));
  if (signature.pkcs7_ == nullptr || PKCS7_type_is_signed(signature.pkcs7_.get()) == 0 ||
      signature.pkcs7_->d.sign == nullptr) {
    return Wrong("it is no PKCS#7 SignedData");
  }
  // As the Authenticode specification has it; with several, OpenSSL's PKCS7_verify leaks.
  if (sk_X509_ALGOR_num(signature.pkcs7_->d.sign->md_algs) != 1) {
    return Wrong("it names several digest algorithms, or none");
  }
  if (absl::Status status = signature.ReadContent(); !status.ok()) return status;
  if (absl::Status status = signature.ReadChain(); !status.ok()) return status;
  const ASN1_OBJECT* algorithm = OBJ_nid2obj(NidOf(signature.algorithm_));
  const Bytes identifier{OBJ_get0_data(algorithm), OBJ_length(algorithm)};
  signature.recognised_ = pkcs7.size() >= kAlgorithmOffset + identifier.size() &&
                          pkcs7[1] == 0x82 &&
                          Equal(pkcs7.subspan(kAlgorithmOffset, identifier.size()), identifier);
  ERR_clear_error();
  return signature;
}

absl::Status AuthenticodeSignature::ReadContent() {
  const PKCS7* inner = pkcs7_->d.sign->contents;
  if (inner == nullptr || !IsObject(inner->type, kSpcIndirectData) || inner->d.other == nullptr ||
      inner->d.other->type != V_ASN1_SEQUENCE) {
    return Wrong("it signs something other than an image (no SPC_INDIRECT_DATA)");
  }
  const ASN1_STRING* sequence = inner->d.other->value.sequence;
  const std::uint8_t* at = ASN1_STRING_get0_data(sequence);
  const std::uint8_t* const end = at + ASN1_STRING_length(sequence);
  long length = 0;
  int tag = 0;
  int kind = 0;
  // 0x80 is set on failure; 0x20 says that there are parts inside.
  if ((ASN1_get_object(&at, &length, &tag, &kind, end - at) & 0x80) != 0 || length <= 0 ||
      length > end - at) {
    return Wrong("its SPC_INDIRECT_DATA is malformed");
  }
  const Bytes content(at, static_cast<std::size_t>(length));
  content_ = AsText(content);
  const std::uint8_t* const content_end = at + length;
  // The first element says what kind of file it is; after it comes the digest.
  if ((ASN1_get_object(&at, &length, &tag, &kind, content_end - at) & 0x80) != 0 || length < 0 ||
      length > content_end - at) {
    return Wrong("its SPC_INDIRECT_DATA is malformed");
  }
  at += length;
  const DigestInfoHandle info(d2i_X509_SIG(nullptr, &at, content_end - at));
  if (info == nullptr || at != content_end) return Wrong("its SPC_INDIRECT_DATA names no digest");
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OCTET_STRING* digest = nullptr;
  X509_SIG_get0(info.get(), &algorithm, &digest);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const auto known = AlgorithmOf(OBJ_obj2nid(object));
  if (!known) return Wrong("its digest algorithm is none that firmware knows");
  algorithm_ = *known;
  digest_ =
      AsText({ASN1_STRING_get0_data(digest), static_cast<std::size_t>(ASN1_STRING_length(digest))});
  if (digest_.size() != SizeOfDigest(algorithm_)) return Wrong("its digest has a wrong length");
  return absl::OkStatus();
}

absl::Status AuthenticodeSignature::ReadChain() {
  const SignersHandle signers(PKCS7_get0_signers(pkcs7_.get(), nullptr, 0));
  X509* current = signers == nullptr ? nullptr : sk_X509_value(signers.get(), 0);
  if (current == nullptr) return Wrong("its signer's certificate is not in it");
  const STACK_OF(X509)* embedded = pkcs7_->d.sign->cert;
  while (current != nullptr && chain_.size() < kChainMax) {
    chain_.push_back(Describe(current));
    X509* issuer = nullptr;
    for (int i = 0; i < sk_X509_num(embedded) && issuer == nullptr; ++i) {
      X509* candidate = sk_X509_value(embedded, i);
      if (X509_cmp(candidate, current) != 0 && X509_check_issued(candidate, current) == X509_V_OK) {
        issuer = candidate;
      }
    }
    current = issuer;
  }
  ERR_clear_error();
  return absl::OkStatus();
}

bool AuthenticodeSignature::LeadsTo(Bytes certificate_der) const {
  const X509Handle trusted = FromDer(certificate_der);
  const StoreHandle store(X509_STORE_new());
  // Behind a filter: of a memory BIO PKCS7_verify makes one more, and leaks it when it fails early.
  const BioHandle content(BIO_push(
      BIO_new(BIO_f_null()), BIO_new_mem_buf(content_.data(), static_cast<int>(content_.size()))));
  if (trusted == nullptr || store == nullptr || content == nullptr) return false;
  X509_STORE_add_cert(store.get(), trusted.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_ANY);
  const int verified =
      PKCS7_verify(pkcs7_.get(), nullptr, store.get(), content.get(), nullptr, PKCS7_BINARY);
  ERR_clear_error();
  return verified == 1;
}

}  // namespace slipway::control
