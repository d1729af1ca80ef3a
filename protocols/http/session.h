// SPDX-License-Identifier: Apache-2.0
//
// Session: the server's side of one HTTP/1.1 connection (RFC 9110, RFC 9112), without I/O. Text
// goes in; the responses stand in a stream that TCP, or TLS above it, pulls by offset.
//
// Invariants
// * Everything a client controls is bounded: the header (8 KiB), its fields, the target, a body
//   that is read past, the responses queued, the time it takes.
// * What is answered does not depend on how the text was split.
// * A response enters the stream whole, or not at all: while there is no room the request waits,
//   Room() shrinks to nothing and the peer's window closes.
// * After an error that loses the framing nothing more is read: the response says `Connection:
//   close` and the stream ends with it.
//
// How a worker drives it: Receive(text) while Room() != 0 and keep what was not consumed; send from
// responses(); after responses().Release(acknowledged) call TakeCompleted() until nothing and, if
// text was left over or blocked(), Receive() again (empty text will do). One Session is about
// 5 KB and does not move; a request that is not whole yet lies in a block it borrows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/base/time.h"
#include "protocols/base/wall_clock.h"
#include "protocols/http/catalog.h"
#include "protocols/http/input_blocks.h"
#include "protocols/http/request.h"
#include "protocols/http/response.h"
#include "protocols/http/status.h"
#include "protocols/source/extent_stream.h"

namespace slipway::http {

using ResponseStream = ExtentStream;

struct SessionConfig {
  const WallClock* wall = &kUnixEpochAtZero;           // for Date and the age of validators
  Duration header_timeout = std::chrono::seconds(30);  // first byte of a request to its last
  Duration idle_timeout = std::chrono::seconds(75);    // firmware wants at least 60 s
  Duration stall_timeout = std::chrono::seconds(60);   // nothing acknowledged for so long
  std::uint32_t retry_after_seconds = 1;               // with 503
  std::uint32_t ignored_body_max = 16384;              // a request body that is read past
};

// The facts of one request, from when its response was queued.
struct RequestRecord {
  Method method = Method::kUnknown;
  Status status = Status::kBadRequest;
  Drop drop = Drop::kNone;             // why it was refused; kNone when it was served
  const Resource* resource = nullptr;  // lives as long as its catalog; null when none was found
  std::uint64_t begin = 0;             // the response is [begin, end) of the stream
  std::uint64_t end = 0;
  std::uint64_t body_bytes = 0;
  bool partial = false;  // some ranges only; first and last then tell the first of them
  std::uint64_t range_first = 0;
  std::uint64_t range_last = 0;

  // The normalised path, cut at 120 bytes; empty when the request had none.
  std::string_view path() const { return {path_text.data(), path_size}; }
  std::array<char, 120> path_text;
  std::uint8_t path_size = 0;
};

struct Received {
  std::size_t consumed = 0;  // bytes of the text that were taken
  // Why the connection ends, where a request is to blame. Its record carries the same: count that.
  Drop drop = Drop::kNone;
  bool close = false;  // no more requests: end the stream after what responses() holds
};

struct Expired {
  Drop drop = Drop::kNone;  // to be counted: no record carries it
  bool close = false;       // as in Received
  bool abort = false;       // the peer takes nothing: reset the connection
};

class Session final : private BlockHolder {
 public:
  // At most this many responses wait in the stream at once.
  static constexpr std::size_t kQueuedMax = 4;

  // All three outlive the session. `blocks` are of kHeaderMax bytes.
  Session(const SessionConfig& config, const Catalog& catalog, InputBlocks& blocks, Time now);
  ~Session() override { GiveBlock(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Received Receive(Bytes text, Time now);
  // The peer sent its FIN: what was received whole is answered, then the stream ends. While
  // blocked() that is still to come, with Receive().
  void PeerFinished(Time now);
  // kNever when nothing is pending.
  Time Deadline() const;
  Expired Expire(Time now);

  // Bytes Receive is sure to consume now.
  std::size_t Room() const;
  // A whole request waits for room in the stream.
  bool blocked() const { return blocked_; }
  bool closing() const { return closing_; }

  ResponseStream& responses() { return responses_; }

  // Requests whose response was queued since the last call, in order; null when there is none more.
  // A record stays as it is until the next Receive(), PeerFinished() or Expire(), here or of a
  // session with the same blocks.
  const RequestRecord* TakeStarted();
  // Requests whose response was released whole, in order. One that is not taken holds its place
  // among the kQueuedMax.
  const RequestRecord* TakeCompleted();
  // The request whose response is being sent, for progress; null when there is none.
  const RequestRecord* InFlight() const;

  // From the next request on answers come from `catalog`. The one before must stay until what it
  // gave was released and its records were taken.
  void SetCatalog(const Catalog& catalog) { catalog_ = &catalog; }

 private:
  enum class Awaiting : std::uint8_t { kRequest, kBody, kNothing };

  // Serves what is there with `text` behind it; returns how much of the text was taken.
  std::size_t TakeText(Bytes text, Time now, Received& received);
  std::size_t TakeStraight(Bytes text, Time now, Received& received);
  std::size_t TakeBehindKept(Bytes text, Time now, Received& received);
  void Serve(Time now, Received& received);
  bool ServeOne(Time now, Received& received);
  bool SkipBody(Time now);
  bool Answer(Request& request, Time now, Received& received);
  bool Queue(const Response& response, Method method, Time now);
  void GiveUpBlock(Time now) override;
  Expired GiveUpRequest(Drop drop, Time now);
  void Close();
  void Discard(std::size_t size);
  void GiveBlock();
  RequestRecord& Record(std::uint64_t number) { return records_[number % kQueuedMax]; }
  const RequestRecord& Record(std::uint64_t number) const { return records_[number % kQueuedMax]; }

  static constexpr std::uint64_t kNoResponse = ~std::uint64_t{0};

  const SessionConfig* config_;
  const Catalog* catalog_;

  InputBlocks* blocks_;
  MutableBytes input_;               // of blocks_; empty while nothing is unfinished
  Bytes pending_;                    // while serving: what is left, in input_ or in the text itself
  std::size_t scanned_ = 0;          // what is unfinished holds no end of a header before it
  std::uint64_t body_left_ = 0;      // of a request that was answered
  std::optional<Expired> given_up_;  // for another's request; Expire() is still to tell it

  Time active_;                 // when the session last became idle or heard something
  Time request_began_;          // when the first byte of the unfinished request came
  Time progress_at_;            // when `progress_` was noticed
  std::uint64_t progress_ = 0;  // released() then

  std::array<RequestRecord, kQueuedMax> records_;
  // Counted from when none was queued: completed_ <= started_ <= queued_ <= completed_ + max.
  std::uint64_t completed_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t queued_ = 0;

  std::array<std::uint8_t, kOwnedMax> owned_;  // not initialised: the stream writes before it reads
  std::array<Extent, 2 * kRangesMax + 2> extents_;

  // What each turn and each acknowledgment of a download looks at, on two lines.
  alignas(64) ResponseStream responses_{extents_, owned_};
  std::uint64_t completes_at_ = kNoResponse;  // released() that completes the oldest response
  std::size_t input_size_ = 0;                // of input_, what was taken
  Awaiting awaiting_ = Awaiting::kRequest;
  bool blocked_ = false;
  bool closing_ = false;
  bool peer_finished_ = false;
};

}  // namespace slipway::http
