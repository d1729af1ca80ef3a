// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace slipway::dns {
namespace {

constexpr std::uint16_t kA = 1, kSoa = 6, kPtr = 12, kAaaa = 28, kOpt = 41, kAny = 255;
enum : int { kNoError = 0, kFormErr = 1, kNxDomain = 3, kNotImp = 4, kRefused = 5, kBadVers = 16 };

struct Ask {
  std::string name = "boot.example";
  std::uint16_t type = kA;
  std::uint16_t record_class = 1;
  std::uint16_t flags = 0x0100;
  std::uint16_t questions = 1;
  std::uint16_t answers = 0;
  int edns_size = -1;  // -1: none
  std::uint8_t edns_version = 0;
};

std::vector<std::uint8_t> QueryOf(const Ask& ask) {
  std::vector<std::uint8_t> bytes(600);
  Writer writer(bytes);
  for (const int word : {0x1234, int{ask.flags}, int{ask.questions}, int{ask.answers}, 0,
                         ask.edns_size < 0 ? 0 : 1}) {
    writer.U16(static_cast<std::uint16_t>(word));
  }
  std::string rest = ask.name;  // case as it is: Name would lower it
  while (!rest.empty()) {
    const std::string label = rest.substr(0, rest.find('.'));
    writer.U8(static_cast<std::uint8_t>(label.size()));
    writer.Text(label);
    rest.erase(0, label.size() + 1);
  }
  writer.U8(0);
  writer.U16(ask.type);
  writer.U16(ask.record_class);
  if (ask.edns_size >= 0) {
    writer.U8(0);
    writer.U16(kOpt);
    writer.U16(static_cast<std::uint16_t>(ask.edns_size));
    writer.U8(0);
    writer.U8(ask.edns_version);
    writer.U32(0);
  }
  bytes.resize(writer.size());
  return bytes;
}

struct Record {
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> data;
};

struct Got {
  Drop drop = Drop::kNone;
  int rcode = 0;
  bool authoritative = false;
  bool truncated = false;
  std::size_t size = 0;
  std::vector<std::uint8_t> question;
  std::vector<Record> answers, authorities, additionals;
};

std::vector<Record> ReadRecords(Reader& reader, int count) {
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    while (const std::uint8_t size = reader.U8()) {
      reader.Skip(size >= 0xc0 ? 1 : size);
      if (size >= 0xc0) break;
    }
    Record record{reader.U16(), reader.U16(), reader.U32(), {}};
    const Bytes data = reader.Take(reader.U16());
    record.data.assign(data.begin(), data.end());
    records.push_back(record);
  }
  return records;
}

Got AnswerToBytes(const std::vector<std::uint8_t>& query, const Zone& zone,
                  const AskedAt& at = {}) {
  std::array<std::uint8_t, kAnswerSizeMax> out{};
  const auto size = Answer(query, zone, at, out);
  if (!size) return {.drop = size.drop()};
  Reader reader(Bytes(out).first(*size));
  Got got{.size = *size};
  EXPECT_EQ(reader.U16(), 0x1234);
  const std::uint16_t flags = reader.U16();
  EXPECT_EQ(flags & 0x8000, 0x8000);
  got.rcode = flags & 15;
  got.authoritative = (flags & 0x0400) != 0;
  got.truncated = (flags & 0x0200) != 0;
  const int questions = reader.U16(), answers = reader.U16(), authorities = reader.U16(),
            additionals = reader.U16();
  if (questions == 1) {
    const Bytes before = reader.rest();
    while (const std::uint8_t label = reader.U8()) reader.Skip(label);
    reader.Skip(4);
    const Bytes question = before.first(before.size() - reader.remaining());
    got.question.assign(question.begin(), question.end());
  }
  got.answers = ReadRecords(reader, answers);
  got.authorities = ReadRecords(reader, authorities);
  got.additionals = ReadRecords(reader, additionals);
  for (const Record& opt : got.additionals) got.rcode |= static_cast<int>(opt.ttl >> 24 << 4);
  EXPECT_TRUE(reader.ok() && reader.empty());
  return got;
}

Got AnswerTo(const Ask& ask, const Zone& zone) { return AnswerToBytes(QueryOf(ask), zone); }

