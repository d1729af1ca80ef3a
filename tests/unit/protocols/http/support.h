// SPDX-License-Identifier: Apache-2.0
//
// A served connection for tests: a catalog of three files and a session, whose stream is read back
// as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocols/http/media_type.h"
#include "protocols/http/session.h"

namespace slipway::http {

inline constexpr std::int64_t kNow = 1795377600;  // Sun, 22 Nov 2026 20:00:00 GMT
inline constexpr std::string_view kNowText = "Sun, 22 Nov 2026 20:00:00 GMT";
inline constexpr std::int64_t kChanged = kNow - 3600;
inline constexpr std::string_view kChangedText = "Sun, 22 Nov 2026 19:00:00 GMT";
inline const std::string kDigest =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
inline constexpr std::string_view kTen = "0123456789";

inline Resource MakeResource(std::string path, std::string_view content, bool loaded = true) {
  return {.path = path,
          .content = loaded ? AsBytes(content) : Bytes{},
          .etag_digest = kDigest,
          .media_type = std::string(MediaTypeOf(path)),
          .last_modified = kChanged,
          .loaded = loaded};
}

inline const TableCatalog& TestCatalog() {
  static const TableCatalog catalog({MakeResource("/set/hello.efi", kTen),
                                     MakeResource("/set/empty.efi", ""),
                                     MakeResource("/set/later.iso", "", false)});
  return catalog;
}

constexpr Time At(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

class Served {
 public:
  Served() : Served(own_) {}
  // One of several that share their blocks.
  explicit Served(InputBlocks& blocks)
      : blocks_(blocks), session_(Config(), TestCatalog(), blocks, At(0)) {}

  static const SessionConfig& Config() {
    static constexpr WallClock kWall(kNow * 1'000'000'000);
    static const SessionConfig config{.wall = &kWall};
    return config;
  }

  Received Say(std::string_view text, Time now = At(0)) {
    return session_.Receive(AsBytes(text), now);
  }
  // Everything in the stream that was not released.
  std::string Peek() {
    ResponseStream& stream = session_.responses();
    std::string text(static_cast<std::size_t>(stream.length() - stream.released()), '\0');
    std::vector<std::uint8_t> bytes(text.size());
    stream.Read(stream.released(), bytes);
    return std::string(AsText(bytes));
  }
  // The same, and the peer acknowledges it.
  std::string Heard() {
    std::string text = Peek();
    session_.responses().Release(session_.responses().length());
    while (session_.TakeCompleted()) {
    }
    return text;
  }
  Session& session() { return session_; }
  const InputBlocks& blocks() const { return blocks_; }

 private:
  InputBlocks own_{1, kHeaderMax};
  InputBlocks& blocks_;
  Session session_;
};

// What a new connection answers to `text`.
inline std::string Ask(std::string_view text) {
  Served served;
  static_cast<void>(served.Say(text));
  return served.Heard();
}

// GET of the ten bytes, with more fields, each ending in CR LF.
inline std::string Get(std::string_view fields = "", std::string_view path = "/set/hello.efi",
                       std::string_view method = "GET") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: boot.example\r\n" +
         std::string(fields) + "\r\n";
}

inline unsigned StatusOf(std::string_view response) {
  if (!response.starts_with("HTTP/1.1 ") || response.size() < 12) return 0;
  return static_cast<unsigned>(*ParseDigits(response.substr(9, 3)));
}

inline std::string_view HeadOf(std::string_view response) {
  return response.substr(0, response.find("\r\n\r\n") + 4);
}
inline std::string_view BodyOf(std::string_view response) {
  return response.substr(HeadOf(response).size());
}

}  // namespace slipway::http
