// SPDX-License-Identifier: Apache-2.0
#include "control/cli/capture.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "control/cli/capture_file.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using std::chrono::steady_clock;

constexpr int kSilenceSeconds = 20;  // the daemon says something every five
constexpr auto kProgressInterval = std::chrono::milliseconds(250);
constexpr auto kEndPatience = std::chrono::seconds(5);

// The first SIGINT or SIGTERM asks the daemon to end the capture, so that the file gets its end; a
// second one, or a daemon that does not, ends what the client does.
class Ending {
 public:
  Ending(Client& client, const Target& target) : client_(client), target_(target) {
    // A pipe that nobody reads is seen by its write.
    std::signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this] { Watch(); });
  }
  ~Ending() {
    over_.store(true);
    thread_.join();
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

  void SetLocation(const std::string& location) {
    const std::scoped_lock lock(mutex_);
    location_ = location;
  }
  bool come() const { return come_.load(); }

 private:
  bool Come() const {
    constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 50'000'000};
    return sigtimedwait(&signals_, nullptr, &kLook) > 0;
  }
  bool AskDaemon() {
    std::string location;
    {
      const std::scoped_lock lock(mutex_);
      location = location_;
    }
    if (location.empty()) return false;
    Client other(target_);
    other.GiveUpAfter(static_cast<int>(kEndPatience.count()));
    return other.Delete(location).good;
  }
  void Watch() {
    while (!over_.load() && !Come()) continue;
    if (over_.load()) return;
    come_.store(true);
    bool stop = !AskDaemon();
    const auto until = steady_clock::now() + kEndPatience;
    while (!over_.load()) {
      stop = Come() || stop || steady_clock::now() >= until;
      // Again and again, as the client may just be about to begin.
      if (stop) client_.Stop();
    }
  }

  Client& client_;
  const Target target_;
  sigset_t signals_{};
  std::mutex mutex_;
  std::string location_;
  std::atomic<bool> come_{false};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

// Where blocks go: a file of its own, made with the first, or standard output.
class Outlet {
 public:
  explicit Outlet(std::string file)
      : file_(std::move(file)), descriptor_(file_.empty() ? STDOUT_FILENO : -1) {}
  ~Outlet() {
    if (!file_.empty() && descriptor_ >= 0) ::close(descriptor_);
  }
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  bool is_terminal() const { return file_.empty() && ::isatty(descriptor_) == 1; }
  bool Write(std::string_view bytes) {
    if (descriptor_ < 0) {
      descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        error_ = errno;
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool reader_left() const { return error_ == EPIPE; }
  bool failed() const { return error_ != 0 && error_ != EPIPE; }

 private:
  const std::string file_;  // empty: standard output
  int descriptor_;
  int error_ = 0;
};

class Progress {
 public:
  void Show(const CaptureFile& file) {
    const auto now = steady_clock::now();
    if (!is_terminal_ || now - shown_ < kProgressInterval) return;
    shown_ = now;
    std::cerr << '\r' << Line(file) << "\x1b[K" << std::flush;
  }
  void End(const CaptureFile& file) const {
    std::cerr << (is_terminal_ ? "\r" : "") << Line(file) << (is_terminal_ ? "\x1b[K\n" : "\n");
  }

 private:
  static std::string Line(const CaptureFile& file) {
    return Text("slipway: ", file.frames(), " frames, ", file.bytes(), " bytes, ", file.lost(),
                " lost");
  }

  const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  steady_clock::time_point shown_{};
};

std::string PathOf(const CaptureCommand& command) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += Text(query.empty() ? '?' : '&', name, '=', value);
  };
  add("seconds", command.seconds);
  add("bytes", command.bytes);
  add("snap", command.snap);
  return Text("/api/v1/machines/", command.mac, "/capture", query);
}

}  // namespace

bool IsCaptureOption(std::string_view name) {
  return name == "seconds" || name == "bytes" || name == "snap";
}

int RunCapture(const Target& target, const CaptureCommand& command) {
  Outlet outlet(command.file == "-" ? "" : command.file);
  if (outlet.is_terminal()) {
    std::cerr << "slipway: a capture is no text: write it into a file with -w FILE, or look at it "
                 "with: slipway capture "
              << command.mac << " | tshark -r -\n";
    return 2;
  }
  Client client(target);
  client.GiveUpAfter(kSilenceSeconds);
  Ending ending(client, target);
  CaptureFile file;
  Progress progress;
  const Answer answer = client.Download(
      PathOf(command), [&](const std::string& location) { ending.SetLocation(location); },
      [&](std::string_view bytes) {
        const bool good =
            file.Take(bytes, [&](std::string_view blocks) { return outlet.Write(blocks); });
        progress.Show(file);
        return good;
      });
  if (!answer.good && !ending.come()) {
    std::cerr << "slipway: " << answer.error << '\n';
    return 1;
  }
  progress.End(file);
  if (outlet.failed()) {
    std::cerr << "slipway: " << command.file << ": cannot be written; make room, or name another "
              << "file\n";
    return 1;
  }
  if (file.complete() || outlet.reader_left() || ending.come()) return 0;
  std::cerr << "slipway: the connection ended before the capture; what came until then is there\n";
  return 1;
}

}  // namespace slipway::control
