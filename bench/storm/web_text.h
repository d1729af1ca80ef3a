// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 as a boot client speaks it (RFC 9112): where a URL points, the text of a request, and
// the head of a response, read as it arrives. Only what a boot needs: a body's length comes from
// Content-Length, and a response without one is refused, as firmware does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bench/storm/personality.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/strong.h"

namespace slipway::storm {

struct Url {
  bool tls = false;
  std::string host;
  std::optional<Ipv4Address> address;  // the host, where it is written as an address
  Port port;
  std::string path;  // begins with '/'

  // "https://host[:port]/path"; nullopt for anything else.
  static std::optional<Url> Parse(std::string_view text);
  // The same server's other file: an absolute path, or one beside this one.
  Url Beside(std::string_view path) const;
};

struct Range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // 0: everything
};

// Writes into `text`, replacing what was there.
void WriteRequest(const Personality& personality, const Url& url, bool head, const Range& range,
                  std::string& text);

class ResponseHead {
 public:
  static constexpr std::size_t kSizeMax = 8192;

  // Takes what belongs to the head; what follows it is the body.
  enum class Progress : std::uint8_t { kMore, kDone, kMalformed };
  Progress Receive(Bytes& text);
  void Clear();

  int status() const { return status_; }
  std::uint64_t length() const { return length_; }
  // Of a 206: where the body stands in the file and how long that is.
  std::uint64_t first() const { return first_; }
  std::uint64_t total() const { return total_; }
  // The strong ETag, without its quotes; empty: none.
  const std::string& tag() const { return tag_; }
  bool closes() const { return closes_; }

 private:
  bool Read();
  bool Field(std::string_view name, std::string_view value);

  std::string text_;
  int status_ = 0;
  std::optional<std::uint64_t> given_length_;
  std::uint64_t length_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t total_ = 0;
  std::string tag_;
  bool closes_ = false;
};

}  // namespace slipway::storm
