// SPDX-License-Identifier: Apache-2.0
//
// Blobs and upload sessions of distribution-spec 1.1. Bytes go from the connection to the disk, and
// back, a block at a time.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "control/image_store/files.h"
#include "control/image_store/oci.h"
#include "control/rest/registry_exchange.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;
constexpr const char* kDigestHeader = "Docker-Content-Digest";

struct Part {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // behind the last byte
};

// "first-last" of whole numbers, both ends within; nullopt when it is none.
std::optional<Part> ParseEnds(std::string_view text) {
  Part part;
  const char* const end = text.data() + text.size();
  const auto [dash, wrong] = std::from_chars(text.data(), end, part.begin);
  if (wrong != std::errc() || dash == end || *dash != '-') return std::nullopt;
  const auto [stop, bad] = std::from_chars(dash + 1, end, part.end);
  if (bad != std::errc() || stop != end || part.end < part.begin || part.end == UINT64_MAX) {
    return std::nullopt;
  }
  ++part.end;
  return part;
}

// What of `size` bytes the one range in the request asks for (RFC 9110 14.1.2); nullopt when that
// cannot be given.
std::optional<Part> RangeOf(const httplib::Request& request, std::uint64_t size) {
  if (request.ranges.size() != 1) return std::nullopt;
  const auto [first, last] = request.ranges.front();
  if (first < 0) {  // the last so many
    if (last <= 0 || size == 0) return std::nullopt;
    const auto count = std::min(static_cast<std::uint64_t>(last), size);
    return Part{size - count, size};
  }
  const auto begin = static_cast<std::uint64_t>(first);
  if (begin >= size) return std::nullopt;
  return Part{begin, last < 0 ? size : std::min(static_cast<std::uint64_t>(last) + 1, size)};
}

// Sends the part from the file.
void SendPart(httplib::Response& response, std::shared_ptr<const FileDescriptor> file, Part part) {
  response.set_content_provider(
      "application/octet-stream", [file = std::move(file), part, block = std::vector<char>()](
                                      std::size_t sent, httplib::DataSink& sink) mutable {
        block.resize(kBlock);
        const std::uint64_t left = part.end - part.begin - sent;
        if (left == 0) {
          sink.done();
          return true;
        }
        const ssize_t got =
            ::pread(file->get(), block.data(), std::min<std::uint64_t>(left, block.size()),
                    static_cast<off_t>(part.begin + sent));
        return got > 0 && sink.write(block.data(), static_cast<std::size_t>(got));
      });
}

std::string SessionPath(const RegistryExchange& exchange, const std::string& session) {
  return Text("/v2/", exchange.path.name, "/blobs/uploads/", session);
}

// Where the session is, and how much of it is there.
void TellSession(const RegistryExchange& exchange, const std::string& session,
                 std::uint64_t offset) {
  exchange.response.set_header("Location", SessionPath(exchange, session));
  exchange.response.set_header("Docker-Upload-UUID", session);
  exchange.response.set_header("Range", Text("0-", offset == 0 ? 0 : offset - 1));
}

void TellBlob(const RegistryExchange& exchange, const std::string& digest) {
  exchange.response.set_header("Location", Text("/v2/", exchange.path.name, "/blobs/", digest));
  exchange.response.set_header(kDigestHeader, digest);
  ReplyEmpty(exchange.response, 201);
}

void ReplyFailure(const RegistryExchange& exchange, const absl::Status& status) {
  if (absl::IsAborted(status)) exchange.response.set_header("Retry-After", "1");
  ReplyError(exchange, Registry::UploadError(status));
}

// Appends the body to the session. False, and an error replied, where that cannot be; what came is
// kept then.
bool AppendBody(const RegistryExchange& exchange, Uploads::Writer& writer) {
  const std::string& session = exchange.path.reference;
  const auto length = BodyLength(exchange.request);
  if (const std::string text = exchange.request.get_header_value("Content-Range"); !text.empty()) {
    const auto part = ParseEnds(text);
    if (!part || (length && part->end - part->begin != *length)) {
      ReplyError(exchange, {400, "SIZE_INVALID",
                            Text("Content-Range: ", text, ": not \"first-last\" of the body")});
      return false;
    }
    if (part->begin != writer.offset()) {
      TellSession(exchange, session, writer.offset());
      ReplyError(exchange,
                 {416, "BLOB_UPLOAD_INVALID",
                  Text("the chunk begins at ", part->begin, "; go on at ", writer.offset())});
      return false;
    }
  }
  absl::Status read = writer.Expect(length.value_or(0));
  if (read.ok()) read = ReadBody(exchange, [&](Bytes bytes) { return writer.Append(bytes); });
  if (read.ok()) return true;
  if (absl::IsOutOfRange(read)) writer.Discard();
  ReplyFailure(exchange, read);
  return false;
}

