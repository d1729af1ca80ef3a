// SPDX-License-Identifier: Apache-2.0
#include "control/cli/client.h"

#include <fcntl.h>
#include <httplib.h>
#include <unistd.h>

#include <charconv>
#include <fstream>

#include "control/cli/table.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr int kDefaultPort = 8443;

int PortOf(const std::string& server) {
  int port = kDefaultPort;
  const std::size_t colon = server.find(':');
  if (colon != server.npos) {
    std::from_chars(server.data() + colon + 1, server.data() + server.size(), port);
  }
  return port;
}

// The cursor, which stands last in the link to the next page (RFC 8288). httplib unescapes headers,
// so of a list that was asked for with a selector the rest of the link says another thing.
std::pair<std::string, std::string> NextOf(const std::string& link) {
  const std::size_t end = link.find(">; rel=\"next\"");
  if (end == link.npos) return {};
  const std::size_t name = link.find_last_of("?&", end) + 1;
  const std::size_t value = link.find('=', name) + 1;
  return {link.substr(name, value - 1 - name), link.substr(value, end - value)};
}

}  // namespace

Client::Client(const Target& target)
    : target_(target),
      http_(std::make_unique<httplib::SSLClient>(target.server.substr(0, target.server.find(':')),
                                                 PortOf(target.server), target.certificate,
                                                 target.key)) {
  http_->set_ca_cert_path(target.ca.c_str());
  http_->enable_server_certificate_verification(true);
  if (!target.token.empty()) http_->set_bearer_token_auth(target.token);
  http_->set_connection_timeout(5);
  http_->set_read_timeout(600);  // an import reads and hashes whole images
  http_->set_write_timeout(600);
}

Client::~Client() = default;

void Client::GiveUpAfter(int seconds) {
  http_->set_connection_timeout(seconds);
  http_->set_read_timeout(seconds);
}

template <class Result>
Answer Client::AnswerOf(const Result& result) const {
  Answer answer;
  if (!result) {
    const bool distrusted = result.error() == httplib::Error::SSLServerVerification ||
                            result.error() == httplib::Error::SSLLoadingCerts;
    answer.error =
        Text(target_.server, ": ", httplib::to_string(result.error()), "; ",
             distrusted ? "name this appliance's ca.pem with --ca or --state, or where it has a "
                          "certificate of another authority, that one's with --ca"
                        : "is slipwayd running, and --server its management address?");
    return answer;
  }
  answer.status = result->status;
  answer.good = result->status < 300;
  answer.body = result->body;
  answer.tag = result->get_header_value("ETag");
  answer.next = NextOf(result->get_header_value("Link"));
  if (answer.good) return answer;
  const auto problem = answer.json();
  answer.error = problem.is_object() && problem.contains("detail")
                     ? Plain(problem.value("detail", ""), true)
                     : Text("answered ", result->status);
  return answer;
}

Answer Client::GetPage(const std::string& path, const std::map<std::string, std::string>& query) {
  const httplib::Params parameters(query.begin(), query.end());
  return AnswerOf(http_->Get(path, parameters, httplib::Headers()));
}

Answer Client::Get(const std::string& path, const std::map<std::string, std::string>& query) {
  Answer answer = GetPage(path, query);
  if (!answer.good || answer.next.first.empty()) return answer;
  auto list = answer.json();
  auto rest = query;
  while (!answer.next.first.empty()) {
    rest[answer.next.first] = answer.next.second;
    answer = GetPage(path, rest);
    if (!answer.good) return answer;
    for (auto& item : answer.json()) list.push_back(std::move(item));
  }
  answer.body = list.dump() + "\n";
  return answer;
}

