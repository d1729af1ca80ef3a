// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/trust_archive.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string_view>

#include "control/secure_boot/freed.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using BioHandle = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificateHandle = std::unique_ptr<X509, Freed<X509_free>>;

constexpr std::uint32_t kFolder = 040755;
constexpr std::uint32_t kFile = 0100644;

absl::Status Wrong(const std::string& words) {
  ERR_clear_error();
  return absl::InvalidArgumentError(words);
}

std::string Hex8(std::uint32_t value) {
  std::array<char, 9> digits;
  std::snprintf(digits.data(), digits.size(), "%08x", value);
  return digits.data();
}

// Everything is root's, and as old as time: the same authorities are the same bytes.
class Archive {
 public:
  void Add(std::uint32_t mode, std::string_view name, std::string_view content) {
    const std::array<std::uint32_t, 13> fields = {++files_,
                                                  mode,
                                                  0,
                                                  0,
                                                  1,
                                                  0,
                                                  static_cast<std::uint32_t>(content.size()),
                                                  0,
                                                  0,
                                                  0,
                                                  0,
                                                  static_cast<std::uint32_t>(name.size() + 1),
                                                  0};
    bytes_ += "070701";
    for (const std::uint32_t field : fields) bytes_ += Hex8(field);
    bytes_ += name;
    bytes_ += '\0';
    Align();
    bytes_ += content;
    Align();
  }
  std::string Take() && {
    Add(0, "TRAILER!!!", "");
    return std::move(bytes_);
  }

 private:
  void Align() { bytes_.resize((bytes_.size() + 3) / 4 * 4); }

  std::string bytes_;
  std::uint32_t files_ = 0;
};

std::string PemOf(X509* certificate) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string SubjectOf(X509* certificate) {
  std::array<char, 200> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), static_cast<int>(text.size()));
  return text.data();
}

}  // namespace

absl::StatusOr<std::string> TrustArchive(Bytes pem) {
  const BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Archive archive;
  for (const std::string_view folder : {"etc", "etc/ssl", "etc/ssl/certs"}) {
    archive.Add(kFolder, folder, "");
  }
  std::map<std::uint32_t, int> taken;
  while (
      const CertificateHandle certificate{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
    if (X509_check_ca(certificate.get()) == 0) {
      return Wrong(Text("the certificate of ", SubjectOf(certificate.get()),
                        " is no authority's; bring the one that signs the server's, as 'slipway "
                        "ca show' prints it"));
    }
    const auto hash = static_cast<std::uint32_t>(X509_subject_name_hash(certificate.get()));
    archive.Add(kFile, Text("etc/ssl/certs/", Hex8(hash), '.', taken[hash]++),
                PemOf(certificate.get()));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return Wrong("a certificate in it is damaged; bring it in PEM");
  if (taken.empty()) return Wrong("no certificate is in it; bring the authority's in PEM");
  ERR_clear_error();
  return std::move(archive).Take();
}

}  // namespace slipway::control