Zone ZoneWithOrigin() {
  Zone zone({.origin = *Name::Parse("example")});
  EXPECT_TRUE(zone.Add("Boot.Example.", Ipv4Address(10, 0, 0, 1)));
  EXPECT_TRUE(zone.Add("boot.example", Ipv4Address(10, 0, 0, 2)));
  EXPECT_TRUE(zone.Add("six.a.example", Ipv6Address{{0x20, 0x01, 0x0d, 0xb8}}));
  EXPECT_FALSE(zone.Add("elsewhere.test", Ipv4Address(10, 0, 0, 3)));
  return zone;
}

TEST(DnsAnswer, GivesEveryAddressOfAName) {
  const Got got = AnswerTo(Ask{}, ZoneWithOrigin());
  EXPECT_EQ(got.rcode, kNoError);
  EXPECT_TRUE(got.authoritative);
  ASSERT_EQ(got.answers.size(), 2U);
  EXPECT_EQ(got.answers[0].data, (std::vector<std::uint8_t>{10, 0, 0, 1}));
  EXPECT_EQ(got.answers[1].data, (std::vector<std::uint8_t>{10, 0, 0, 2}));
  EXPECT_EQ(got.answers[0].ttl, 60U);
  const Got six = AnswerTo({.name = "six.a.example", .type = kAaaa}, ZoneWithOrigin());
  ASSERT_EQ(six.answers.size(), 1U);
  EXPECT_EQ(six.answers[0].data.size(), 16U);
}

// Which link of ours is asked, at which address of it, and what is answered in which order.
TEST(DnsAnswer, GivesTheAddressesOfTheLinkThatIsAskedAndTheOneThatIsAskedFirst) {
  Zone zone;
  for (std::uint8_t network = 1; network <= 2; ++network) {
    for (std::uint8_t host = 1; host <= 3; ++host) {
      ASSERT_TRUE(zone.Add("boot.example", Ipv4Address(10, 0, network, host)));
    }
  }
  using Addresses = std::vector<std::vector<std::uint8_t>>;
  constexpr Ipv4Prefix kFirst[] = {{Ipv4Address(10, 0, 1, 1), 24}};
  constexpr Ipv4Prefix kSecond[] = {{Ipv4Address(10, 0, 2, 1), 24},
                                    {Ipv4Address(10, 0, 2, 3), 24},
                                    {Ipv4Address(10, 0, 2, 9), 24}};
  constexpr Ipv4Prefix kNone[] = {{Ipv4Address(10, 0, 3, 1), 24}};
  const struct {
    AskedAt at;
    Addresses wanted;
  } kCases[] = {
      {{Ipv4Address(10, 0, 1, 1), kFirst}, {{10, 0, 1, 1}}},
      {{Ipv4Address(10, 0, 2, 1), kSecond}, {{10, 0, 2, 1}, {10, 0, 2, 3}}},
      {{Ipv4Address(10, 0, 2, 3), kSecond}, {{10, 0, 2, 3}, {10, 0, 2, 1}}},
      {{Ipv4Address(10, 0, 2, 9), kSecond}, {{10, 0, 2, 1}, {10, 0, 2, 3}}},
      {{Ipv4Address(10, 0, 3, 1), kNone},
       {{10, 0, 1, 1}, {10, 0, 1, 2}, {10, 0, 1, 3}, {10, 0, 2, 1}, {10, 0, 2, 2}, {10, 0, 2, 3}}}};
  for (const auto& [at, wanted] : kCases) {
    Addresses got;
    for (const Record& record : AnswerToBytes(QueryOf({}), zone, at).answers) {
      got.push_back(record.data);
    }
    EXPECT_EQ(got, wanted) << at.address.ToString();
  }
}

TEST(DnsAnswer, FindsANameInAnyCaseAndEchoesTheQuestionAsItWas) {
  const auto query = QueryOf({.name = "bOOt.EXample"});
  const Got got = AnswerToBytes(query, ZoneWithOrigin());
  EXPECT_EQ(got.answers.size(), 2U);
  EXPECT_TRUE(Equal(got.question, Bytes(query).subspan(12)));
}

