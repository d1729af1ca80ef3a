// SPDX-License-Identifier: Apache-2.0
//
// Gunzip: gzip (RFC 1952) unpacked block by block, one member behind the other. Unlike libarchive's
// own filter it looks at each member's CRC-32 and length, so that damaged bytes are no file.
// Zeros behind the last member are passed over, as tapes have them; anything else is refused.
// Private to control/image_store.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

class Gunzip {
 public:
  // Gives the next packed bytes, valid until it is called again; none: the end.
  using Refill = std::function<absl::StatusOr<Bytes>()>;

  static bool Packs(Bytes start) {
    return start.size() >= 2 && start[0] == 0x1f && start[1] == 0x8b;
  }

  explicit Gunzip(Refill refill);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // Valid until the next call; none: the end. DataLoss where it is damaged or cut.
  absl::StatusOr<Bytes> Next();
  const absl::Status& status() const { return status_; }  // of the calls so far

 private:
  absl::StatusOr<Bytes> Inflate();
  absl::Status Refilled();

  Refill refill_;
  z_stream stream_{};
  absl::Status status_;
  std::vector<std::uint8_t> out_;
  bool is_between_ = false;  // members
  bool is_over_ = false;
};

}  // namespace slipway::control
