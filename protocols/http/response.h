// SPDX-License-Identifier: Apache-2.0
//
// Response: an answer as pieces, each some text of our own and then a slice of an image. Chosen by
// RFC 9110: preconditions in the order of 13.2.2, then If-Range and Range (14.2), then the whole.
//
// What firmware asks of it: Content-Length always and never chunked, Title-Case names, a header
// under 2 KB, HEAD with exactly GET's header, no redirection (README has the reasons).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/http/catalog.h"
#include "protocols/http/range.h"
#include "protocols/http/request.h"
#include "protocols/http/status.h"

namespace slipway::http {

inline constexpr std::size_t kHeadMax = 1024;     // status line and fields: firmware takes 2 KB
inline constexpr std::size_t kPartHeadMax = 232;  // of a part of multipart/byteranges
inline constexpr std::size_t kOwnedMax = 3112;    // text of our own in one response
static_assert(kHeadMax + kPartHeadMax * (kRangesMax + 1) <= kOwnedMax);

struct Piece {
  std::size_t owned_end = 0;  // the text from the previous piece's end to here, and then
  Bytes image;
};

struct Response {
  Status status = Status::kBadRequest;
  Drop drop = Drop::kNone;
  const Resource* resource = nullptr;
  bool close = false;
  std::uint64_t body_bytes = 0;  // that follow the header, 0 for HEAD
  bool partial = false;
  std::uint64_t range_first = 0;
  std::uint64_t range_last = 0;

  Bytes text() const { return {owned.data(), owned_size}; }

  std::array<Piece, kRangesMax + 1> pieces;
  std::size_t piece_count = 0;
  std::array<std::uint8_t, kOwnedMax> owned;
  std::size_t owned_size = 0;
};

struct Circumstances {
  std::int64_t now_unix_seconds = 0;
  std::uint32_t retry_after_seconds = 1;
};

// The answer to `request` for `resource`, null when the path leads to none. A request with a
// refusal is answered with it.
void MakeResponse(const Request& request, const Resource* resource,
                  const Circumstances& circumstances, Response& response);

}  // namespace slipway::http
