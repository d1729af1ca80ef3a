// SPDX-License-Identifier: Apache-2.0
//
// RemoteRegistry: one repository of another registry, read over HTTPS as distribution-spec 1.1 has
// it. Credentials are sent to the registry alone: as Basic where it asks for that, else to the
// token service that it names (the "Bearer" challenge of Docker's registries); a redirect to
// another host goes without.
//
// Not supported: plain HTTP; several redirects of a redirect beyond five.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/registry/remote_name.h"
#include "protocols/base/bytes.h"

namespace httplib {
class SSLClient;
}

namespace slipway::control {

struct RemoteAccess {
  std::string ca_pem;  // certificates to trust beside the system's; may be empty
  std::string user;    // empty: anonymous
  std::string password;
};

class RemoteRegistry {
 public:
  RemoteRegistry(RemoteName name, RemoteAccess access);
  ~RemoteRegistry();

  // At most 4 MiB; its bytes are those of the digest, where the name has one.
  absl::StatusOr<std::string> Manifest();
  // Bytes of the blob from `offset` on, piece by piece. An error of the sink ends it and is given
  // back; kUnavailable where the same may work later.
  absl::Status Blob(const std::string& digest, std::uint64_t offset,
                    const std::function<absl::Status(Bytes)>& sink);
  // From any thread, which waits for nothing: ends what is under way, and lets nothing begin.
  void Stop();
  // Clears them, and lets nothing begin. By the thread that asks.
  void ForgetCredentials();
  bool holds_credentials() const { return !access_.password.empty() || !authorization_.empty(); }

 private:
  struct Reply;
  struct Question;
  absl::StatusOr<Reply> Ask(const Question& question);
  absl::StatusOr<Reply> AskOnce(const SecureUrl& url, const Question& question);
  absl::Status Authorize(const Reply& refused);
  std::shared_ptr<httplib::SSLClient> Connect(const std::string& host, int port);
  void Note(int socket);
  bool is_stopped();

  const RemoteName name_;
  RemoteAccess access_;
  std::string authorization_;  // header's value; empty until the registry asked
  std::mutex mutex_;
  bool stopped_ = false;
  int socket_ = -1;  // a descriptor of our own: the client's may be another's meanwhile
};

}  // namespace slipway::control
