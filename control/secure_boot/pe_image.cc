// SPDX-License-Identifier: Apache-2.0
//
// PE/COFF: see the header. Offsets are those of Microsoft's "PE Format".
#include "control/secure_boot/pe_image.h"

#include <absl/strings/escaping.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "control/secure_boot/little_endian.h"
#include "control/text.h"

namespace slipway::control {
namespace {

struct MachineWord {
  std::uint16_t value;
  std::string_view name;
};
constexpr MachineWord kMachines[] = {
    {0x8664, "x64"},     {0x014c, "ia32"},        {0xaa64, "aa64"},
    {0x01c2, "arm"},     {0x01c4, "arm"},         {0x5064, "riscv64"},
    {0x5032, "riscv32"}, {0x6264, "loongarch64"}, {0x0ebc, "ebc"}};

constexpr std::size_t kFileHeader = 4;       // after the signature "PE\0\0"
constexpr std::size_t kOptionalHeader = 24;  // the same, and the file header
constexpr std::size_t kSectionHeaderSize = 40;
constexpr std::size_t kSymbolSize = 18;
constexpr std::size_t kDirectorySize = 8;
constexpr std::size_t kCertificateDirectory = 4;
constexpr std::uint32_t kDirectoriesMax = 16;
constexpr std::uint16_t kMagicPe32 = 0x10b;
constexpr std::uint16_t kMagicPe32Plus = 0x20b;
constexpr std::size_t kWinCertificateHeader = 8;

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

constexpr std::size_t RoundUpTo8(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

class Parser {
 public:
  explicit Parser(Bytes file) : file_(file), view_(file) { image_.file = file; }

  absl::StatusOr<PeImage> Parse() {
    for (const auto step : {&Parser::ReadHeaders, &Parser::ReadDirectories, &Parser::ReadSections,
                            &Parser::CheckOverlap}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    ReadCertificates();
    return std::move(image_);
  }

 private:
  absl::Status ReadHeaders() {
    if (view_.U16(0) != 0x5a4d) return Malformed("it does not begin with the DOS header's \"MZ\"");
    pe_ = view_.U32(0x3c);
    if (view_.U32(pe_) != 0x4550) {
      return Malformed("its DOS header leads to no PE header");
    }
    optional_ = pe_ + kOptionalHeader;
    image_.machine = view_.U16(pe_ + kFileHeader);
    image_.architecture = PeMachineName(image_.machine).value_or("");
    section_count_ = view_.U16(pe_ + kFileHeader + 2);
    symbols_ = view_.U32(pe_ + kFileHeader + 8);
    symbol_count_ = view_.U32(pe_ + kFileHeader + 12);
    optional_size_ = view_.U16(pe_ + kFileHeader + 16);
    const std::uint16_t magic = view_.U16(optional_);
    image_.is_pe32_plus = magic == kMagicPe32Plus;
    if (!view_.ok()) return Malformed("it ends within its headers");
    if (magic != kMagicPe32 && magic != kMagicPe32Plus) {
      return Malformed("its optional header is neither PE32 nor PE32+");
    }
    image_.checksum_offset = optional_ + 64;
    image_.size_of_headers = view_.U32(optional_ + 60);
    image_.subsystem = view_.U16(optional_ + 68);
    sections_ = optional_ + optional_size_;
    const std::size_t table_end = sections_ + std::size_t{section_count_} * kSectionHeaderSize;
    if (!view_.ok() || table_end > file_.size()) {
      return Malformed("it ends within its section headers");
    }
    if (image_.size_of_headers < table_end || image_.size_of_headers > file_.size()) {
      return Malformed("SizeOfHeaders does not cover its headers, or leads beyond the file");
    }
    return absl::OkStatus();
  }

  absl::Status ReadDirectories() {
    const std::size_t directories = optional_ + (image_.is_pe32_plus ? 112 : 96);
    const std::uint32_t count = view_.U32(directories - 4);
    if (count > kDirectoriesMax || directories + count * kDirectorySize != sections_) {
      return Malformed("SizeOfOptionalHeader and NumberOfRvaAndSizes do not fit together");
    }
    if (count <= kCertificateDirectory) return absl::OkStatus();
    const std::size_t entry = directories + kCertificateDirectory * kDirectorySize;
    image_.certificate_entry_offset = entry;
    // Of this directory alone the address is a file offset.
    image_.certificate_table_offset = view_.U32(entry);
    image_.certificate_table_size = view_.U32(entry + 4);
    if (image_.is_signed() &&
        (image_.certificate_table_offset > file_.size() ||
         image_.certificate_table_size > file_.size() - image_.certificate_table_offset)) {
      return Malformed("its certificate table leads beyond the file: it is cut short");
    }
    if (image_.is_signed() && image_.certificate_table_offset < image_.size_of_headers) {
      return Malformed("its certificate table lies within its headers");
    }
    return absl::OkStatus();
  }

  absl::Status ReadSections() {
    for (std::size_t i = 0; i < section_count_; ++i) {
      const std::size_t header = sections_ + i * kSectionHeaderSize;
      const std::uint32_t virtual_size = view_.U32(header + 8);
      const std::uint32_t raw_size = view_.U32(header + 16);
      const std::uint32_t raw_offset = view_.U32(header + 20);
      PeSection section;
      section.name = SectionName(view_.Part(header, 8));
      section.virtual_address = view_.U32(header + 12);
      if (raw_size != 0) {
        if (raw_offset > file_.size() || raw_size > file_.size() - raw_offset) {
          return Malformed(
              Text("its section ", section.name, " leads beyond the file: it is cut short"));
        }
        section.raw = file_.subspan(raw_offset, raw_size);
        section.content = section.raw.first(std::min(raw_size, virtual_size));
      }
      image_.sections.push_back(std::move(section));
    }
    return absl::OkStatus();
  }

  // "/123": at that offset of the string table, which follows the symbols.
  std::string SectionName(Bytes field) {
    const std::string_view text = AsText(field);
    const std::string_view name = text.substr(0, text.find('\0'));
    std::uint32_t offset = 0;
    if (!name.starts_with('/') || symbols_ == 0) return std::string(name);
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + 1, end, offset).ptr != end) return std::string(name);
    const std::uint64_t at = symbols_ + std::uint64_t{symbol_count_} * kSymbolSize + offset;
    if (at >= file_.size()) return std::string(name);
    const std::string_view rest = AsText(file_.subspan(at)).substr(0, 256);
    const std::size_t length = rest.find('\0');
    return std::string(length == rest.npos ? name : rest.substr(0, length));
  }

  absl::Status CheckOverlap() {
    std::vector<Bytes> parts;
    for (const PeSection& section : image_.sections) {
      if (!section.raw.empty()) parts.push_back(section.raw);
    }
    std::ranges::sort(parts, {}, &Bytes::data);
    const std::uint8_t* end = file_.data() + image_.size_of_headers;
    for (const Bytes part : parts) {
      if (part.data() < end) return Malformed("its headers and sections overlap in the file");
      end = part.data() + part.size();
    }
    if (image_.is_signed() &&
        static_cast<std::size_t>(end - file_.data()) > image_.certificate_table_offset) {
      return Malformed("its certificate table and sections overlap in the file");
    }
    return absl::OkStatus();
  }

  // As EDK II walks the table: an entry that does not fit ends the walk, and then the image fails.
  void ReadCertificates() {
    std::size_t offset = image_.certificate_table_offset;
    const std::size_t end = offset + image_.certificate_table_size;
    while (offset < end) {
      const std::size_t left = end - offset;
      const std::uint32_t length = left > kWinCertificateHeader ? view_.U32(offset) : 0;
      if (length <= kWinCertificateHeader || length > left) break;
      image_.certificates.push_back({.revision = view_.U16(offset + 4),
                                     .type = view_.U16(offset + 6),
                                     .content = file_.subspan(offset + kWinCertificateHeader,
                                                              length - kWinCertificateHeader)});
      offset += RoundUpTo8(length);
    }
    if (offset != end) {
      image_.certificate_table_fault = "an entry of its certificate table has an impossible length";
    }
  }

  Bytes file_;
  LittleEndianView view_;
  PeImage image_;
  std::size_t pe_ = 0;
  std::size_t optional_ = 0;
  std::size_t sections_ = 0;
  std::uint16_t section_count_ = 0;
  std::uint16_t optional_size_ = 0;
  std::uint32_t symbols_ = 0;
  std::uint32_t symbol_count_ = 0;
};

const EVP_MD* AlgorithmOf(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kSha1:
      return EVP_sha1();
    case DigestAlgorithm::kSha256:
      return EVP_sha256();
    case DigestAlgorithm::kSha384:
      return EVP_sha384();
    case DigestAlgorithm::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

class Hash {
 public:
  explicit Hash(DigestAlgorithm algorithm) : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), AlgorithmOf(algorithm), nullptr);
  }
  void Update(Bytes bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string Take() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    return std::string(AsText(Bytes(digest).first(size)));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::optional<std::string_view> PeMachineName(std::uint16_t machine) {
  for (const MachineWord& known : kMachines) {
    if (known.value == machine) return known.name;
  }
  return std::nullopt;
}

const PeSection* PeImage::Find(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &PeSection::name);
  return found == sections.end() ? nullptr : &*found;
}

bool LooksLikePe(Bytes file) {
  LittleEndianView view(file);
  if (view.U16(0) != 0x5a4d) return false;
  const std::uint32_t signature = view.U32(view.U32(0x3c));
  return !view.ok() || signature == 0x4550;
}

absl::StatusOr<PeImage> ParsePe(Bytes file) { return Parser(file).Parse(); }

std::string_view NameOf(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kSha1:
      return "SHA-1";
    case DigestAlgorithm::kSha256:
      return "SHA-256";
    case DigestAlgorithm::kSha384:
      return "SHA-384";
    case DigestAlgorithm::kSha512:
      return "SHA-512";
  }
  return "";
}

