// SPDX-License-Identifier: Apache-2.0
#include "control/cli/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <thread>

#include "control/cli/top_sample.h"
#include "control/cli/top_screen.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr char kPath[] = "/api/v1/workers";
constexpr int kSecondsMax = 60;

volatile std::sig_atomic_t ended = 0;

void End(int) { ended = 1; }
void Wake(int) {}  // a resize interrupts poll(); no more is wanted of it

// The terminal as keys and a canvas; as it was again when this is gone.
class Terminal {
 public:
  Terminal() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    struct sigaction action = {};
    action.sa_handler = End;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
    action.sa_handler = Wake;
    sigaction(SIGWINCH, &action, nullptr);
    Write("\033[?1049h\033[?25l");
  }
  ~Terminal() {
    Write("\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static TopScreen Screen() {
    TopScreen screen;
    winsize size = {};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
      screen.columns = std::max<std::size_t>(40, size.ws_col);
      screen.rows = std::max<std::size_t>(4, size.ws_row);
    }
    const char* no_color = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
    screen.color = !dumb && (no_color == nullptr || *no_color == '\0');
    return screen;
  }

  // Each line over the one that was there, the rest cleared: nothing flickers.
  static void Show(std::string_view text) {
    std::string out = "\033[H";
    std::size_t from = 0;
    while (from < text.size()) {
      const std::size_t end = text.find('\n', from);
      if (from > 0) out += "\r\n";
      out += Text(text.substr(from, end - from), "\033[K");
      from = end + 1;
    }
    Write(out + "\033[J");
  }

  // The next key before `until`; 0 when there was none, or the screen has another size.
  static char Key(SteadyClock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
    pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, static_cast<int>(std::max<long>(0, left.count()))) <= 0) return 0;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) == 1) return key;
    ended = 1;  // the terminal is gone
    return 0;
  }

 private:
  static void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  termios before_ = {};
};

std::string ClockNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  localtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  return text.data();
}

int Fail(std::string_view words) {
  std::cerr << "slipway: " << words << '\n';
  return 1;
}

int RunOnce(Client& client, const TopOptions& options) {
  const Answer before = client.Get(kPath);
  if (!before.good) return Fail(before.error);
  // A worker posts every 100 ms.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const Answer after = client.Get(kPath);
  if (!after.good) return Fail(after.error);
  const auto view = ViewBetween(before.json(), after.json());
  if (!view) return Fail("the appliance does not tell of its workers: is it of this version?");
  if (options.json) {
    std::cout << ToJson(*view).dump() << '\n';
    return 0;
  }
  constexpr std::size_t kColumns = 160;
  std::cout << RenderTop(*view, {.server = options.server, .clock = ClockNow(), .keys = false},
                         {.columns = kColumns, .rows = 0, .color = false});
  return 0;
}

// Two samples, what they mean, and what is shown of it.
class LiveView {
 public:
  LiveView(Client& client, const TopOptions& options) : client_(client) {
    frame_.server = options.server;
  }

  void Sample() {
    const Answer answer = client_.Get(kPath);
    frame_.trouble = answer.good ? "" : answer.error;
    if (!answer.good) return;
    const nlohmann::json sample = answer.json();
    const auto view = ViewBetween(last_, sample);
    if (!view) {
      frame_.trouble = "the appliance does not tell of its workers: is it of this version?";
      return;
    }
    view_ = *view;
    last_ = sample;
    frame_.clock = ClockNow();
  }
  void Show() const { Terminal::Show(RenderTop(view_, frame_, Terminal::Screen())); }
  void Take(char key) {
    if (key == 'q') ended = 1;
    if (key == 'p') frame_.paused = !frame_.paused;
    if (key == '+' || key == '=') frame_.every_seconds = std::min(kSecondsMax, every() + 1);
    if (key == '-') frame_.every_seconds = std::max(1, every() - 1);
  }
  bool paused() const { return frame_.paused; }
  int every() const { return frame_.every_seconds; }

 private:
  Client& client_;
  nlohmann::json last_;
  TopView view_;
  TopFrame frame_;
};

int RunLive(Client& client, const TopOptions& options) {
  if (isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0) {
    return Fail("top needs a terminal; use 'slipway top --once' or 'slipway top --json'");
  }
  // Who cannot be reached at all is told so in words that stay.
  const Answer first = client.Get(kPath);
  if (!first.good) return Fail(first.error);
  const Terminal terminal;
  LiveView view(client, options);
  view.Sample();
  auto next = SteadyClock::now() + std::chrono::seconds(1);
  while (ended == 0) {
    view.Show();
    view.Take(Terminal::Key(next));
    if (ended != 0 || SteadyClock::now() < next) continue;
    if (!view.paused()) view.Sample();
    next = SteadyClock::now() + std::chrono::seconds(view.every());
  }
  return 0;
}

}  // namespace

int RunTop(Client& client, const TopOptions& options) {
  constexpr int kPatienceSeconds = 5;
  client.GiveUpAfter(kPatienceSeconds);
  return options.once || options.json ? RunOnce(client, options) : RunLive(client, options);
}

}  // namespace slipway::control