// What exists x what is asked for.
TEST(DnsAnswer, SaysNoneOrNoSuchNameWithTheZonesSoa) {
  const Zone zone = ZoneWithOrigin();
  const std::pair<Ask, int> kCases[] = {
      {{.name = "boot.example", .type = kAaaa}, kNoError},
      {{.name = "boot.example", .type = 16}, kNoError},
      {{.name = "six.a.example", .type = kA}, kNoError},
      {{.name = "a.example", .type = kA}, kNoError},  // there is something below it
      {{.name = "example", .type = kA}, kNoError},
      {{.name = "other.example", .type = kA}, kNxDomain},
      {{.name = "x.boot.example", .type = kA}, kNxDomain},
      {{.name = "ot.example", .type = kA}, kNxDomain}};
  for (const auto& [ask, rcode] : kCases) {
    const Got got = AnswerTo(ask, zone);
    EXPECT_EQ(got.rcode, rcode) << ask.name << ' ' << ask.type;
    EXPECT_TRUE(got.authoritative);
    EXPECT_TRUE(got.answers.empty());
    ASSERT_EQ(got.authorities.size(), 1U) << ask.name;
    EXPECT_EQ(got.authorities[0].type, kSoa);
    EXPECT_EQ(got.authorities[0].ttl, 10U);
  }
  EXPECT_EQ(AnswerTo({.name = "example", .type = kSoa}, zone).answers.size(), 1U);
}

TEST(DnsAnswer, RefusesWhatIsOutsideUnlessToldToDenyIt) {
  EXPECT_EQ(AnswerTo({.name = "www.test"}, ZoneWithOrigin()).rcode, kRefused);
  EXPECT_EQ(AnswerTo({.name = "xexample"}, ZoneWithOrigin()).rcode, kRefused);
  EXPECT_EQ(AnswerTo({.name = ""}, ZoneWithOrigin()).rcode, kRefused);
  EXPECT_FALSE(AnswerTo({.name = "www.test"}, ZoneWithOrigin()).authoritative);
  const Zone zone({.outside = Outside::kNxdomain});
  EXPECT_EQ(AnswerTo({.name = "www.test"}, zone).rcode, kNxDomain);
}

TEST(DnsAnswer, WithoutAnOriginEachNameIsAZone) {
  Zone zone;
  ASSERT_TRUE(zone.Add("boot.example", Ipv4Address(10, 0, 0, 1)));
  EXPECT_EQ(AnswerTo(Ask{}, zone).answers.size(), 1U);
  EXPECT_EQ(AnswerTo({.type = kAaaa}, zone).authorities.size(), 1U);
  EXPECT_EQ(AnswerTo({.name = "a.boot.example"}, zone).rcode, kNxDomain);
  EXPECT_EQ(AnswerTo({.name = "example"}, zone).rcode, kRefused);
}

TEST(DnsAnswer, AnyGetsOneKindOfRecordOnly) {
  Zone zone = ZoneWithOrigin();
  ASSERT_TRUE(zone.Add("boot.example", Ipv6Address{{0x20, 0x01}}));
  const Got got = AnswerTo({.type = kAny}, zone);
  ASSERT_EQ(got.answers.size(), 2U);
  for (const Record& record : got.answers) EXPECT_EQ(record.type, kA);
}

TEST(DnsAnswer, GivesTheNameOfAnAddressOfOurs) {
  const Got got = AnswerTo({.name = "1.0.0.10.in-addr.arpa", .type = kPtr}, ZoneWithOrigin());
  ASSERT_EQ(got.answers.size(), 1U);
  EXPECT_TRUE(Equal(got.answers[0].data, Name::Parse("boot.example")->wire()));
  for (const char* name : {"9.0.0.10.in-addr.arpa", "01.0.0.10.in-addr.arpa",
                           "256.0.0.10.in-addr.arpa", "0.0.10.in-addr.arpa", "in-addr.arpa"}) {
    EXPECT_EQ(AnswerTo({.name = name, .type = kPtr}, ZoneWithOrigin()).rcode, kRefused) << name;
  }
}

TEST(DnsAnswer, EveryOpcodeButQueryIsNotImplemented) {
  for (int opcode = 0; opcode < 16; ++opcode) {
    const Got got = AnswerTo({.flags = static_cast<std::uint16_t>(opcode << 11)}, ZoneWithOrigin());
    EXPECT_EQ(got.rcode, opcode == 0 ? kNoError : kNotImp) << opcode;
  }
  for (std::uint16_t type = 251; type <= 254; ++type) {
    EXPECT_EQ(AnswerTo({.type = type}, ZoneWithOrigin()).rcode, kNotImp);
  }
}

TEST(DnsAnswer, RefusesOtherClassesAndFaultyCounts) {
  for (const std::uint16_t other : std::initializer_list<std::uint16_t>{0, 2, 3, 4, 254, 255}) {
    EXPECT_EQ(AnswerTo({.record_class = other}, ZoneWithOrigin()).rcode, kRefused) << other;
  }
  for (const std::uint16_t questions : std::initializer_list<std::uint16_t>{0, 2, 65535}) {
    EXPECT_EQ(AnswerTo({.questions = questions}, ZoneWithOrigin()).rcode, kFormErr);
  }
  EXPECT_EQ(AnswerTo({.answers = 1}, ZoneWithOrigin()).rcode, kFormErr);
  EXPECT_EQ(AnswerTo({.flags = 0x8000}, ZoneWithOrigin()).drop, Drop::kDnsNotQuery);
}

