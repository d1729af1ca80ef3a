// SPDX-License-Identifier: Apache-2.0
//
// A stream of server-sent events as its bytes come (WHATWG HTML 9.2.5 and 9.2.6): lines that end
// with LF, CR or both, fields, comments, events at blank lines.
//
// Lines are not bounded: the server is ours.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::control {

struct ServerEvent {
  std::string type;  // "message" where none was said
  std::string data;
  std::string id;  // the last that was said, by it or before it
};

class ServerEventParser {
 public:
  using Sink = std::function<void(const ServerEvent&)>;

  void Take(std::string_view bytes, const Sink& sink);
  // Another connection: what had begun is discarded, the last id stays.
  void Restart();

  // What to resume behind: of the last event or bare id that was whole.
  const std::string& last_id() const { return last_id_; }
  std::optional<int> retry_milliseconds() const { return retry_; }

 private:
  void TakeLine(std::string_view line, const Sink& sink);
  void TakeField(std::string_view name, std::string_view value);
  void Dispatch(const Sink& sink);

  bool at_start_ = true;   // a byte order mark may come
  bool after_cr_ = false;  // a LF that comes now belongs to the line before
  std::string line_;
  std::string type_;
  std::string data_;
  std::string id_;
  std::string last_id_;
  std::optional<int> retry_;
};

}  // namespace slipway::control
