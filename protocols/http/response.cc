// SPDX-License-Identifier: Apache-2.0
//
// Making a response: see the header. A Build writes text and pieces in the order of the stream.
#include "protocols/http/response.h"

#include <algorithm>
#include <charconv>

#include "protocols/base/check.h"
#include "protocols/http/date.h"
#include "protocols/http/precondition.h"

namespace slipway::http {
namespace {

class Build {
 public:
  explicit Build(Response& response) : response_(response), writer_(response.owned) {}

  void Text(std::string_view text) { writer_.Text(text); }
  void Number(std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    Text({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  void Field(std::string_view name, std::string_view value) {
    Text(name), Text(": "), Text(value), Text("\r\n");
  }
  void Field(std::string_view name, std::uint64_t value) {
    Text(name), Text(": "), Number(value), Text("\r\n");
  }
  void DateField(std::string_view name, std::int64_t unix_seconds) {
    const auto date = FormatDate(unix_seconds);
    Field(name, {date.data(), date.size()});
  }
  void ContentRange(const ByteRange& range, std::uint64_t size) {
    Text("Content-Range: bytes "), Number(range.first), Text("-"), Number(range.last), Text("/");
    Number(size), Text("\r\n");
  }
  // What was written since the last one, then `image`.
  void EndPiece(Bytes image) {
    response_.pieces[response_.piece_count++] = {writer_.size(), image};
  }
  std::size_t size() const { return writer_.size(); }
  void Finish() {
    SLIPWAY_CHECK(writer_.ok());
    response_.owned_size = writer_.size();
  }

 private:
  Response& response_;
  Writer writer_;
};

struct Context {
  const Request& request;
  const Circumstances& circumstances;
  Response& response;
};

bool IsHead(const Context& context) { return context.request.method == Method::kHead; }

void BeginHead(Build& build, const Context& context, Status status) {
  context.response.status = status;
  build.Text("HTTP/1.1 "), build.Number(Code(status)), build.Text(" ");
  build.Text(Describe(status).reason), build.Text("\r\n");
  build.DateField("Date", context.circumstances.now_unix_seconds);
}

void EndHead(Build& build, const Context& context) {
  if (context.response.close) {
    build.Field("Connection", "close");
  } else if (context.request.announce_keep_alive) {
    build.Field("Connection", "keep-alive");
  }
  build.Text("\r\n");
  SLIPWAY_CHECK(build.size() <= kHeadMax);
}

// RFC 9110 8.8.2.1: no date of change that lies in the future.
std::int64_t LastModified(const Resource& resource, const Circumstances& circumstances) {
  return std::min(resource.last_modified, circumstances.now_unix_seconds);
}

void ValidatorFields(Build& build, const Context& context, const Resource& resource) {
  build.Field("Accept-Ranges", "bytes");
  build.Text("ETag: \""), build.Text(resource.etag_digest), build.Text("\"\r\n");
  build.DateField("Last-Modified", LastModified(resource, context.circumstances));
}

// A short answer in words. `resource` is null unless its size belongs in a Content-Range.
void SayError(const Context& context, Status status, const Resource* unsatisfied) {
  Build build(context.response);
  const std::string_view sentence = Describe(status).sentence;
  BeginHead(build, context, status);
  build.Field("Content-Type", "text/plain");
  build.Field("Content-Length", sentence.size());
  if (status == Status::kMethodNotAllowed) build.Field("Allow", "GET, HEAD");
  if (status == Status::kServiceUnavailable) {
    build.Field("Retry-After", context.circumstances.retry_after_seconds);
  }
  if (unsatisfied != nullptr) {
    build.Text("Content-Range: bytes */"), build.Number(unsatisfied->content.size());
    build.Text("\r\n");
  }
  EndHead(build, context);
  if (!IsHead(context)) {
    build.Text(sentence);
    context.response.body_bytes = sentence.size();
  }
  build.EndPiece({});
  build.Finish();
}

void SayNotModified(const Context& context, const Resource& resource) {
  Build build(context.response);
  BeginHead(build, context, Status::kNotModified);
  ValidatorFields(build, context, resource);
  EndHead(build, context);
  build.EndPiece({});
  build.Finish();
}

void SayWhole(const Context& context, const Resource& resource) {
  Build build(context.response);
  BeginHead(build, context, Status::kOk);
  build.Field("Content-Type", resource.media_type);
  build.Field("Content-Length", resource.content.size());
  ValidatorFields(build, context, resource);
  EndHead(build, context);
  if (IsHead(context)) {
    build.EndPiece({});
  } else {
    context.response.body_bytes = resource.content.size();
    build.EndPiece(resource.content);
  }
  build.Finish();
}

Bytes Slice(const Resource& resource, const ByteRange& range) {
  return resource.content.subspan(static_cast<std::size_t>(range.first),
                                  static_cast<std::size_t>(range.size()));
}

void SayOneRange(const Context& context, const Resource& resource, const ByteRange& range) {
  Build build(context.response);
  BeginHead(build, context, Status::kPartialContent);
  build.Field("Content-Type", resource.media_type);
  build.Field("Content-Length", range.size());
  build.ContentRange(range, resource.content.size());
  ValidatorFields(build, context, resource);
  EndHead(build, context);
  context.response.body_bytes = range.size();
  build.EndPiece(Slice(resource, range));
  build.Finish();
}

// Half of the digest. No file can be made to hold its own, so no part can hold the boundary.
std::string_view BoundaryOf(const Resource& resource) {
  return std::string_view(resource.etag_digest).substr(0, 32);
}

void PartHead(Build& build, const Resource& resource, const ByteRange& range) {
  build.Text("\r\n--"), build.Text(BoundaryOf(resource)), build.Text("\r\n");
  build.Field("Content-Type", resource.media_type);
  build.ContentRange(range, resource.content.size());
  build.Text("\r\n");
}

void PartsEnd(Build& build, const Resource& resource) {
  build.Text("\r\n--"), build.Text(BoundaryOf(resource)), build.Text("--\r\n");
}

// multipart/byteranges (14.6). What its parts come to is measured by writing them once for nothing.
std::uint64_t MultipartSize(const Resource& resource, std::span<const ByteRange> ranges,
                            Response& scratch) {
  Build measure(scratch);
  std::uint64_t size = 0;
  for (const ByteRange& range : ranges) {
    PartHead(measure, resource, range);
    size += range.size();
  }
  PartsEnd(measure, resource);
  return size + measure.size();
}

void SayRanges(const Context& context, const Resource& resource,
               std::span<const ByteRange> ranges) {
  const std::uint64_t size = MultipartSize(resource, ranges, context.response);
  Build build(context.response);
  BeginHead(build, context, Status::kPartialContent);
  build.Text("Content-Type: multipart/byteranges; boundary="), build.Text(BoundaryOf(resource));
  build.Text("\r\n");
  build.Field("Content-Length", size);
  ValidatorFields(build, context, resource);
  EndHead(build, context);
  context.response.body_bytes = size;
  for (const ByteRange& range : ranges) {
    PartHead(build, resource, range);
    build.EndPiece(Slice(resource, range));
  }
  PartsEnd(build, resource);
  build.EndPiece({});
  build.Finish();
}

void SayContent(const Context& context, const Resource& resource, const Validators& validators) {
  // 14.2: Range has a meaning for GET alone.
  const auto value = context.request.Find(FieldName::kRange);
  if (!value || IsHead(context) || !RangeApplies(context.request, validators)) {
    return SayWhole(context, resource);
  }
  const RangeSet set = ParseRange(*value, resource.content.size());
  switch (set.verdict) {
    case RangeSet::Verdict::kWhole:
      return SayWhole(context, resource);
    case RangeSet::Verdict::kUnsatisfiable:
      context.response.drop = Drop::kHttpNotSatisfied;
      return SayError(context, Status::kRangeNotSatisfiable, &resource);
    case RangeSet::Verdict::kSome:
      break;
  }
  context.response.partial = true;
  context.response.range_first = set.ranges().front().first;
  context.response.range_last = set.ranges().front().last;
  if (set.count == 1) return SayOneRange(context, resource, set.ranges().front());
  SayRanges(context, resource, set.ranges());
}

}  // namespace

void MakeResponse(const Request& request, const Resource* resource,
                  const Circumstances& circumstances, Response& response) {
  const Context context{request, circumstances, response};
  response.close = request.close;
  response.resource = resource;
  if (request.refusal) {
    response.drop = request.drop;
    return SayError(context, *request.refusal, nullptr);
  }
  if (resource == nullptr) {
    response.drop = Drop::kHttpNotFound;
    return SayError(context, Status::kNotFound, nullptr);
  }
  if (!resource->loaded) {
    response.drop = Drop::kHttpNotLoaded;
    return SayError(context, Status::kServiceUnavailable, nullptr);
  }
  const Validators validators{.digest = resource->etag_digest,
                              .last_modified = LastModified(*resource, circumstances),
                              .now = circumstances.now_unix_seconds};
  switch (Evaluate(request, validators)) {
    case Condition::kNotModified:
      return SayNotModified(context, *resource);
    case Condition::kFailed:
      response.drop = Drop::kHttpNotSatisfied;
      return SayError(context, Status::kPreconditionFailed, nullptr);
    case Condition::kGoOn:
      return SayContent(context, *resource, validators);
  }
}

}  // namespace slipway::http
