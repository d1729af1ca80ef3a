// SPDX-License-Identifier: Apache-2.0
//
// Curfew: ends a client's connection when its time is over, whatever drips in and out of it.
// httplib's own timeouts begin anew with each byte, in headers and in a TLS handshake as well.
// Private to control/events.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace httplib {
class SSLClient;
}

namespace slipway::control {

class Curfew {
 public:
  // From now to its end. The client makes its connection within that time, and outlives it.
  Curfew(httplib::SSLClient& client, std::chrono::milliseconds time);
  ~Curfew();
  Curfew(const Curfew&) = delete;
  Curfew& operator=(const Curfew&) = delete;

  bool is_over() const;

 private:
  void Note(int socket);
  void Watch(std::chrono::steady_clock::time_point end);

  mutable std::mutex mutex_;  // what follows
  std::condition_variable changed_;
  bool is_done_ = false;
  bool is_over_ = false;
  int socket_ = -1;  // a descriptor of its own: the client's may be another's meanwhile
  std::thread thread_;
};

}  // namespace slipway::control
