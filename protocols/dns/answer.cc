// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns/answer.h"

#include <algorithm>
#include <optional>

#include "protocols/base/endian.h"
#include "protocols/base/strong.h"
#include "protocols/wire/view.h"

namespace slipway::dns {
namespace {

struct WireHeader {
  Big<std::uint16_t> id;
  Big<std::uint16_t> flags;
  Big<std::uint16_t> questions;
  Big<std::uint16_t> answers;
  Big<std::uint16_t> authorities;
  Big<std::uint16_t> additionals;
};
static_assert(sizeof(WireHeader) == 12 && alignof(WireHeader) == 1);

constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kOpcodeMask = 0x7800;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kRecursionDesired = 0x0100;

using Rcode = Strong<struct RcodeTag, std::uint16_t>;
constexpr Rcode kNoError{0};
constexpr Rcode kFormErr{1};
constexpr Rcode kNxDomain{3};
constexpr Rcode kNotImp{4};
constexpr Rcode kRefused{5};
constexpr Rcode kBadVers{16};

using Type = Strong<struct TypeTag, std::uint16_t>;
constexpr Type kA{1};
constexpr Type kSoa{6};
constexpr Type kPtr{12};
constexpr Type kAaaa{28};
constexpr Type kOpt{41};
constexpr Type kAny{255};
// Zone transfers, mail agents of old (RFC 1035 3.2.3): questions that are no types.
constexpr bool IsMetaQuestion(Type type) { return type.value() >= 251 && type.value() <= 254; }

constexpr std::uint16_t kInternet = 1;
constexpr std::size_t kPlainSizeMax = 512;
constexpr std::size_t kOptSize = 11;
constexpr std::uint16_t kPointerToQuestion = 0xc000 | sizeof(WireHeader);

struct Query {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  Bytes question;  // as it stands, with type and class; empty: not echoed
  Name name;
  Type type;
  std::uint16_t record_class = kInternet;
  bool has_edns = false;
  std::uint8_t edns_version = 0;
  std::size_t size_max = kPlainSizeMax;
  Rcode error = kNoError;  // found while reading
};

// Past a name that may end in a pointer: in what follows the question those are legal.
void SkipName(Reader& reader) {
  while (const std::uint8_t size = reader.U8()) {
    if ((size & 0xc0) == 0xc0) return reader.Skip(1);
    reader.Skip(size);
  }
}

// The OPT record among the additional ones (RFC 6891 6.1.1); false: malformed.
bool ReadAdditionals(Reader& reader, std::size_t count, Query& query) {
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const bool at_root = !reader.empty() && reader.rest()[0] == 0;
    SkipName(reader);
    const Type type(reader.U16());
    const std::uint16_t payload_size = reader.U16();
    reader.Skip(1);  // extended rcode
    const std::uint8_t version = reader.U8();
    reader.Skip(2);  // flags
    reader.Skip(reader.U16());
    if (type != kOpt) continue;
    if (query.has_edns || !at_root) return false;
    query.has_edns = true;
    query.edns_version = version;
    query.size_max = std::clamp<std::size_t>(payload_size, kPlainSizeMax, kAnswerSizeMax);
  }
  return reader.ok();
}

Parsed<Query> ReadQuery(Bytes bytes) {
  const Bytes whole = bytes;
  const auto* header = Take<WireHeader>(bytes);
  if (header == nullptr) return Drop::kDnsTruncated;
  if ((header->flags & kResponse) != 0) return Drop::kDnsNotQuery;
  Query query{.id = header->id, .flags = header->flags};
  if ((query.flags & kOpcodeMask) != 0) {
    query.error = kNotImp;
    return query;
  }
  if (header->questions != 1) {
    query.error = kFormErr;
    return query;
  }
  Reader reader(bytes);
  const auto name = Name::Read(reader);
  if (!name) return name.drop();
  query.name = *name;
  query.type = Type(reader.U16());
  query.record_class = reader.U16();
  if (!reader.ok()) return Drop::kDnsQuestionMalformed;
  query.question = whole.subspan(sizeof(WireHeader), bytes.size() - reader.remaining());
  const bool has_records = header->answers != 0 || header->authorities != 0;
  if (has_records || !ReadAdditionals(reader, header->additionals, query)) query.error = kFormErr;
  return query;
}

// What an answer is made of, before it is written.
struct Reply {
  Rcode rcode = kNoError;
  bool authoritative = false;
  const Zone::Entry* addresses = nullptr;  // its records of `type` answer
  Type type;
  const Name* pointer = nullptr;      // PTR
  std::optional<Name> soa_in_answer;  // the zone whose SOA was asked for
  std::optional<Name> soa;            // in the authority section: a negative answer
};

// RFC 8482 4.1: ANY gets the records of one type that is there.
Type TypeToGive(const Zone::Entry& entry, Type asked) {
  if (asked != kAny) return asked;
  return entry.ipv4.empty() ? kAaaa : kA;
}

bool HasType(const Zone::Entry& entry, Type type) {
  return (type == kA && !entry.ipv4.empty()) || (type == kAaaa && !entry.ipv6.empty());
}

Reply DecideWithin(const Query& query, const Zone& zone, const Name& authority) {
  Reply reply{.authoritative = true};
  const bool at_apex = query.name == authority;
  if (at_apex && query.type == kSoa) {
    reply.soa_in_answer = authority;
    return reply;
  }
  const Zone::Entry* entry = zone.Find(query.name);
  if (entry != nullptr) {
    reply.type = TypeToGive(*entry, query.type);
    if (HasType(*entry, reply.type)) {
      reply.addresses = entry;
      return reply;
    }
  }
  reply.soa = authority;
  if (entry == nullptr && !at_apex && !zone.HasBelow(query.name)) reply.rcode = kNxDomain;
  return reply;
}

Reply Decide(const Query& query, const Zone& zone) {
  if (query.error != kNoError) return {.rcode = query.error};
  if (query.edns_version != 0) return {.rcode = kBadVers};
  if (query.type == kOpt) return {.rcode = kFormErr};
  if (IsMetaQuestion(query.type)) return {.rcode = kNotImp};
  if (query.record_class != kInternet) return {.rcode = kRefused};
  if (const auto authority = zone.AuthorityFor(query.name)) {
    return DecideWithin(query, zone, *authority);
  }
  if (const Zone::Entry* entry = zone.FindReverse(query.name)) {
    if (query.type == kPtr || query.type == kAny) {
      return {.authoritative = true, .pointer = &entry->name};
    }
    return {.authoritative = true, .soa = query.name};
  }
  return {.rcode = zone.settings().outside == Outside::kRefused ? kRefused : kNxDomain};
}

// Owner, type, class, ttl; then the caller writes `size` bytes of data.
void PutRecordHead(Writer& writer, Type type, std::uint32_t ttl, std::size_t size) {
  writer.U16(type.value());
  writer.U16(kInternet);
  writer.U32(ttl);
  writer.U16(static_cast<std::uint16_t>(size));
}

// The server that made the zone is called by the zone's own name (RFC 1035 3.3.13).
void PutSoa(Writer& writer, const Name& apex, const ZoneSettings& settings) {
  constexpr std::string_view kMailbox("\12hostmaster", 11);
  constexpr std::uint32_t kRefresh = 3600;
  constexpr std::uint32_t kRetry = 600;
  constexpr std::uint32_t kExpire = 86400;
  const std::size_t size = apex.wire().size() * 2 + kMailbox.size() + 20;
  writer.Put(apex.wire());
  PutRecordHead(writer, kSoa, settings.negative_seconds, size);
  writer.Put(apex.wire());
  writer.Text(kMailbox);
  writer.Put(apex.wire());
  for (const std::uint32_t number :
       {settings.serial, kRefresh, kRetry, kExpire, settings.negative_seconds}) {
    writer.U32(number);
  }
}

struct Counts {
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
};

// Calls `put` for the addresses that a client at `at` is told, in their order.
template <class Put>
void PutNearest(std::span<const Ipv4Address> addresses, const AskedAt& at, Put put) {
  const auto is_near = [&at](Ipv4Address address) {
    return std::ranges::find(at.link, address, &Ipv4Prefix::address) != at.link.end();
  };
  const bool any_is_near = std::ranges::any_of(addresses, is_near);
  if (std::ranges::find(addresses, at.address) != addresses.end()) put(at.address);
  for (const Ipv4Address address : addresses) {
    if (address != at.address && (!any_is_near || is_near(address))) put(address);
  }
}

Counts PutRecords(Writer& writer, const Reply& reply, const AskedAt& at,
                  const ZoneSettings& settings) {
  Counts counts;
  const auto begin = [&](Type type, std::size_t size) {
    writer.U16(kPointerToQuestion);
    PutRecordHead(writer, type, settings.ttl_seconds, size);
    ++counts.answers;
  };
  if (reply.addresses != nullptr && reply.type == kA) {
    PutNearest(reply.addresses->ipv4, at, [&](Ipv4Address address) {
      begin(kA, 4);
      writer.U32(address.value());
    });
  }
  if (reply.addresses != nullptr && reply.type == kAaaa) {
    for (const Ipv6Address& address : reply.addresses->ipv6) {
      begin(kAaaa, address.octets.size());
      writer.Put(address.octets);
    }
  }
  if (reply.pointer != nullptr) {
    begin(kPtr, reply.pointer->wire().size());
    writer.Put(reply.pointer->wire());
  }
  if (reply.soa_in_answer) {
    PutSoa(writer, *reply.soa_in_answer, settings);
    ++counts.answers;
  }
  if (reply.soa) {
    PutSoa(writer, *reply.soa, settings);
    ++counts.authorities;
  }
  return counts;
}

void PutOpt(MutableBytes out, Rcode rcode) {
  Writer writer(out);
  writer.U8(0);
  writer.U16(kOpt.value());
  writer.U16(kAnswerSizeMax);
  writer.U8(static_cast<std::uint8_t>(rcode.value() >> 4));
  writer.U8(0);
  writer.U16(0);
  writer.U16(0);
}

}  // namespace

