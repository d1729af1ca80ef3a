// SPDX-License-Identifier: Apache-2.0
//
// Archives made for tests by libarchive's writers, with entries that a careful archiver would not
// write.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <string_view>
#include <vector>

namespace slipway::control {

struct PackedEntry {
  std::string path;
  std::string content;
  mode_t type = AE_IFREG;
  std::string link;       // where a symbolic link leads
  std::string hard_link;  // of what it is another name
};

// `form`: "tar" (as GNU tar writes it), "pax" or "iso"; `packing`: "", "gzip", "xz" or "zstd".
inline std::string Packed(const std::vector<PackedEntry>& entries, std::string_view form = "tar",
                          std::string_view packing = "") {
  std::string bytes;
  archive* writer = archive_write_new();
  if (form == "tar") archive_write_set_format_gnutar(writer);
  if (form == "pax") archive_write_set_format_pax(writer);
  if (form == "iso") archive_write_set_format_iso9660(writer);
  if (packing == "gzip") archive_write_add_filter_gzip(writer);
  if (packing == "xz") archive_write_add_filter_xz(writer);
  if (packing == "zstd") archive_write_add_filter_zstd(writer);
  // A real file ends where its packing does; zeros behind it are an error to zstd.
  archive_write_set_bytes_in_last_block(writer, 1);
  EXPECT_EQ(archive_write_open(
                writer, &bytes, nullptr,
                [](archive*, void* to, const void* data, std::size_t size) -> la_ssize_t {
                  static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
                  return static_cast<la_ssize_t>(size);
                },
                nullptr),
            ARCHIVE_OK);
  for (const PackedEntry& each : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_copy_pathname(entry, each.path.c_str());
    archive_entry_set_filetype(entry, each.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_nlink(entry, 2);  // else no other name may follow in an ISO
    if (!each.link.empty()) archive_entry_copy_symlink(entry, each.link.c_str());
    if (!each.hard_link.empty()) archive_entry_copy_hardlink(entry, each.hard_link.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(each.content.size()));
    EXPECT_GE(archive_write_header(writer, entry), ARCHIVE_WARN) << archive_error_string(writer);
    if (!each.content.empty()) archive_write_data(writer, each.content.data(), each.content.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_free(writer);
  return bytes;
}

// A ustar header of a file that says it has `size` bytes (GNU's binary form beyond eight GiB).
inline std::string TarHeader(std::string_view name, std::uint64_t size, char type = '0',
                             std::string_view link = "") {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  header[124] = static_cast<char>(0x80);
  for (std::size_t i = 0; i < 8; ++i) header[135 - i] = static_cast<char>(size >> 8 * i & 0xff);
  header[156] = type;
  header.replace(157, link.size(), link);
  header.replace(257, 8, std::string_view("ustar  \0", 8));
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  for (std::size_t i = 0; i < 6; ++i) {
    header[153 - i] = static_cast<char>('0' + (sum >> 3 * i & 7));
  }
  header[154] = '\0';
  return header;
}

// One gzip member (RFC 1952).
inline std::string Gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace slipway::control
