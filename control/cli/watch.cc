// SPDX-License-Identifier: Apache-2.0
#include "control/cli/watch.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "control/cli/server_events.h"
#include "control/cli/watch_text.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::string_view kKinds = "step,boot,link,change,held";
constexpr int kSilenceSeconds = 45;  // three times what the daemon lets pass without a comment
constexpr int kRetryMilliseconds = 2000;
constexpr int kRetryMillisecondsMax = 60'000;

// SIGINT and SIGTERM as a thing to ask and to wait for; they also end what the client does.
class Interruption {
 public:
  explicit Interruption(Client& client) : client_(client) {
    // TLS says farewell on a socket that Stop() has shut; a pipe that nobody reads is seen as well.
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    thread_ = std::thread([this, signals] { Await(signals); });
  }
  ~Interruption() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    // It waits for this very signal, blocked (sigwait), and nothing else takes it.
    pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
    thread_.join();
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool come() const {
    const std::scoped_lock lock(mutex_);
    return come_;
  }
  // True when it has come meanwhile.
  bool Wait(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, duration, [&] { return come_; });
  }

 private:
  void Await(const sigset_t& signals) {
    int signal = 0;
    sigwait(&signals, &signal);
    std::unique_lock lock(mutex_);
    come_ = true;
    changed_.notify_all();
    // Again and again, as the client may just be about to begin.
    while (!over_) {
      lock.unlock();
      client_.Stop();
      lock.lock();
      changed_.wait_for(lock, std::chrono::milliseconds(50), [&] { return over_; });
    }
  }

  Client& client_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool come_ = false;
  bool over_ = false;
  std::thread thread_;
};

std::string PathOf(const WatchOrder& order) {
  return Text("/api/v1/events?kind=", order.kinds.empty() ? kKinds : order.kinds,
              order.mac.empty() ? "" : "&mac=", order.mac,
              order.after.empty() ? "" : "&after=", order.after);
}

// A refusal that another try would not change.
bool IsFinal(int status) { return status >= 400 && status < 500 && status != 429; }

}  // namespace

bool IsWatchOption(std::string_view name) { return name == "kind" || name == "after"; }

int RunWatch(Client& client, const WatchOrder& order) {
  Interruption interruption(client);
  client.GiveUpAfter(kSilenceSeconds);
  ServerEventParser parser;
  bool reached = false;
  bool told = false;  // that the connection was lost, once each time
  const auto print = [&](const ServerEvent& event) {
    std::cout << (order.json ? WatchJson(event) : WatchLine(event)) << '\n';
  };
  while (!interruption.come()) {
    parser.Restart();
    const Answer answer =
        client.Stream(PathOf(order), parser.last_id(), [&](std::string_view bytes) {
          reached = true;
          told = false;
          parser.Take(bytes, print);
          std::cout.flush();
          return !interruption.come() && std::cout.good();
        });
    if (interruption.come()) break;
    if (!std::cout.good()) return 0;  // nobody reads any more
    if (!answer.good && (!reached || IsFinal(answer.status))) {
      std::cerr << "slipway: " << answer.error << '\n';
      return 1;
    }
    if (!std::exchange(told, true)) {
      std::cerr << "slipway: the connection ended; trying again, from where it was\n";
    }
    const int retry = parser.retry_milliseconds().value_or(kRetryMilliseconds);
    interruption.Wait(std::chrono::milliseconds(std::min(retry, kRetryMillisecondsMax)));
  }
  return 0;
}

}  // namespace slipway::control
