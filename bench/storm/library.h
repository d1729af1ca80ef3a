// SPDX-License-Identifier: Apache-2.0
//
// Library: what the bodies ought to be. Hashing what each of thousands of machines receives would
// make the generator the slowest part; comparing it is ten times cheaper. So every file is hashed
// once: machines that read it from the start write what is new into the file's copy and compare
// what others wrote before; when the copy is whole, its SHA-256 must be the one the server named
// (ETag) or the operator (--digest). Every byte is thereby held to the digest.
//
// A file added beforehand (--reference, or by the program this is linked into) is compared from any
// offset on. Bytes of a range nobody knows are counted as unchecked; their record tags are checked.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/storm/failure.h"
#include "protocols/base/bytes.h"

namespace slipway::storm {

class Library {
 public:
  static constexpr std::uint64_t kLearnMax = std::uint64_t{4} << 30;

  class File {
   public:
    const std::string& path() const { return path_; }
    bool whole() const { return known_ == size_; }

   private:
    friend class Library;
    struct Free {
      void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
    };
    std::string path_;
    std::string digest_;  // expected; empty: not known
    std::uint64_t size_ = 0;
    std::uint64_t known_ = 0;  // bytes from the start on
    bool wrong_ = false;       // its digest is not the expected one
    Bytes bytes_;
    std::vector<std::uint8_t> owned_;
    std::unique_ptr<EVP_MD_CTX, Free> hash_;
  };

  // The digest all files without a better one are held to, in lower-case hex.
  void ExpectDigest(std::string digest) { digest_ = std::move(digest); }
  // A file whose bytes are known; they outlive the library. Hashes them.
  void Add(std::string_view path, Bytes bytes);
  // Reads a file of this machine; false when it cannot be read.
  bool AddFile(std::string_view path, const std::string& name);

  // The file a response is about. Null: its length or its tag contradicts what is known.
  File* Find(std::string_view path, std::uint64_t size, std::string_view tag);

  // Holds `text`, which stands at `offset`, to the file.
  Failure Check(File& file, std::uint64_t offset, Bytes text);
  // After the last byte of a whole file.
  static Failure Verdict(const File& file) {
    return file.wrong_ ? Failure::kDigestDiffers : Failure::kNone;
  }
  std::uint64_t unchecked_bytes() const { return unchecked_; }
  std::uint64_t checked_bytes() const { return checked_; }

 private:
  File* Known(std::string_view path);
  void Learn(File& file, Bytes text);

  std::string digest_;
  std::deque<File> files_;
  std::uint64_t unchecked_ = 0;
  std::uint64_t checked_ = 0;
};

// SHA-256 in lower-case hex.
std::string DigestOf(Bytes bytes);

}  // namespace slipway::storm
