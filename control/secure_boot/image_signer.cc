// SPDX-License-Identifier: Apache-2.0
//
// Signing: see the header. OpenSSL's PKCS#7 knows only contents of its own types: the digest is
// signed as plain data, and that content then replaced by SPC_INDIRECT_DATA, which it is of.
#include "control/secure_boot/image_signer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "control/secure_boot/freed.h"
#include "control/secure_boot/pe_writer.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using BioHandle = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Pkcs7Handle = std::unique_ptr<PKCS7, Freed<PKCS7_free>>;

constexpr int kKeyBitsMin = 2048;
constexpr const char* kSpcIndirectData = "1.3.6.1.4.1.311.2.1.4";

// SpcIndirectDataContent up to the digest, in DER: SPC_PE_IMAGE_DATAOBJ (1.3.6.1.4.1.311.2.1.15)
// without flags, whose file is the text "<<<Obsolete>>>" as the specification has it, and the
// DigestInfo of a SHA-256.
std::string IndirectData(Bytes digest) {
  std::string der("\x30\x68\x30\x33\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f", 16);
  der += std::string_view("\x30\x25\x03\x01\x00\xa0\x20\xa2\x1e\x80\x1c", 11);
  for (const char c : std::string_view("<<<Obsolete>>>")) {  // a BMPString: UTF-16, big-endian
    der += '\0';
    der += c;
  }
  der += std::string_view(
      "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19);
  der += AsText(digest);
  return der;
}

absl::Status Wrong(const std::string& words) {
  ERR_clear_error();
  return absl::InvalidArgumentError(words);
}

BioHandle Reading(Bytes bytes) {
  return BioHandle(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

}  // namespace

absl::StatusOr<ImageSigner> ImageSigner::Open(Bytes key, Bytes certificate) {
  ImageSigner signer;
  signer.key_.reset(PEM_read_bio_PrivateKey(Reading(key).get(), nullptr, nullptr, nullptr));
  if (!signer.key_) return Wrong("the key is no private key in PEM, or its pass phrase is wrong");
  if (EVP_PKEY_get_base_id(signer.key_.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_get_bits(signer.key_.get()) < kKeyBitsMin) {
    return Wrong("the key is not RSA of 2048 bits or more, which is what firmware verifies");
  }
  signer.certificate_.reset(
      PEM_read_bio_X509(Reading(certificate).get(), nullptr, nullptr, nullptr));
  if (!signer.certificate_) {
    const std::uint8_t* at = certificate.data();
    signer.certificate_.reset(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  }
  if (!signer.certificate_) return Wrong("the certificate is neither PEM nor DER");
  if (X509_check_private_key(signer.certificate_.get(), signer.key_.get()) != 1) {
    return Wrong("the certificate is another key's; bring the one that was made with the key");
  }
  ERR_clear_error();
  return signer;
}

std::string ImageSigner::Pkcs7Over(Bytes digest) const {
  const std::string indirect = IndirectData(digest);
  Pkcs7Handle pkcs7(PKCS7_new());
  PKCS7_set_type(pkcs7.get(), NID_pkcs7_signed);
  PKCS7_SIGNER_INFO* info =
      PKCS7_add_signature(pkcs7.get(), certificate_.get(), key_.get(), EVP_sha256());
  if (info == nullptr || PKCS7_add_certificate(pkcs7.get(), certificate_.get()) != 1 ||
      PKCS7_content_new(pkcs7.get(), NID_pkcs7_data) != 1) {
    return {};
  }
  PKCS7_add_signed_attribute(info, NID_pkcs9_contentType, V_ASN1_OBJECT,
                             OBJ_txt2obj(kSpcIndirectData, 1));
  // What is signed is the content without its own tag and length (RFC 2315 section 9.3).
  const std::string_view value = std::string_view(indirect).substr(2);
  const BioHandle sink(PKCS7_dataInit(pkcs7.get(), nullptr));
  if (!sink ||
      BIO_write(sink.get(), value.data(), static_cast<int>(value.size())) !=
          static_cast<int>(value.size()) ||
      PKCS7_dataFinal(pkcs7.get(), sink.get()) != 1) {
    return {};
  }
  ASN1_STRING* sequence = ASN1_STRING_new();
  ASN1_STRING_set(sequence, indirect.data(), static_cast<int>(indirect.size()));
  ASN1_TYPE* other = ASN1_TYPE_new();
  ASN1_TYPE_set(other, V_ASN1_SEQUENCE, sequence);
  Pkcs7Handle content(PKCS7_new());
  content->type = OBJ_txt2obj(kSpcIndirectData, 1);
  content->d.other = other;
  if (PKCS7_set_content(pkcs7.get(), content.get()) != 1) return {};
  static_cast<void>(content.release());  // the signature's now

  std::uint8_t* der = nullptr;
  const int size = i2d_PKCS7(pkcs7.get(), &der);
  if (size <= 0) return {};
  std::string bytes(AsText(Bytes(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

absl::StatusOr<std::string> ImageSigner::Sign(std::string image) const {
  // A certificate table begins at a multiple of eight; what fills up to it is part of the image.
  image.resize((image.size() + 7) / 8 * 8);
  const auto parsed = ParsePe(AsBytes(image));
  if (!parsed.ok()) return parsed.status();
  if (parsed->is_signed()) return Wrong("the image is signed already");
  if (!parsed->certificate_entry_offset) return Wrong("the image has no room for a signature");
  const std::string digest = ImageDigest(*parsed, DigestAlgorithm::kSha256);
  const std::string pkcs7 = Pkcs7Over(AsBytes(digest));
  if (pkcs7.empty()) return Wrong("OpenSSL could not sign with this key and certificate");
  ERR_clear_error();
  return WithCertificate(*parsed, AsBytes(pkcs7));
}

}  // namespace slipway::control