Answer Client::GetFile(const std::string& path, const std::filesystem::path& file) {
  const std::string part = file.string() + ".part";
  const int descriptor = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  Answer unwritten{false, "", Text(file.string(), ": cannot be written; name another file")};
  if (descriptor < 0) return unwritten;
  std::string text;  // of a refusal
  bool good = true;
  bool refused = false;
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;
  auto result = http_->Get(
      path,
      [&](const httplib::Response& response) {
        refused = response.status >= 300;
        const std::string length = response.get_header_value("Content-Length");
        std::from_chars(length.data(), length.data() + length.size(), total);
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (refused) {
          text.append(data, size);
          return text.size() < 65536;
        }
        good = good && ::write(descriptor, data, size) == static_cast<ssize_t>(size);
        bytes += size;
        if (told_) told_(bytes, total);
        return good;
      });
  good = good && ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (result && refused) result->body = text;
  Answer answer = AnswerOf(result);
  if (answer.good && good && std::rename(part.c_str(), file.c_str()) == 0) return answer;
  static_cast<void>(std::remove(part.c_str()));
  return answer.good || !good ? unwritten : answer;
}

Answer Client::Put(const std::string& path, const nlohmann::json& body) {
  return AnswerOf(http_->Put(path, body.dump(), "application/json"));
}

Answer Client::PutOver(const Answer& before, const std::string& path, const nlohmann::json& body) {
  const httplib::Headers headers = {before.good ? std::pair("If-Match", before.tag)
                                                : std::pair("If-None-Match", std::string("*"))};
  return AnswerOf(http_->Put(path, headers, body.dump(), "application/json"));
}

template <class Send>
Answer Client::SendFile(const std::filesystem::path& file, Send send) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (!stream || error) {
    return {false, "", Text(file.string(), ": cannot be read; name a readable file")};
  }
  std::string piece;
  return AnswerOf(send(static_cast<std::size_t>(size),
                       [&](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                         piece.resize(std::min<std::size_t>(length, 1 << 20));
                         stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
                         const auto got = static_cast<std::size_t>(stream.gcount());
                         if (got == 0 || !sink.write(piece.data(), got)) return false;
                         if (told_) told_(offset + got, size);
                         return true;
                       }));
}

Answer Client::PutFile(const std::string& path, const std::filesystem::path& file) {
  return SendFile(file, [&](std::size_t size, httplib::ContentProvider provider) {
    return http_->Put(path, size, std::move(provider), "application/octet-stream");
  });
}

Answer Client::PostFile(const std::string& path, const std::filesystem::path& file) {
  return SendFile(file, [&](std::size_t size, httplib::ContentProvider provider) {
    return http_->Post(path, size, std::move(provider), "application/octet-stream");
  });
}

Answer Client::Post(const std::string& path) { return AnswerOf(http_->Post(path)); }

Answer Client::Post(const std::string& path, const nlohmann::json& body) {
  return AnswerOf(http_->Post(path, body.dump(), "application/json"));
}

Answer Client::Stream(const std::string& path, const std::string& last_event_id,
                      const std::function<bool(std::string_view)>& take) {
  std::map<std::string, std::string> headers = {{"Accept", "text/event-stream"}};
  if (!last_event_id.empty()) headers.emplace("Last-Event-ID", last_event_id);
  return Pieces(
      path, headers, [](const std::string&) {}, take);
}

Answer Client::Download(const std::string& path,
                        const std::function<void(const std::string& location)>& begin,
                        const std::function<bool(std::string_view)>& take) {
  return Pieces(path, {}, begin, take);
}

Answer Client::Pieces(const std::string& path, const std::map<std::string, std::string>& headers,
                      const std::function<void(const std::string& location)>& begin,
                      const std::function<bool(std::string_view)>& take) {
  int status = 0;
  std::string refusal;
  auto result = http_->Get(
      path, httplib::Headers(headers.begin(), headers.end()),
      [&](const httplib::Response& response) {
        status = response.status;
        if (status < 300) begin(response.get_header_value("Location"));
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (status < 300) return take({data, size});
        refusal.append(data, size);
        return refusal.size() < 65536;
      });
  if (status != 0 && status < 300) return {.good = true, .status = status};
  if (result) result->body = refusal;
  return AnswerOf(result);
}

void Client::Stop() { http_->stop(); }

Answer Client::Delete(const std::string& path) { return AnswerOf(http_->Delete(path)); }

}  // namespace slipway::control
