// SPDX-License-Identifier: Apache-2.0
//
// Archives: see the header. libarchive gives names in the charset of the thread's locale, so it is
// read under C.UTF-8: a name in UTF-16 (Joliet) or UTF-8 (pax) arrives as UTF-8, any other as the
// bytes that are in the archive.
#include "control/image_store/archive_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "control/image_store/gunzip.h"
#include "control/image_store/image_set.h"
#include "control/image_store/refusal.h"
#include "protocols/http/request.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr int kLinksFollowedMax = 16;
constexpr std::size_t kLinkMax = 4096;  // bytes, as Linux has it (PATH_MAX); formats allow more
constexpr const char* kPackAgain = "pack it again without that entry";

// The thread's locale as long as it lives.
class Utf8Locale {
 public:
  Utf8Locale() : own_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (own_ != nullptr) before_ = ::uselocale(own_);
  }
  ~Utf8Locale() {
    if (own_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(own_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t own_;
  locale_t before_ = nullptr;
};

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

Archive Open(ArchiveKind kind) {
  Archive reader(archive_read_new(), &archive_read_free);
  if (kind == ArchiveKind::kIso) {
    archive_read_support_format_iso9660(reader.get());
    return reader;
  }
  archive_read_support_format_tar(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_zstd(reader.get());
  return reader;
}

la_ssize_t GiveUnpacked(archive* reader, void* gunzip, const void** block) {
  const auto bytes = static_cast<Gunzip*>(gunzip)->Next();
  if (!bytes.ok()) {
    const std::string words(bytes.status().message());
    archive_set_error(reader, EILSEQ, "%s", words.c_str());
    return -1;
  }
  *block = bytes->data();
  return static_cast<la_ssize_t>(bytes->size());
}

std::string TextOf(const char* text) { return text == nullptr ? std::string() : text; }

std::string_view WordOf(mode_t type) {
  if (type == AE_IFCHR || type == AE_IFBLK) return "a device node";
  if (type == AE_IFIFO) return "a pipe";
  if (type == AE_IFSOCK) return "a socket";
  return "neither a file, a folder nor a link";
}

// Where a link in `folder` ("" or "a/b") leads, by its text alone; nullopt: out of the tree. The
// tree itself is "".
std::optional<std::string> LinkTarget(std::string folder, std::string_view target) {
  if (target.starts_with('/')) return std::nullopt;
  while (!target.empty()) {
    const std::size_t slash = target.find('/');
    const std::string_view part = target.substr(0, slash);
    target.remove_prefix(slash == target.npos ? target.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      if (!folder.empty()) folder += '/';
      folder += part;
      continue;
    }
    if (folder.empty()) return std::nullopt;
    const std::size_t end = folder.rfind('/');
    folder.resize(end == folder.npos ? 0 : end);
  }
  return folder;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash);
}

class Reading {
 public:
  Reading(std::string name, ArchiveKind kind, FileSink& sink, const UnpackLimits& limits)
      : name_(std::move(name)), kind_(kind), sink_(sink), limits_(limits), reader_(Open(kind)) {}

  archive* reader() { return reader_.get(); }
  // Instead of opening the reader, for what gzip has packed.
  int OpenGzip(Gunzip::Refill refill) {
    gunzip_ = std::make_unique<Gunzip>(std::move(refill));
    archive_read_set_read_callback(reader(), GiveUnpacked);
    archive_read_set_callback_data(reader(), gunzip_.get());
    return archive_read_open1(reader());
  }

  // `size`: bytes of the archive.
  absl::Status Read(std::uint64_t size) {
    // Counted without overflow: what is packed into so many bytes may well be beyond 64 bits.
    const std::uint64_t by_ratio = size > limits_.bytes / limits_.ratio
                                       ? limits_.bytes
                                       : size * limits_.ratio + limits_.allowance;
    bytes_max_ = std::min(limits_.bytes, by_ratio);
    archive_entry* entry = nullptr;
    while (true) {
      const int result = archive_read_next_header(reader(), &entry);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Unreadable();
      // Headers, and what stands between them, count too: they may be as large as files.
      const auto read = static_cast<std::uint64_t>(archive_filter_bytes(reader(), 0));
      if (kind_ == ArchiveKind::kTar && read > bytes_max_ + limits_.allowance) {
        return TooLarge(TextOf(archive_entry_pathname(entry)));
      }
      if (absl::Status status = Take(entry); !status.ok()) return status;
    }
    if (absl::Status status = ReadToItsEnd(); !status.ok()) return status;
    return GiveLinks();
  }

  absl::Status Unreadable() {
    // Where the first block is damaged, libarchive knows only that it is no tar.
    if (gunzip_ && !gunzip_->status().ok()) {
      return Unreadable(std::string(gunzip_->status().message()));
    }
    return Unreadable(TextOf(archive_error_string(reader())));
  }

 private:
  absl::Status Unreadable(const std::string& why) const {
    return Refuse(
        absl::StatusCode::kInvalidArgument,
        {.where = name_,
         .what = std::string("cannot be read as ") +
                 (kind_ == ArchiveKind::kTar ? "tar" : "ISO 9660") + ": " +
                 (why.empty() ? "it ends too early" : why),
         .rule = kind_ == ArchiveKind::kTar ? "it is plain, or packed by gzip, xz or zstd" : "",
         .remedy = kind_ == ArchiveKind::kTar ? "bring it again whole"
                                              : "bring it again whole, or import it as a RAM disk "
                                                "(--as ramdisk)"});
  }

  // gzip's checksum stands behind everything, and a tar is over before.
  absl::Status ReadToItsEnd() {
    if (!gunzip_) return absl::OkStatus();
    std::uint64_t behind = 0;
    while (behind <= limits_.allowance) {
      const auto bytes = gunzip_->Next();
      if (!bytes.ok()) return Unreadable(std::string(bytes.status().message()));
      if (bytes->empty()) return absl::OkStatus();
      behind += bytes->size();
    }
    return Unreadable("it goes on behind its end");
  }

  absl::Status Refused(const std::string& path, const std::string& what, const std::string& rule,
                       const std::string& remedy = kPackAgain) const {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = name_ + ": entry \"" + Printable(path) + "\"",
                   .what = what,
                   .rule = rule,
                   .remedy = remedy});
  }

  absl::Status Take(archive_entry* entry) {
    const std::string raw = TextOf(archive_entry_pathname(entry));
    if (++entries_ > limits_.entries) {
      return Refused(raw, "comes after " + std::to_string(limits_.entries) + " others",
                     "no archive has more entries", "import only what is booted");
    }
    const bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
    // The tree itself, as most archivers write it first.
    if (is_folder && LinkTarget("", raw) == "" && raw.find("..") == raw.npos) return PassOver(raw);
    const auto path = SanitizePath(raw);
    if (!path.ok()) {
      return Refused(raw, PathFault(raw).empty() ? "has no name" : PathFault(raw), kPathRule);
    }
    if (is_folder) return PassOver(*path);
    if (!names_.insert(*path).second) {
      return Refused(*path, "stands twice in it", "a path names one file of an image set");
    }
    return TakeNamed(entry, *path);
  }

  absl::Status TakeNamed(archive_entry* entry, const std::string& path) {
    if (const char* const first = archive_entry_hardlink(entry)) {
      if (kind_ == ArchiveKind::kIso) return GiveSame(path, first);
      return Refused(path, "is a hard link to \"" + Printable(first) + "\"",
                     "an archive holds its files themselves",
                     "pack it again with 'tar --hard-dereference'");
    }
    const mode_t type = archive_entry_filetype(entry);
    if (type == AE_IFREG) return TakeFile(entry, path);
    if (type != AE_IFLNK) {
      return Refused(path, "is " + std::string(WordOf(type)), "an image set holds only files");
    }
    const std::string target = TextOf(archive_entry_symlink(entry));
    if (target.size() > kLinkMax) {
      return Refused(path, "is a link of " + std::to_string(target.size()) + " bytes",
                     "a link has at most " + std::to_string(kLinkMax));
    }
    const auto inside = LinkTarget(FolderOf(path), target);
    if (!inside) {
      return Refused(path,
                     "is a link to \"" + Printable(target) + "\", which leads out of the tree",
                     "an image set holds only files of its source",
                     "pack it again with what the link leads to ('tar --dereference')");
    }
    links_[path] = *inside;
    return PassOver(path);
  }

  // What a folder or a link of a tar claims to hold: packed, it may be as large as a file, and
  // libarchive would unpack it on its way to the next entry.
  absl::Status PassOver(const std::string& path) {
    if (kind_ != ArchiveKind::kTar) return absl::OkStatus();
    while (true) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader(), &block, &size, &offset);
      if (result == ARCHIVE_EOF) return absl::OkStatus();
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Unreadable();
      bytes_ += size;
      if (bytes_ > bytes_max_) return TooLarge(path);
    }
  }

  absl::Status TakeFile(archive_entry* entry, const std::string& path) {
    if (++files_ > limits_.files) return TooMany(path);
    const auto said = static_cast<std::uint64_t>(archive_entry_size(entry));
    const bool is_said = archive_entry_size_is_set(entry) != 0;
    if (is_said && (said > limits_.file_bytes || said > limits_.bytes)) {
      return Refused(path, "says that it has " + std::to_string(said) + " bytes",
                     "a file has at most " + std::to_string(limits_.file_bytes));
    }
    if (absl::Status status = sink_.Begin(path); !status.ok()) return status;
    std::uint64_t size = 0;
    std::vector<std::uint8_t> block(is_said ? std::min<std::uint64_t>(kBlock, said + 1) : kBlock);
    while (true) {
      const la_ssize_t got = archive_read_data(reader(), block.data(), block.size());
      if (got < 0) return Unreadable();
      if (got == 0) break;
      size += static_cast<std::uint64_t>(got);
      bytes_ += static_cast<std::uint64_t>(got);
      if (size > limits_.file_bytes || bytes_ > bytes_max_) return TooLarge(path);
      const Bytes bytes = Bytes(block).first(static_cast<std::size_t>(got));
      if (absl::Status status = sink_.Append(bytes); !status.ok()) return status;
    }
    if (is_said && size != said) {
      return Refused(path,
                     "has " + std::to_string(size) + " bytes instead of " + std::to_string(said),
                     "an archive holds its files whole", "bring it again whole");
    }
    return sink_.End();
  }

  absl::Status TooMany(const std::string& path) const {
    return Refused(path, "comes after " + std::to_string(limits_.files) + " other files",
                   "no image set has more", "import only what is booted, or the ISO as a RAM disk");
  }

  absl::Status TooLarge(const std::string& path) const {
    return Refused(path,
                   "unpacks the archive to more than " + std::to_string(bytes_max_) + " bytes",
                   "an archive unpacks to at most " + std::to_string(limits_.bytes) +
                       " bytes, and beyond " + std::to_string(limits_.allowance) + " to at most " +
                       std::to_string(limits_.ratio) + " for each of its own");
  }

  absl::Status GiveSame(const std::string& path, const std::string& first) {
    if (++files_ > limits_.files) return TooMany(path);
    const auto known = SanitizePath(first);
    if (!known.ok() || !names_.contains(*known) || links_.contains(*known) || *known == path) {
      return Refused(path, "shares its bytes with \"" + Printable(first) + "\", which is not there",
                     "an image is whole", "bring it again whole");
    }
    return sink_.Same(path, *known);
  }

  absl::Status GiveLinks() {
    for (const auto& [path, target] : links_) {
      std::string end = target;
      for (int i = 0; i < kLinksFollowedMax && links_.contains(end); ++i) end = links_[end];
      if (links_.contains(end) || !names_.contains(end)) continue;
      if (++files_ > limits_.files) return TooMany(path);
      if (absl::Status status = sink_.Same(path, end); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::string name_;
  ArchiveKind kind_;
  FileSink& sink_;
  UnpackLimits limits_;
  std::unique_ptr<Gunzip> gunzip_;  // outlives the reader
  Archive reader_;
  std::uint64_t bytes_max_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::size_t files_ = 0;
  std::set<std::string> names_;               // of all that is no folder
  std::map<std::string, std::string> links_;  // path to where it leads
};

// The file, block by block; the last ones are short.
class FileBlocks {
 public:
  explicit FileBlocks(const fs::path& file) : file_(file, std::ios::binary), block_(kBlock, '\0') {}
  absl::StatusOr<Bytes> Next() {
    file_.read(block_.data(), static_cast<std::streamsize>(kBlock));
    if (file_.bad()) return absl::UnavailableError("it cannot be read");
    return AsBytes(block_).first(static_cast<std::size_t>(file_.gcount()));
  }

 private:
  std::ifstream file_;
  std::string block_;
};

}  // namespace

std::optional<ArchiveKind> ArchiveKindOf(std::string_view name) {
  const auto ends = [&](std::string_view end) {
    return name.size() > end.size() &&
           http::EqualIgnoringCase(name.substr(name.size() - end.size()), end);
  };
  for (const std::string_view end :
       {".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst"}) {
    if (ends(end)) return ArchiveKind::kTar;
  }
  if (ends(".iso")) return ArchiveKind::kIso;
  return std::nullopt;
}

absl::Status ReadArchive(const fs::path& file, ArchiveKind kind, FileSink& sink,
                         const UnpackLimits& limits) {
  const Utf8Locale locale;
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  if (error) return SystemFailure(file.string(), "measure", error.value());
  Reading reading(file.filename().string(), kind, sink, limits);
  FileBlocks start(file);
  const auto first = start.Next();
  const bool is_gzip = kind == ArchiveKind::kTar && first.ok() && Gunzip::Packs(*first);
  FileBlocks blocks(file);
  const int opened = is_gzip ? reading.OpenGzip([&blocks] { return blocks.Next(); })
                             : archive_read_open_filename(reading.reader(), file.c_str(), kBlock);
  return opened == ARCHIVE_OK ? reading.Read(size) : reading.Unreadable();
}

absl::Status ReadArchive(Bytes bytes, ArchiveKind kind, FileSink& sink,
                         const UnpackLimits& limits) {
  const Utf8Locale locale;
  Reading reading("archive", kind, sink, limits);
  const bool is_gzip = kind == ArchiveKind::kTar && Gunzip::Packs(bytes);
  Bytes left = bytes;
  const auto give = [&left] { return std::exchange(left, left.first(0)); };
  const int opened = is_gzip
                         ? reading.OpenGzip(give)
                         : archive_read_open_memory(reading.reader(), bytes.data(), bytes.size());
  return opened == ARCHIVE_OK ? reading.Read(bytes.size()) : reading.Unreadable();
}

}  // namespace slipway::control