std::size_t SizeOfDigest(DigestAlgorithm algorithm) {
  return static_cast<std::size_t>(EVP_MD_get_size(AlgorithmOf(algorithm)));
}

std::string DigestOf(DigestAlgorithm algorithm, Bytes bytes) {
  Hash hash(algorithm);
  hash.Update(bytes);
  return hash.Take();
}

std::string ImageDigest(const PeImage& image, DigestAlgorithm algorithm) {
  Hash hash(algorithm);
  const Bytes headers = image.file.first(image.size_of_headers);
  hash.Update(headers.first(image.checksum_offset));
  Bytes rest = headers.subspan(image.checksum_offset + 4);
  if (image.certificate_entry_offset) {
    const std::size_t before = *image.certificate_entry_offset - (image.checksum_offset + 4);
    hash.Update(rest.first(before));
    rest = rest.subspan(before + kDirectorySize);
  }
  hash.Update(rest);
  std::vector<Bytes> parts;
  for (const PeSection& section : image.sections) {
    if (!section.raw.empty()) parts.push_back(section.raw);
  }
  std::ranges::sort(parts, {}, &Bytes::data);
  std::size_t hashed = image.size_of_headers;
  for (const Bytes part : parts) {
    hash.Update(part);
    hashed += part.size();
  }
  // What is left is counted, not located: with gaps between sections it begins inside the last
  // ones. So it stands in the specification, and so every signer and every firmware does it.
  const std::size_t counted = hashed + image.certificate_table_size;
  if (counted > image.file.size()) return {};
  hash.Update(image.file.subspan(hashed, image.file.size() - counted));
  return hash.Take();
}

std::string Hex(Bytes bytes) {
  return absl::BytesToHexString(absl::string_view(AsText(bytes).data(), bytes.size()));
}

}  // namespace slipway::control
