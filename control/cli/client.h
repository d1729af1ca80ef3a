// SPDX-License-Identifier: Apache-2.0
//
// Client: the command line's way to the control plane's REST interface. It verifies the server by
// the appliance's own CA, or whom the operator names, and shows a token or a client certificate;
// parse_command.h says where these come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "control/parse_json.h"

namespace httplib {
class SSLClient;
}

namespace slipway::control {

struct Target {
  std::string server;  // "ADDRESS:PORT"
  std::string token;
  std::filesystem::path ca;
  std::string certificate;  // PEM files; empty: none
  std::string key;
};

struct Answer {
  bool good = false;
  std::string body;   // when good
  std::string error;  // else: what is wrong and what to do
  // What to ask the same list for beside, for the page after this one: a parameter and its value;
  // empty: none.
  std::pair<std::string, std::string> next = {};
  std::string tag;  // ETag: which version of a resource it is; empty: not told
  int status = 0;   // of HTTP; 0: there was no answer

  nlohmann::json json() const { return ParseJson(body); }
};

class Client {
 public:
  explicit Client(const Target& target);
  ~Client();

  // Told after each piece of a file that goes or comes from then on, on the thread that waits for
  // it; `total`: 0, not known.
  using Told = std::function<void(std::uint64_t bytes, std::uint64_t total)>;
  void TellProgress(Told told) { told_ = std::move(told); }

  // For answers that are short and soon old. At first it waits for ten minutes: imports take long.
  void GiveUpAfter(int seconds);

  // A list comes whole: what the server gives page by page is put together.
  Answer Get(const std::string& path, const std::map<std::string, std::string>& query = {});
  Answer GetPage(const std::string& path, const std::map<std::string, std::string>& query = {});
  // Into the file, which has its name only when it is whole and on disk.
  Answer GetFile(const std::string& path, const std::filesystem::path& file);
  Answer Put(const std::string& path, const nlohmann::json& body);
  // Where the resource still is as Get() gave it in `before`; after 404: still is not there. Else
  // it is refused.
  Answer PutOver(const Answer& before, const std::string& path, const nlohmann::json& body);
  Answer PutFile(const std::string& path, const std::filesystem::path& file);
  // The file as the body of a POST.
  Answer PostFile(const std::string& path, const std::filesystem::path& file);
  Answer Post(const std::string& path);
  Answer Post(const std::string& path, const nlohmann::json& body);
  Answer Delete(const std::string& path);
  // An answer without an end, piece by piece, until `take` gives false; `last_event_id` may be
  // empty. Good when it was begun, however it ended.
  Answer Stream(const std::string& path, const std::string& last_event_id,
                const std::function<bool(std::string_view)>& take);
  // The same of a resource that the answer names (Location): `begin` is given that name first.
  Answer Download(const std::string& path,
                  const std::function<void(const std::string& location)>& begin,
                  const std::function<bool(std::string_view)>& take);
  // Ends what is under way; from any thread.
  void Stop();

 private:
  // `send` is httplib's Put or Post of a body that comes in pieces.
  template <class Send>
  Answer SendFile(const std::filesystem::path& file, Send send);
  Answer Pieces(const std::string& path, const std::map<std::string, std::string>& headers,
                const std::function<void(const std::string& location)>& begin,
                const std::function<bool(std::string_view)>& take);
  template <class Result>
  Answer AnswerOf(const Result& result) const;

  Target target_;
  std::unique_ptr<httplib::SSLClient> http_;
  Told told_;
};

}  // namespace slipway::control