TEST(DnsAnswer, EchoesEdnsAndRefusesLaterVersions) {
  const Got got = AnswerTo({.edns_size = 4096}, ZoneWithOrigin());
  ASSERT_EQ(got.additionals.size(), 1U);
  EXPECT_EQ(got.additionals[0].type, kOpt);
  EXPECT_EQ(got.additionals[0].record_class, kAnswerSizeMax);
  EXPECT_EQ(got.answers.size(), 2U);
  for (int version = 1; version < 256; ++version) {
    const Ask ask{.edns_size = 512, .edns_version = static_cast<std::uint8_t>(version)};
    EXPECT_EQ(AnswerTo(ask, ZoneWithOrigin()).rcode, kBadVers) << version;
  }
  auto twice = QueryOf({.edns_size = 512});
  const std::vector<std::uint8_t> opt(twice.end() - 11, twice.end());
  twice.insert(twice.end(), opt.begin(), opt.end());
  twice[11] = 2;
  EXPECT_EQ(AnswerToBytes(twice, ZoneWithOrigin()).rcode, kFormErr);
}

// Every number of addresses around each limit.
TEST(DnsAnswer, SaysThatItWasTruncatedExactlyWhenItDoesNotFit) {
  for (const int edns : {-1, 0, 512, 600, 1232, 4096}) {
    Zone zone;
    for (std::size_t count = 1; count <= 90; ++count) {
      zone.Add("boot.example", Ipv4Address(0x0a000000 + static_cast<std::uint32_t>(count)));
      const Got got = AnswerTo({.edns_size = edns}, zone);
      const std::size_t full = 12 + 18 + 16 * count + (edns < 0 ? 0 : 11);
      const auto limit = static_cast<std::size_t>(std::clamp(edns, 512, 1232));
      ASSERT_EQ(got.truncated, full > limit) << edns << ' ' << count;
      ASSERT_EQ(got.answers.size(), full > limit ? 0U : count);
      ASSERT_LE(got.size, limit);
    }
  }
}

TEST(DnsAnswer, DropsHostileCompressionAndWhatIsCutAnywhere) {
  const auto good = QueryOf({.edns_size = 512});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::uint8_t> cut(good.begin(), good.begin() + static_cast<long>(size));
    const Got got = AnswerToBytes(cut, ZoneWithOrigin());
    if (size < 12) {
      EXPECT_EQ(got.drop, Drop::kDnsTruncated);
    } else if (size < good.size() - 11) {
      EXPECT_EQ(got.drop, Drop::kDnsQuestionMalformed) << size;
    } else {
      EXPECT_EQ(got.rcode, kFormErr) << size;
    }
  }
  for (int first = 0x40; first < 256; ++first) {
    auto query = QueryOf(Ask{});
    query[12] = static_cast<std::uint8_t>(first);
    const Drop drop = AnswerToBytes(query, ZoneWithOrigin()).drop;
    EXPECT_EQ(drop, first >= 0xc0 ? Drop::kDnsCompressionHostile : Drop::kDnsQuestionMalformed);
  }
}

TEST(DnsName, HoldsToTheLimitsOfLabelsAndNames) {
  EXPECT_TRUE(Name::Parse(std::string(63, 'a')));
  EXPECT_FALSE(Name::Parse(std::string(64, 'a')));
  for (const char* wrong : {".", "..", "a..b", "a..", ".a"}) {
    const bool is_root = std::string(wrong) == ".";
    EXPECT_EQ(Name::Parse(wrong).has_value(), is_root) << wrong;
  }
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  EXPECT_TRUE(Name::Parse(longest));
  EXPECT_FALSE(Name::Parse(longest + "a"));
}

TEST(DnsQuestionName, ShowsTheNameOrAQuestionMark) {
  EXPECT_EQ(QuestionName(QueryOf({.name = "Boot.example"})).text(), "boot.example");
  EXPECT_EQ(QuestionName(QueryOf({.name = "a\x01 b.c"})).text(), "a??b.c");
  EXPECT_EQ(QuestionName(Bytes{}).text(), "?");
}

}  // namespace
}  // namespace slipway::dns