Parsed<std::size_t> Answer(Bytes bytes, const Zone& zone, const AskedAt& at, MutableBytes out) {
  const auto query = ReadQuery(bytes);
  if (!query) return query.drop();
  const Reply reply = Decide(*query, zone);
  const std::size_t opt_size = query->has_edns ? kOptSize : 0;
  const std::size_t head_size = sizeof(WireHeader) + query->question.size();
  out = out.first(std::min(out.size(), query->size_max));
  if (head_size + opt_size > out.size()) return Drop::kDnsQuestionMalformed;

  Writer records(out.first(out.size() - opt_size).subspan(head_size));
  Counts counts = PutRecords(records, reply, at, zone.settings());
  const bool truncated = !records.ok();
  if (truncated) counts = {};
  const std::size_t size = head_size + (truncated ? 0 : records.size());

  MutableBytes rest = out;
  auto* header = Place<WireHeader>(rest);
  if (header == nullptr) return Drop::kDnsTruncated;
  header->id = query->id;
  header->flags =
      static_cast<std::uint16_t>(kResponse | (query->flags & (kOpcodeMask | kRecursionDesired)) |
                                 (reply.authoritative ? kAuthoritative : 0) |
                                 (truncated ? kTruncated : 0) | (reply.rcode.value() & 15));
  header->questions = query->question.empty() ? 0 : 1;
  header->answers = counts.answers;
  header->authorities = counts.authorities;
  header->additionals = query->has_edns ? 1 : 0;
  Copy(query->question, rest);
  if (query->has_edns) PutOpt(out.subspan(size, kOptSize), reply.rcode);
  return size + opt_size;
}

unsigned ResponseCode(Bytes answer) {
  const auto* header = Take<WireHeader>(answer);
  return header == nullptr ? 0 : header->flags & 15U;
}

QuestionName::QuestionName(Bytes query) {
  const auto read = ReadQuery(query);
  if (!read || read->question.empty()) {
    text_[size_++] = '?';
    return;
  }
  type_ = read->type.value();
  Reader labels(read->name.wire());
  while (const std::uint8_t size = labels.U8()) {
    if (size_ != 0) text_[size_++] = '.';
    for (const std::uint8_t c : labels.Take(size)) {
      text_[size_++] = c > ' ' && c < 0x7f ? static_cast<char>(c) : '?';
    }
  }
}

}  // namespace slipway::dns
