// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/library.h"

#include <absl/strings/escaping.h>

#include <array>
#include <fstream>

#include "protocols/base/check.h"

namespace slipway::storm {
namespace {

std::string Hex(Bytes bytes) {
  return absl::BytesToHexString(absl::string_view(AsText(bytes).data(), bytes.size()));
}

}  // namespace

std::string DigestOf(Bytes bytes) {
  std::array<std::uint8_t, 32> digest{};
  SLIPWAY_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return Hex(digest);
}

Library::File* Library::Known(std::string_view path) {
  for (File& file : files_) {
    if (file.path_ == path) return &file;
  }
  return nullptr;
}

void Library::Add(std::string_view path, Bytes bytes) {
  File& file = files_.emplace_back();
  file.path_ = path;
  file.bytes_ = bytes;
  file.size_ = file.known_ = bytes.size();
  file.digest_ = DigestOf(bytes);
}

bool Library::AddFile(std::string_view path, const std::string& name) {
  std::ifstream stream(name, std::ios::binary | std::ios::ate);
  if (!stream) return false;
  std::vector<char> content(static_cast<std::size_t>(stream.tellg()));
  stream.seekg(0);
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!stream) return false;
  const Bytes bytes = AsBytes({content.data(), content.size()});
  std::vector<std::uint8_t> owned(bytes.begin(), bytes.end());
  Add(path, owned);
  files_.back().owned_ = std::move(owned);  // keeps its place, and so the view
  return true;
}

Library::File* Library::Find(std::string_view path, std::uint64_t size, std::string_view tag) {
  File* file = Known(path);
  if (file != nullptr) {
    const bool same_digest = tag.empty() || tag == file->digest_;
    return file->size_ == size && same_digest ? file : nullptr;
  }
  file = &files_.emplace_back();
  file->path_ = path;
  file->size_ = size;
  file->digest_ = digest_.empty() ? std::string(tag) : digest_;
  file->wrong_ = !digest_.empty() && !tag.empty() && tag != digest_;
  if (size <= kLearnMax) {
    file->owned_.reserve(size);
    file->hash_.reset(EVP_MD_CTX_new());
    SLIPWAY_CHECK(EVP_DigestInit_ex(file->hash_.get(), EVP_sha256(), nullptr) == 1);
    if (size == 0) Learn(*file, {});
  }
  return file;
}

void Library::Learn(File& file, Bytes text) {
  file.owned_.insert(file.owned_.end(), text.begin(), text.end());
  file.bytes_ = file.owned_;
  file.known_ = file.owned_.size();
  EVP_DigestUpdate(file.hash_.get(), text.data(), text.size());
  if (file.known_ < file.size_) return;
  std::array<std::uint8_t, 32> digest{};
  EVP_DigestFinal_ex(file.hash_.get(), digest.data(), nullptr);
  file.hash_.reset();
  if (file.digest_ != Hex(digest)) file.wrong_ = true;
}

Failure Library::Check(File& file, std::uint64_t offset, Bytes text) {
  if (offset > file.size_ || text.size() > file.size_ - offset) return Failure::kLengthDiffers;
  std::size_t compared = 0;
  if (offset < file.known_) {
    compared = static_cast<std::size_t>(std::min<std::uint64_t>(text.size(), file.known_ - offset));
    if (std::memcmp(&file.bytes_[offset], text.data(), compared) != 0) {
      return Failure::kBodyDiffers;
    }
  }
  const Bytes rest = text.subspan(compared);
  const bool continues = offset + compared == file.known_;
  if (!rest.empty() && continues && file.hash_ != nullptr) {
    Learn(file, rest);
    compared = text.size();
  }
  checked_ += compared;
  unchecked_ += text.size() - compared;
  return Failure::kNone;
}

}  // namespace slipway::storm
