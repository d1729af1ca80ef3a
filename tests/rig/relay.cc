// SPDX-License-Identifier: Apache-2.0
//
// slipway-relay: a bad wire between two kernel interfaces, for clients that live in the kernel
// (Debian's kernels have netem, but test machines need not).
//
//   slipway-relay A B [--seed=N] [--seconds=N] [--loss=P] [--duplicate=P] [--reorder=P]
//                     [--reorder-ms=T] [--delay-ms=T] [--jitter-ms=T] [--flip=P]
//
// Every frame that arrives on one interface leaves on the other; in between it may be lost,
// doubled, have one bit flipped, or wait. P is a probability (0 to 1), T milliseconds; both
// directions are treated alike and independently. Jitter keeps the order; only frames chosen for
// reordering wait `reorder-ms` longer and are overtaken. The same seed makes the same decisions for
// the n-th frame of a direction. Ends after --seconds (600), or on SIGTERM, and says what it did.
//
// Left out: bandwidth and queue limits (the simulator has them), VLAN tags the kernel strips.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Weather {
  std::uint64_t seed = 1;
  double seconds = 600;
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;
  double reorder_ms = 2;
  double delay_ms = 0;
  double jitter_ms = 0;
  double flip = 0;
};

struct Waiting {
  Clock::time_point due;
  std::uint64_t number;  // of arrival: the order among equals
  std::vector<std::uint8_t> frame;
  bool operator>(const Waiting& other) const {
    return due != other.due ? due > other.due : number > other.number;
  }
};

volatile std::sig_atomic_t stop_asked = 0;
void AskStop(int) { stop_asked = 1; }

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "slipway-relay: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// A raw socket that sees only what arrives on `interface`.
int Open(const char* interface) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket (root is needed)");
  const int buffer = 32 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (address.sll_ifindex == 0) Die(interface);
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = address.sll_ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
  // bind() takes the generic form of any address; this is the one place that needs the cast.
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) Die("bind");
  return fd;
}

// One way of the wire: from a socket, through the weather, to the other.
class Direction {
 public:
  Direction(int in, int out, const Weather& weather, std::uint64_t salt)
      : in_(in), out_(out), weather_(weather), random_(weather.seed * 2 + salt) {}

  void Receive() {
    std::array<std::uint8_t, 65536> bytes;
    for (int burst = 0; burst < 64; ++burst) {
      sockaddr_ll from{};
      socklen_t size = sizeof from;
      const ssize_t length =
          recvfrom(in_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (length <= 0) return;
      if (from.sll_pkttype == PACKET_OUTGOING) continue;
      Take({bytes.data(), bytes.data() + length});
    }
  }

  void Transmit(Clock::time_point now) {
    while (!queue_.empty() && queue_.top().due <= now) {
      const auto& frame = queue_.top().frame;
      if (send(out_, frame.data(), frame.size(), 0) < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        return;  // the interface is full: later
      }
      ++sent_;
      queue_.pop();
    }
  }

  Clock::time_point due() const {
    return queue_.empty() ? Clock::time_point::max() : queue_.top().due;
  }

  void Report(const char* name) const {
    std::printf("%s: %lu taken, %lu sent, %lu lost, %lu doubled, %lu reordered, %lu flipped\n",
                name, arrived_, sent_, lost_, doubled_, reordered_, flipped_);
  }

 private:
  bool Chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }

  void Take(std::vector<std::uint8_t> frame) {
    ++arrived_;
    if (Chance(weather_.loss)) {
      ++lost_;
      return;
    }
    if (Chance(weather_.flip) && frame.size() > sizeof(ether_header)) {
      ++flipped_;
      const auto bit = random_() % ((frame.size() - sizeof(ether_header)) * 8);
      frame[sizeof(ether_header) + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    }
    const int copies = Chance(weather_.duplicate) ? 2 : 1;
    doubled_ += copies == 2;
    for (int copy = 0; copy < copies; ++copy) queue_.push({Due(), arrived_, frame});
  }

  Clock::time_point Due() {
    const double jitter =
        std::uniform_real_distribution<double>(-weather_.jitter_ms, weather_.jitter_ms)(random_);
    const Milliseconds wait(std::max(0.0, weather_.delay_ms + jitter));
    const auto due = Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
    if (Chance(weather_.reorder)) {
      ++reordered_;
      return due + std::chrono::duration_cast<Clock::duration>(Milliseconds(weather_.reorder_ms));
    }
    last_due_ = std::max(last_due_, due);
    return last_due_;
  }

  int in_;
  int out_;
  const Weather& weather_;
  std::mt19937_64 random_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> queue_;
  Clock::time_point last_due_{};
  std::uint64_t arrived_ = 0, sent_ = 0, lost_ = 0, doubled_ = 0, reordered_ = 0, flipped_ = 0;
};

void Run(Direction& there, Direction& back, std::array<pollfd, 2> sockets, double seconds) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  while (stop_asked == 0) {
    const auto now = Clock::now();
    if (now >= end) return;
    there.Transmit(now);
    back.Transmit(now);
    // At least a moment, so that a full interface is not asked without pause.
    const auto next =
        std::min({there.due(), back.due(), now + std::chrono::milliseconds(100), end});
    const auto wait = std::max<Clock::duration>(next - now, std::chrono::microseconds(20));
    const timespec timeout{0, std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count()};
    if (ppoll(sockets.data(), sockets.size(), &timeout, nullptr) <= 0) continue;
    if (sockets[0].revents != 0) there.Receive();
    if (sockets[1].revents != 0) back.Receive();
  }
}

bool Set(Weather& weather, const std::string& option) {
  const auto equals = option.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = option.substr(0, equals);
  const char* value = option.c_str() + equals + 1;
  char* rest = nullptr;
  if (name == "--seed") {
    weather.seed = std::strtoull(value, &rest, 10);
    return *value != '\0' && *rest == '\0';
  }
  const std::pair<const char*, double*> numbers[] = {
      {"--seconds", &weather.seconds},       {"--loss", &weather.loss},
      {"--duplicate", &weather.duplicate},   {"--reorder", &weather.reorder},
      {"--reorder-ms", &weather.reorder_ms}, {"--delay-ms", &weather.delay_ms},
      {"--jitter-ms", &weather.jitter_ms},   {"--flip", &weather.flip},
  };
  for (const auto& [known, number] : numbers) {
    if (name != known) continue;
    *number = std::strtod(value, &rest);
    return *value != '\0' && *rest == '\0' && *number >= 0;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Weather weather;
  bool understood = argc >= 3;
  for (int i = 3; i < argc; ++i) understood = understood && Set(weather, argv[i]);
  if (!understood) {
    std::fprintf(
        stderr,
        "usage: slipway-relay A B [--seed=N] [--seconds=N] [--loss=P] [--duplicate=P] "
        "[--reorder=P]\n         [--reorder-ms=T] [--delay-ms=T] [--jitter-ms=T] [--flip=P]\n");
    return 2;
  }
  std::signal(SIGTERM, AskStop);
  std::signal(SIGINT, AskStop);
  const int a = Open(argv[1]);
  const int b = Open(argv[2]);
  std::printf("relay %s - %s, seed %lu\n", argv[1], argv[2], weather.seed);
  std::fflush(stdout);
  Direction there(a, b, weather, 0);
  Direction back(b, a, weather, 1);
  Run(there, back, {pollfd{a, POLLIN, 0}, pollfd{b, POLLIN, 0}}, weather.seconds);
  there.Report(argv[1]);
  back.Report(argv[2]);
  close(a);
  close(b);
}
