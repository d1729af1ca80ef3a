// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/pe_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace slipway::control {
namespace {

constexpr std::uint32_t kPage = 4096;                    // bytes; no architecture has smaller ones
constexpr std::uint32_t kInitializedRead = 0x4000'0040;  // a section's characteristics
constexpr std::size_t kSectionHeader = 40;
constexpr std::size_t kCertificateHeader = 8;

std::uint64_t RoundUp(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

void Put(std::string& file, std::size_t offset, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    file[offset + i] = static_cast<char>(value >> 8 * i & 0xff);
  }
}

std::uint32_t Get(const std::string& file, std::size_t offset, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i != 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(file[offset + i - 1]);
  }
  return value;
}

// As IMAGEHLP computes it: the sum of 16-bit words with the carry added, and the length. Firmware
// does not look; tools do.
void PutChecksum(std::string& file, std::size_t offset) {
  Put(file, offset, 0, 4);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < file.size(); i += 2) {
    sum += Get(file, i, std::min<std::size_t>(2, file.size() - i));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  Put(file, offset, (sum & 0xffff) + (sum >> 16) + file.size(), 4);
}

}  // namespace

PeWriter::PeWriter(const PeImage& image) {
  std::size_t end = image.size_of_headers;
  table_end_ = image.file.size();
  for (const PeSection& section : image.sections) {
    if (section.raw.empty()) continue;
    const auto begin = static_cast<std::size_t>(section.raw.data() - image.file.data());
    table_end_ = std::min(table_end_, begin);
    end = std::max(end, begin + section.raw.size());
  }
  table_end_ = std::min<std::size_t>(table_end_, image.size_of_headers);
  file_ = AsText(image.file.first(end));
  pe_ = Get(file_, 0x3c, 4);
  optional_ = pe_ + 24;
  table_ = optional_ + Get(file_, pe_ + 20, 2);
  memory_end_ = Get(file_, optional_ + 56, 4);
  for (std::size_t i = 0; i < image.sections.size(); ++i) {
    const std::size_t header = table_ + i * kSectionHeader;
    const std::uint64_t size = std::max(Get(file_, header + 8, 4), Get(file_, header + 16, 4));
    memory_end_ = std::max(memory_end_, Get(file_, header + 12, 4) + size);
  }
  Put(file_, pe_ + 12, 0, 8);  // where symbols are, and how many
  if (image.certificate_entry_offset) Put(file_, *image.certificate_entry_offset, 0, 8);
}

bool PeWriter::AddSection(std::string_view name, Bytes content) {
  const std::uint32_t count = Get(file_, pe_ + 6, 2);
  const std::size_t header = table_ + count * kSectionHeader;
  const std::uint64_t alignment = std::max(kPage, Get(file_, optional_ + 32, 4));
  const std::uint64_t file_alignment = std::max(1U, Get(file_, optional_ + 36, 4));
  const std::uint64_t address = RoundUp(memory_end_, alignment);
  const std::uint64_t begin = RoundUp(file_.size(), file_alignment);
  const std::uint64_t raw = RoundUp(content.size(), file_alignment);
  constexpr std::uint64_t kEnd = std::numeric_limits<std::int32_t>::max();
  if (name.size() > 8 || header + kSectionHeader > table_end_ ||
      content.size() > kEnd - std::min(kEnd, std::max(address, begin) + alignment)) {
    return false;
  }
  file_.resize(begin);
  file_ += AsText(content);
  file_.resize(begin + raw);
  Put(file_, pe_ + 6, count + 1, 2);
  file_.replace(header, kSectionHeader, kSectionHeader, '\0');
  file_.replace(header, name.size(), name);
  Put(file_, header + 8, content.size(), 4);
  Put(file_, header + 12, address, 4);
  Put(file_, header + 16, raw, 4);
  Put(file_, header + 20, begin, 4);
  Put(file_, header + 36, kInitializedRead, 4);
  Put(file_, optional_ + 8, Get(file_, optional_ + 8, 4) + raw, 4);
  memory_end_ = RoundUp(address + content.size(), alignment);
  Put(file_, optional_ + 56, memory_end_, 4);
  return true;
}

std::string PeWriter::Take() {
  PutChecksum(file_, optional_ + 64);
  return std::move(file_);
}

std::string WithCertificate(const PeImage& image, Bytes pkcs7) {
  std::string file(AsText(image.file));
  const std::size_t length = RoundUp(kCertificateHeader + pkcs7.size(), 8);
  const std::size_t begin = file.size();
  file.resize(begin + kCertificateHeader);
  Put(file, begin, length, 4);
  Put(file, begin + 4, 0x0200, 2);
  Put(file, begin + 6, kWinCertTypePkcs, 2);
  file += AsText(pkcs7);
  file.resize(begin + length);
  const std::size_t entry = *image.certificate_entry_offset;
  if (!image.is_signed()) Put(file, entry, begin, 4);
  Put(file, entry + 4, image.certificate_table_size + length, 4);
  PutChecksum(file, image.checksum_offset);
  return file;
}

}  // namespace slipway::control
