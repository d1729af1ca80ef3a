// SPDX-License-Identifier: Apache-2.0
#include "control/cli/server_events.h"

#include <charconv>
#include <utility>

namespace slipway::control {

void ServerEventParser::Take(std::string_view bytes, const Sink& sink) {
  for (const char byte : bytes) {
    if (std::exchange(after_cr_, false) && byte == '\n') continue;
    after_cr_ = byte == '\r';
    if (byte != '\r' && byte != '\n') {
      line_ += byte;
      continue;
    }
    const std::string line = std::exchange(line_, {});
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    std::string_view view = line;
    if (std::exchange(at_start_, false) && view.starts_with(kByteOrderMark)) {
      view.remove_prefix(kByteOrderMark.size());
    }
    TakeLine(view, sink);
  }
}

void ServerEventParser::Restart() {
  at_start_ = true;
  after_cr_ = false;
  line_.clear();
  type_.clear();
  data_.clear();
  id_ = last_id_;
}

void ServerEventParser::TakeLine(std::string_view line, const Sink& sink) {
  if (line.empty()) return Dispatch(sink);
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  if (colon == line.npos) return TakeField(line, "");
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  TakeField(line.substr(0, colon), value);
}

void ServerEventParser::TakeField(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_ = value;
  } else if (name == "data") {
    data_.append(value);
    data_ += '\n';
  } else if (name == "id") {
    if (value.find('\0') == value.npos) id_ = value;
  } else if (name == "retry") {
    int milliseconds = 0;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    const bool digits = error == std::errc() && end == value.data() + value.size();
    if (digits && milliseconds >= 0) retry_ = milliseconds;
  }
}

void ServerEventParser::Dispatch(const Sink& sink) {
  last_id_ = id_;
  std::string type = std::exchange(type_, {});
  std::string data = std::exchange(data_, {});
  if (data.empty()) return;
  data.pop_back();
  sink({.type = type.empty() ? "message" : std::move(type),
        .data = std::move(data),
        .id = last_id_});
}

}  // namespace slipway::control
