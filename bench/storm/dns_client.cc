// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/dns_client.h"

#include "protocols/dns/name.h"

namespace slipway::storm {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kClassInternet = 1;

void SkipName(Reader& reader) {
  while (reader.ok()) {
    const std::uint8_t length = reader.U8();
    if (length == 0) return;
    if (length >= 0xc0) {  // a pointer ends a name
      reader.Skip(1);
      return;
    }
    reader.Skip(length);
  }
}

}  // namespace

std::size_t WriteDnsQuery(std::uint16_t id, std::string_view name, MutableBytes out) {
  const auto parsed = dns::Name::Parse(name);
  if (!parsed) return 0;
  Writer writer(out);
  writer.U16(id);
  writer.U16(0x0100);  // recursion desired, as stubs say
  writer.U16(1), writer.U16(0), writer.U16(0), writer.U16(0);
  writer.Put(parsed->wire());
  writer.U16(kTypeA), writer.U16(kClassInternet);
  return writer.ok() ? writer.size() : 0;
}

std::optional<DnsAnswer> ReadDnsAnswer(Bytes payload) {
  Reader reader(payload);
  DnsAnswer answer{.id = reader.U16(), .address = {}};
  const bool is_response = (reader.U16() & 0x8000) != 0;
  const std::uint16_t questions = reader.U16();
  const std::uint16_t answers = reader.U16();
  reader.Skip(4);
  for (std::uint16_t i = 0; i < questions && reader.ok(); ++i) {
    SkipName(reader);
    reader.Skip(4);
  }
  for (std::uint16_t i = 0; i < answers && reader.ok(); ++i) {
    SkipName(reader);
    const std::uint16_t type = reader.U16();
    reader.Skip(6);  // class, time to live
    Reader data = reader.Narrow(reader.U16());
    if (type == kTypeA && data.remaining() == 4 && !answer.address) {
      answer.address = Ipv4Address(data.U32());
    }
  }
  if (!is_response || !reader.ok()) return std::nullopt;
  return answer;
}

}  // namespace slipway::storm
