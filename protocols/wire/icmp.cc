// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/icmp.h"

#include <cstring>

#include "protocols/base/check.h"
#include "protocols/wire/view.h"

namespace slipway::icmp {

Parsed<Message> Parse(Bytes bytes, ChecksumState checksum) {
  const Bytes whole = bytes;
  const auto* layout = Take<WireHeader>(bytes);
  if (layout == nullptr) return Drop::kIcmpTruncated;
  if (checksum == ChecksumState::kVerify && ChecksumOf(whole) != 0) return Drop::kIcmpChecksum;
  return Message{.type = Type(layout->type),
                 .code = layout->code,
                 .argument = layout->argument,
                 .body = bytes};
}

std::size_t Emit(const Message& message, MutableBytes out) {
  SLIPWAY_CHECK(out.size() >= message.size());
  MutableBytes body = out.first(message.size());
  auto* layout = Place<WireHeader>(body);
  SLIPWAY_CHECK(layout != nullptr);
  if (!message.body.empty()) std::memmove(body.data(), message.body.data(), body.size());
  layout->type = message.type.value();
  layout->code = message.code;
  layout->checksum = 0;
  layout->argument = message.argument;
  layout->checksum = ChecksumOf(out.first(message.size()));
  return message.size();
}

}  // namespace slipway::icmp
