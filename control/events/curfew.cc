// SPDX-License-Identifier: Apache-2.0
#include "control/events/curfew.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::control {
namespace {

// A socket that was not connected yet when the time was over is by then.
constexpr auto kAgain = std::chrono::milliseconds(100);

}  // namespace

Curfew::Curfew(httplib::SSLClient& client, std::chrono::milliseconds time) {
  client.set_socket_options([this](socket_t socket) { Note(socket); });
  const auto end = std::chrono::steady_clock::now() + time;
  thread_ = std::thread([this, end] { Watch(end); });
}

Curfew::~Curfew() {
  {
    const std::scoped_lock lock(mutex_);
    is_done_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (socket_ >= 0) ::close(socket_);
}

bool Curfew::is_over() const {
  const std::scoped_lock lock(mutex_);
  return is_over_;
}

// Of each address that is tried.
void Curfew::Note(int socket) {
  const std::scoped_lock lock(mutex_);
  if (socket_ >= 0) ::close(socket_);
  socket_ = ::dup(socket);
}

void Curfew::Watch(std::chrono::steady_clock::time_point end) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_until(lock, end, [this] { return is_done_; })) {
    is_over_ = true;
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
    end = std::chrono::steady_clock::now() + kAgain;
  }
}

}  // namespace slipway::control
