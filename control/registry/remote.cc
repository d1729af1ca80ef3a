// SPDX-License-Identifier: Apache-2.0
#include "control/registry/remote.h"

#include <httplib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "control/image_store/digest.h"
#include "control/image_store/image_set.h"
#include "control/image_store/oci.h"
#include "control/parse_json.h"
#include "control/registry/secure_client.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr int kRedirectsMax = 5;
constexpr std::size_t kTokenMax = std::size_t{1} << 20;
constexpr std::size_t kWordsMax = 4096;  // of an error's body

absl::Status Refused(absl::StatusCode code, const std::string& what) { return {code, what}; }

std::string BasicOf(const RemoteAccess& access) {
  const std::string both = Text(access.user, ':', access.password);
  const std::vector<unsigned char> plain(both.begin(), both.end());
  std::vector<unsigned char> coded(plain.size() / 3 * 4 + 5);
  const int size = EVP_EncodeBlock(coded.data(), plain.data(), static_cast<int>(plain.size()));
  return "Basic " + std::string(coded.begin(), coded.begin() + size);
}

// The words of an error's body in the specification's form, if it is one.
std::string WordsOf(const std::string& body) {
  const auto json = ParseJson(body);
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array()) return {};
  std::string words;
  for (const auto& error : json["errors"]) {
    if (!error.is_object()) continue;
    const auto code = error.value("code", nlohmann::json());
    const auto message = error.value("message", nlohmann::json());
    words += Text(words.empty() ? ": " : ", ", code.is_string() ? code.get<std::string>() : "", " ",
                  message.is_string() ? message.get<std::string>() : "");
  }
  return Printable(words);
}

}  // namespace

// What is asked for: all of a short text, or bytes as they come.
struct RemoteRegistry::Question {
  std::string target;
  std::string accept;
  std::uint64_t offset = 0;
  std::size_t text_max = kWordsMax;
  const std::function<absl::Status(Bytes)>* sink = nullptr;  // of a good answer's body
};

struct RemoteRegistry::Reply {
  int status = 0;
  std::string text;  // where there is no sink, or the answer is not good
  std::string location;
  std::string challenge;
};

RemoteRegistry::RemoteRegistry(RemoteName name, RemoteAccess access)
    : name_(std::move(name)), access_(std::move(access)) {}
RemoteRegistry::~RemoteRegistry() { ForgetCredentials(); }

void RemoteRegistry::ForgetCredentials() {
  Stop();
  for (std::string* secret : {&access_.user, &access_.password, &authorization_}) {
    OPENSSL_cleanse(secret->data(), secret->size());
    secret->clear();
  }
}

// A client that makes its connection would be stopped when it is made, and whoever stops it would
// wait for that; its socket can be shut down at any time.
void RemoteRegistry::Stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  if (socket_ < 0) return;
  ::shutdown(socket_, SHUT_RDWR);
  ::close(std::exchange(socket_, -1));
}

std::shared_ptr<httplib::SSLClient> RemoteRegistry::Connect(const std::string& host, int port) {
  auto client = MakeSecureClient(host, port, access_.ca_pem);
  client->set_socket_options([this](socket_t socket) { Note(socket); });
  const std::scoped_lock lock(mutex_);
  return stopped_ ? nullptr : client;
}

// Of each address that is tried.
void RemoteRegistry::Note(int socket) {
  const std::scoped_lock lock(mutex_);
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  if (stopped_) {
    ::shutdown(socket, SHUT_RDWR);
  } else {
    socket_ = ::dup(socket);
  }
}

bool RemoteRegistry::is_stopped() {
  const std::scoped_lock lock(mutex_);
  return stopped_;
}

absl::StatusOr<RemoteRegistry::Reply> RemoteRegistry::AskOnce(const SecureUrl& url,
                                                              const Question& question) {
  const auto client = Connect(url.host, url.port);
  if (client == nullptr) return Refused(absl::StatusCode::kCancelled, "stopped");
  httplib::Headers headers;
  const bool own = url.host == name_.host && url.port == name_.port;
  if (own && !authorization_.empty()) headers.emplace("Authorization", authorization_);
  if (!question.accept.empty()) headers.emplace("Accept", question.accept);
  if (question.offset != 0) headers.emplace("Range", Text("bytes=", question.offset, '-'));
  Reply reply;
  absl::Status status;
  std::uint64_t passed_over = 0;
  const auto result = client->Get(
      url.target, headers,
      [&](const httplib::Response& response) {
        reply.status = response.status;
        reply.location = response.get_header_value("Location");
        reply.challenge = response.get_header_value("WWW-Authenticate");
        // One that gives all of it although the rest was asked for: what is here is passed over.
        passed_over = response.status == 200 ? question.offset : 0;
        return !is_stopped();  // before there was a socket to shut down
      },
      [&](const char* data, std::size_t size) {
        Bytes bytes = AsBytes({data, size});
        if (question.sink == nullptr || reply.status >= 300) {
          if (reply.text.size() + size <= question.text_max) {
            reply.text.append(data, size);
            return true;
          }
          status =
              Refused(absl::StatusCode::kOutOfRange,
                      Text(url.host, ": answers with more than ", question.text_max, " bytes"));
          return false;
        }
        const std::size_t skipped = std::min<std::uint64_t>(passed_over, bytes.size());
        passed_over -= skipped;
        bytes = bytes.subspan(skipped);
        if (!bytes.empty()) status = (*question.sink)(bytes);
        return status.ok();
      });
  if (!status.ok()) return status;
  if (result) return reply;
  const bool distrusted = result.error() == httplib::Error::SSLServerVerification ||
                          result.error() == httplib::Error::SSLLoadingCerts;
  const std::string words = Text(url.host, ':', url.port, ": ", httplib::to_string(result.error()));
  if (distrusted) {
    return Refused(absl::StatusCode::kFailedPrecondition,
                   Text(words, "; name its CA's certificate with --registry-ca"));
  }
  return Refused(absl::StatusCode::kUnavailable, words);
}

