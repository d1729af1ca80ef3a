// SPDX-License-Identifier: Apache-2.0
//
// Session: see the header. What is no whole header yet gathers in a block; what a header is found
// to be does not depend on how its bytes came, because every rule is applied to lines.
#include "protocols/http/session.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "protocols/base/check.h"
#include "protocols/http/path.h"

namespace slipway::http {
namespace {

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

// Where the buffer stands: the header's size with its empty line, or why it will never be one.
struct Found {
  std::size_t header_size = 0;
  std::optional<Status> refusal;
  Drop drop = Drop::kNone;
};

struct Ends {
  std::size_t header = std::string_view::npos;  // the line end before the empty line
  std::size_t bare = std::string_view::npos;    // the byte that proves a bare CR or LF before that
};

// What there is of both, whichever comes first, at `from` or behind it. A bare LF ends no line
// here, and a bare CR is none either (RFC 9112 2.2).
Ends FindEnds(std::string_view text, std::size_t from) {
  for (std::size_t at = from;;) {
    const std::size_t cr = text.find('\r', at);
    const std::size_t lf = text.substr(0, cr).find('\n', at);
    if (lf != text.npos) return {.bare = lf};
    if (cr == text.npos || cr + 1 == text.size()) return {};
    if (text[cr + 1] != '\n') return {.bare = cr + 1};
    if (text.substr(cr, kHeaderEnd.size()) == kHeaderEnd) return {.header = cr};
    at = cr + 2;
  }
}

// The first mistake in the order of the bytes counts, so that the answer is the same however they
// came. The first `scanned` bytes were seen before and held neither an end nor a mistake.
Found FindHeader(std::string_view text, std::size_t scanned) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first <= ' ' || first >= 0x7f) {  // a TLS record, say: no need to wait for its end
    return {.refusal = Status::kBadRequest, .drop = Drop::kHttpMalformed};
  }
  if (scanned != 0 && text[scanned - 1] == '\r') --scanned;
  const Ends ends = FindEnds(text, scanned);
  const std::size_t line = text.find("\r\n");
  // Proved by the byte at kRequestLineMax + 1, which could still have been the LF.
  const bool line_too_long =
      line == text.npos ? text.size() > kRequestLineMax + 1 : line > kRequestLineMax;
  if (ends.bare != text.npos && (!line_too_long || ends.bare <= kRequestLineMax + 1)) {
    return {.refusal = Status::kBadRequest, .drop = Drop::kHttpMalformed};
  }
  if (line_too_long) return {.refusal = Status::kUriTooLong, .drop = Drop::kHttpTooLong};
  if (ends.header != text.npos) return {.header_size = ends.header + kHeaderEnd.size()};
  if (text.size() == kHeaderMax) {
    return {.refusal = Status::kHeaderFieldsTooLarge, .drop = Drop::kHttpTooLong};
  }
  return {};
}

}  // namespace

Session::Session(const SessionConfig& config, const Catalog& catalog, InputBlocks& blocks, Time now)
    : config_(&config),
      catalog_(&catalog),
      blocks_(&blocks),
      active_(now),
      request_began_(now),
      progress_at_(now) {}

std::size_t Session::Room() const {
  return awaiting_ == Awaiting::kNothing ? SIZE_MAX : kHeaderMax - input_size_;
}

Received Session::Receive(Bytes text, Time now) {
  Received received;
  do {
    if (awaiting_ == Awaiting::kNothing) {
      received.consumed += text.size();
      break;
    }
    const std::size_t taken = TakeText(text, now, received);
    if (taken != 0) active_ = now;
    received.consumed += taken;
    text = text.subspan(taken);
  } while (!text.empty() && Room() != 0);
  received.close = closing_;
  return received;
}

std::size_t Session::TakeText(Bytes text, Time now, Received& received) {
  return input_.empty() ? TakeStraight(text, now, received) : TakeBehindKept(text, now, received);
}

// Whole requests are served from where they lie; a block is for what begins one and does not end
// it, or has to wait for room. Whoever asks whole is served though all blocks are held.
std::size_t Session::TakeStraight(Bytes text, Time now, Received& received) {
  const Bytes offered = text.first(std::min(text.size(), kHeaderMax));
  if (awaiting_ == Awaiting::kRequest) request_began_ = now;
  pending_ = offered;
  Serve(now, received);
  const std::size_t served = offered.size() - pending_.size();
  pending_ = {};
  if (served != 0 || offered.empty()) return served;
  input_ = blocks_->Take(*this, now);
  return input_size_ = Copy(offered, input_);
}

std::size_t Session::TakeBehindKept(Bytes text, Time now, Received& received) {
  const std::size_t taken = Copy(text, input_.subspan(input_size_));
  input_size_ += taken;
  pending_ = Bytes(input_).first(input_size_);
  Serve(now, received);
  if (awaiting_ == Awaiting::kNothing) return taken;  // the block is given back
  if (pending_.size() != input_size_ && !pending_.empty()) {
    std::memmove(input_.data(), pending_.data(), pending_.size());
  }
  input_size_ = pending_.size();
  pending_ = {};
  if (input_size_ == 0) GiveBlock();
  return taken;
}