// The session's writer; nullopt, and an error replied, where there is none.
std::optional<Uploads::Writer> Enter(const RegistryExchange& exchange) {
  auto writer = exchange.registry.uploads().Continue(exchange.path.name, exchange.path.reference);
  if (writer.ok()) return *std::move(writer);
  ReplyFailure(exchange, writer.status());
  return std::nullopt;
}

void Close(const RegistryExchange& exchange, Uploads::Writer& writer, const std::string& digest) {
  const std::string hex = HexOf(digest);
  if (hex.empty()) {
    return ReplyError(exchange, {400, "DIGEST_INVALID",
                                 "say ?digest=sha256: and 64 hex digits of the whole blob"});
  }
  if (!AppendBody(exchange, writer)) return;
  const absl::Status finished = writer.Finish(hex);
  if (!finished.ok()) return ReplyError(exchange, Registry::UploadError(finished));
  TellBlob(exchange, digest);
}

}  // namespace

void AnswerBlob(const RegistryExchange& exchange) {
  const auto found = exchange.registry.Blob(exchange.path.name, exchange.path.reference);
  if (const auto* error = std::get_if<RegistryError>(&found)) return ReplyError(exchange, *error);
  const auto& [path, size] = std::get<0>(found);
  auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return ReplyError(exchange, {404, "BLOB_UNKNOWN", "it has just been deleted"});
  httplib::Response& response = exchange.response;
  response.set_header(kDigestHeader, exchange.path.reference);
  response.set_header("Accept-Ranges", "bytes");
  response.set_header("ETag", Text('"', exchange.path.reference, '"'));
  Part part{0, size};
  response.status = 200;
  if (!exchange.request.ranges.empty() && exchange.request.method == "GET") {
    const auto range = RangeOf(exchange.request, size);
    if (!range) {
      response.set_header("Content-Range", Text("bytes */", size));
      return ReplyError(exchange, {416, "SIZE_INVALID", Text("the blob has ", size, " bytes")});
    }
    part = *range;
    response.status = 206;
    response.set_header("Content-Range", Text("bytes ", part.begin, '-', part.end - 1, '/', size));
  }
  response.set_header("Content-Length", std::to_string(part.end - part.begin));
  SendPart(response, std::make_shared<const FileDescriptor>(*std::move(file)), part);
}

void RemoveBlob(const RegistryExchange& exchange) {
  const auto removed = exchange.registry.RemoveBlob(exchange.path.name, exchange.path.reference);
  if (const auto* error = std::get_if<RegistryError>(&removed)) {
    if (error->status == 405) exchange.response.set_header("Allow", "GET, HEAD");
    return ReplyError(exchange, *error);
  }
  ReplyEmpty(exchange.response, 202);
}

void BeginUpload(const RegistryExchange& exchange) {
  const auto checked = Registry::CheckNameOfPush(exchange.path.name);
  if (const auto* error = std::get_if<RegistryError>(&checked)) return ReplyError(exchange, *error);
  const std::string mount = exchange.request.get_param_value("mount");
  // Wherever it is: there is one store below all repositories.
  if (!mount.empty() &&
      std::holds_alternative<FoundBlob>(exchange.registry.Blob(exchange.path.name, mount))) {
    return TellBlob(exchange, mount);
  }
  const auto session = exchange.registry.uploads().Begin(exchange.path.name);
  if (!session.ok()) return ReplyFailure(exchange, session.status());
  const std::string digest = exchange.request.get_param_value("digest");
  if (!digest.empty()) {  // all of it in this one request
    RegistryExchange whole = exchange;
    whole.path.reference = *session;
    auto writer = Enter(whole);
    if (!writer) return;
    Close(whole, *writer, digest);
    // Nobody was told the session's name, so what came of it is no use.
    if (whole.response.status != 201) writer->Discard();
    return;
  }
  TellSession(exchange, *session, 0);
  ReplyEmpty(exchange.response, 202);
}

void AnswerUpload(const RegistryExchange& exchange) {
  const std::string& session = exchange.path.reference;
  const auto offset = exchange.registry.uploads().Offset(exchange.path.name, session);
  if (!offset.ok()) return ReplyFailure(exchange, offset.status());
  TellSession(exchange, session, *offset);
  ReplyEmpty(exchange.response, 204);
}

void ContinueUpload(const RegistryExchange& exchange) {
  auto writer = Enter(exchange);
  if (!writer || !AppendBody(exchange, *writer)) return;
  const auto offset = writer->Commit();
  if (!offset.ok()) return ReplyFailure(exchange, offset.status());
  TellSession(exchange, exchange.path.reference, *offset);
  ReplyEmpty(exchange.response, 202);
}

void FinishUpload(const RegistryExchange& exchange) {
  auto writer = Enter(exchange);
  if (writer) Close(exchange, *writer, exchange.request.get_param_value("digest"));
}

void CancelUpload(const RegistryExchange& exchange) {
  const absl::Status status =
      exchange.registry.uploads().Cancel(exchange.path.name, exchange.path.reference);
  if (!status.ok()) return ReplyFailure(exchange, status);
  ReplyEmpty(exchange.response, 204);
}

}  // namespace slipway::control