// Follows redirects, and answers a challenge once.
absl::StatusOr<RemoteRegistry::Reply> RemoteRegistry::Ask(const Question& question) {
  bool authorized = false;
  SecureUrl url{name_.host, name_.port, question.target};
  for (int hops = 0; hops <= kRedirectsMax; ++hops) {
    auto reply = AskOnce(url, question);
    if (!reply.ok()) return reply;
    // To nobody that it redirects to: whoever asks there may name any place to send them to.
    const bool is_own = url.host == name_.host && url.port == name_.port;
    if (reply->status == 401 && is_own && !authorized) {
      authorized = true;
      if (absl::Status status = Authorize(*reply); !status.ok()) return status;
      continue;
    }
    if (reply->status < 300 || reply->status >= 400 || reply->location.empty()) return reply;
    if (reply->location.starts_with('/')) {
      url.target = reply->location;
      continue;
    }
    const auto next = ParseSecureUrl(reply->location);
    if (!next) {
      return Refused(absl::StatusCode::kFailedPrecondition,
                     Text(url.host, ": leads to ", reply->location, ", which is not https"));
    }
    url = *next;
  }
  return Refused(absl::StatusCode::kFailedPrecondition, "too many redirects");
}

absl::Status RemoteRegistry::Authorize(const Reply& refused) {
  const auto challenge = ParseChallenge(refused.challenge);
  if (challenge && challenge->scheme == "basic" && !access_.user.empty()) {
    authorization_ = BasicOf(access_);
    return absl::OkStatus();
  }
  if (!challenge || challenge->scheme != "bearer") {
    return Refused(absl::StatusCode::kPermissionDenied,
                   Text(name_.host,
                        ": asks for credentials; give them by --registry-credentials "
                        "or SLIPWAY_REGISTRY_CREDENTIALS"));
  }
  auto parameters = challenge->parameters;
  auto url = ParseSecureUrl(parameters["realm"]);
  if (!url) {
    return Refused(absl::StatusCode::kFailedPrecondition,
                   Text(name_.host, ": its token service is not https: ", parameters["realm"]));
  }
  url->target += Text(url->target.find('?') == std::string::npos ? '?' : '&',
                      "scope=repository:", name_.repository, ":pull");
  if (const std::string& service = parameters["service"]; !service.empty()) {
    url->target += "&service=" + httplib::detail::encode_query_param(service);
  }
  const auto client = Connect(url->host, url->port);
  if (client == nullptr) return Refused(absl::StatusCode::kCancelled, "stopped");
  httplib::Headers headers;
  if (!access_.user.empty()) headers.emplace("Authorization", BasicOf(access_));
  std::string text;
  const auto result = client->Get(url->target, headers, [&](const char* data, std::size_t size) {
    text.append(data, size);
    return text.size() <= kTokenMax;
  });
  const auto json = ParseJson(text);
  for (const char* key : {"token", "access_token"}) {
    if (!result || result->status != 200 || !json.is_object()) break;
    if (const auto token = json.find(key); token != json.end() && token->is_string()) {
      authorization_ = "Bearer " + token->get<std::string>();
      return absl::OkStatus();
    }
  }
  return Refused(absl::StatusCode::kPermissionDenied,
                 Text(url->host, ": its token service gives none; are the credentials right?"));
}

absl::StatusOr<std::string> RemoteRegistry::Manifest() {
  const std::string target = Text("/v2/", name_.repository, "/manifests/", name_.Reference());
  auto reply = Ask({.target = target,
                    .accept = Text(kManifestType, ", ", kIndexType,
                                   ", application/vnd.docker.distribution.manifest.v2+json"),
                    .text_max = kManifestMax});
  if (!reply.ok()) return reply.status();
  if (reply->status != 200) {
    const bool later = reply->status >= 500 || reply->status == 429;
    return Refused(later                  ? absl::StatusCode::kUnavailable
                   : reply->status == 404 ? absl::StatusCode::kNotFound
                                          : absl::StatusCode::kPermissionDenied,
                   Text(name_.ToString(), ": answered ", reply->status, WordsOf(reply->text)));
  }
  if (!name_.digest.empty() && Sha256Hex(AsBytes(reply->text)) != name_.digest) {
    return Refused(absl::StatusCode::kDataLoss,
                   Text(name_.ToString(), ": gave other bytes than its digest names"));
  }
  return std::move(reply->text);
}

absl::Status RemoteRegistry::Blob(const std::string& digest, std::uint64_t offset,
                                  const std::function<absl::Status(Bytes)>& sink) {
  const auto reply = Ask({.target = Text("/v2/", name_.repository, "/blobs/sha256:", digest),
                          .offset = offset,
                          .sink = &sink});
  if (!reply.ok()) return reply.status();
  if (reply->status == 200 || reply->status == 206) return absl::OkStatus();
  const bool later = reply->status >= 500 || reply->status == 429;
  return Refused(later ? absl::StatusCode::kUnavailable : absl::StatusCode::kNotFound,
                 Text(name_.ToString(), ": blob sha256:", digest, ": answered ", reply->status,
                      WordsOf(reply->text)));
}

}  // namespace slipway::control