void Session::PeerFinished(Time now) {
  peer_finished_ = true;
  Received ignored;
  static_cast<void>(TakeText({}, now, ignored));
}

// Answers whatever is whole, until more text or more room is needed.
void Session::Serve(Time now, Received& received) {
  blocked_ = false;
  while (awaiting_ != Awaiting::kNothing) {
    const bool went_on = awaiting_ == Awaiting::kBody ? SkipBody(now) : ServeOne(now, received);
    if (!went_on) break;
  }
  // What is left unfinished will never be whole.
  if (peer_finished_ && !blocked_) Close();
}

bool Session::SkipBody(Time now) {
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, pending_.size()));
  Discard(size);
  body_left_ -= size;
  if (body_left_ != 0) return false;
  awaiting_ = Awaiting::kRequest;
  request_began_ = now;
  return true;
}

bool Session::ServeOne(Time now, Received& received) {
  // RFC 9112 2.2: empty lines before a request are ignored.
  std::size_t blank = 0;
  while (pending_.size() - blank >= 2 && pending_[blank] == '\r' && pending_[blank + 1] == '\n') {
    blank += 2;
  }
  if (blank != 0) Discard(blank);
  if (pending_.empty() || (pending_.size() == 1 && pending_[0] == '\r')) return false;

  const std::string_view text = AsText(pending_);
  const Found found = FindHeader(text, scanned_);
  if (found.header_size == 0 && !found.refusal) {
    scanned_ = text.size() - std::min(text.size(), kHeaderEnd.size() - 1);
    return false;
  }
  Request request = found.refusal ? Refused(*found.refusal, found.drop)
                                  : ParseRequest(text.substr(0, found.header_size - 2),
                                                 config_->ignored_body_max);
  blocked_ = !Answer(request, now, received);
  if (blocked_ || awaiting_ == Awaiting::kNothing) return false;
  Discard(found.header_size);
  body_left_ = request.content_length;
  awaiting_ = body_left_ != 0 ? Awaiting::kBody : Awaiting::kRequest;
  request_began_ = now;
  return true;
}

// False when there is no room for the answer now.
bool Session::Answer(Request& request, Time now, Received& received) {
  std::array<char, kTargetMax> decoded;
  std::string_view path;
  if (!request.refusal) {
    const auto raw = PathOfTarget(request.target);
    const auto normal = raw ? NormalisePath(*raw, decoded) : std::nullopt;
    if (normal) {
      path = *normal;
    } else {
      request.refusal = Status::kBadRequest;
      request.drop = Drop::kHttpMalformed;
    }
  }
  const Resource* resource = path.empty() ? nullptr : catalog_->Find(path);
  Response response;
  MakeResponse(request, resource,
               {.now_unix_seconds = config_->wall->UnixSeconds(now),
                .retry_after_seconds = config_->retry_after_seconds},
               response);
  if (!Queue(response, request.method, now)) return false;
  RequestRecord& record = Record(queued_ - 1);
  record.path_size =
      static_cast<std::uint8_t>(path.copy(record.path_text.data(), record.path_text.size()));
  if (response.close) {
    received.drop = response.drop;
    Close();
  }
  return true;
}

bool Session::Queue(const Response& response, Method method, Time now) {
  if (queued_ - completed_ == kQueuedMax) return false;
  if (!responses_.HasRoom(2 * response.piece_count, response.owned_size)) return false;
  if (responses_.drained()) {
    progress_ = responses_.released();
    progress_at_ = now;
  }
  RequestRecord& record = Record(queued_++);
  record = {.method = method,
            .status = response.status,
            .drop = response.drop,
            .resource = response.resource,
            .begin = responses_.length(),
            .body_bytes = response.body_bytes,
            .partial = response.partial,
            .range_first = response.range_first,
            .range_last = response.range_last};
  std::size_t begin = 0;
  for (std::size_t i = 0; i < response.piece_count; ++i) {
    const Piece& piece = response.pieces[i];
    responses_.AppendOwned(response.text().subspan(begin, piece.owned_end - begin));
    responses_.AppendImage(piece.image);
    begin = piece.owned_end;
  }
  record.end = responses_.length();
  if (queued_ - completed_ == 1) completes_at_ = record.end;
  return true;
}

// Nothing is read any more; the stream ends after what it holds.
void Session::Close() {
  awaiting_ = Awaiting::kNothing;
  pending_ = {};
  GiveBlock();
  scanned_ = 0;
  blocked_ = false;
  if (!closing_) responses_.Finish();
  closing_ = true;
}

void Session::Discard(std::size_t size) {
  SLIPWAY_CHECK(size <= pending_.size());
  pending_ = pending_.subspan(size);
  scanned_ = 0;
}

void Session::GiveBlock() {
  if (!input_.empty()) blocks_->Give(input_);
  input_ = {};
  input_size_ = 0;
}

}  // namespace slipway::http
