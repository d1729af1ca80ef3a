// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/gunzip.h"

#include <new>
#include <string>
#include <utility>

namespace slipway::control {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

Gunzip::Gunzip(Refill refill) : refill_(std::move(refill)), out_(kBlock) {
  if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
}

Gunzip::~Gunzip() { inflateEnd(&stream_); }

absl::Status Gunzip::Refilled() {
  const auto more = refill_();
  if (!more.ok()) return more.status();
  // zlib does not write there.
  stream_.next_in = const_cast<Bytef*>(more->data());
  stream_.avail_in = static_cast<uInt>(more->size());
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Gunzip::Next() {
  if (!status_.ok()) return status_;
  auto bytes = Inflate();
  if (!bytes.ok()) status_ = bytes.status();
  return bytes;
}

absl::StatusOr<Bytes> Gunzip::Inflate() {
  stream_.next_out = out_.data();
  stream_.avail_out = static_cast<uInt>(out_.size());
  while (!is_over_ && stream_.avail_out == out_.size()) {
    if (stream_.avail_in == 0) {
      if (absl::Status status = Refilled(); !status.ok()) return status;
      if (stream_.avail_in == 0) {
        if (!is_between_) return absl::DataLossError("its gzip packing is cut short");
        is_over_ = true;
        break;
      }
    }
    if (is_between_) {
      if (*stream_.next_in == 0) {
        ++stream_.next_in;
        --stream_.avail_in;
        continue;
      }
      inflateReset(&stream_);
      is_between_ = false;
    }
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      is_between_ = true;
    } else if (result != Z_OK) {
      return absl::DataLossError(std::string("its gzip packing is damaged: ") +
                                 (stream_.msg == nullptr ? "no sense in it" : stream_.msg));
    }
  }
  return Bytes(out_).first(out_.size() - stream_.avail_out);
}

}  // namespace slipway::control
