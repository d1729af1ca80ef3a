// SPDX-License-Identifier: Apache-2.0
#include "control/access/audit_chain.h"

#include <charconv>

#include "control/access/digest.h"
#include "control/text.h"

namespace slipway::control {
namespace {

void Frame(std::string& out, std::string_view field) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
}

}  // namespace

std::string ChainHash(const AuditRecord& record) {
  std::string text;
  Frame(text, record.previous);
  Frame(text, std::to_string(record.id));
  Frame(text, std::to_string(record.unix_seconds));
  for (const std::string* field : {&record.who, &record.address, &record.request, &record.what,
                                   &record.before, &record.after}) {
    Frame(text, *field);
  }
  return HashOf(text);
}

std::string AuditHead::ToString() const { return Text(id, ':', hash); }

std::optional<AuditHead> AuditHead::Parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || text.size() - colon - 1 != 64) return std::nullopt;
  AuditHead head;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, head.id);
  if (error != std::errc() || end != text.data() + colon || head.id < 1) return std::nullopt;
  head.hash = text.substr(colon + 1);
  return head;
}

std::optional<std::string> ChainCheck::Take(const AuditRecord& record) {
  if (record.id != head_.id + 1) {
    return record.id == head_.id + 2
               ? Text("record ", head_.id + 1, " is missing")
               : Text("records ", head_.id + 1, " to ", record.id - 1, " are missing");
  }
  if (record.previous != head_.hash) {
    return Text("record ", record.id, " does not follow from the one before: record ", head_.id,
                " was replaced, or record ", record.id, " stands in another's place");
  }
  if (record.hash != ChainHash(record)) return Text("record ", record.id, " was changed");
  head_ = {record.id, record.hash};
  if (witness_ && witness_->id == head_.id && witness_->hash != head_.hash) {
    return Text("record ", record.id, " is not the one that the head names: the log up to it was ",
                "made anew");
  }
  return std::nullopt;
}

std::optional<std::string> ChainCheck::Finish() const {
  if (!witness_ || witness_->id <= head_.id) return std::nullopt;
  return Text("records ", head_.id + 1, " to ", witness_->id, " are missing: the log ends at ",
              head_.id);
}

}  // namespace slipway::control
