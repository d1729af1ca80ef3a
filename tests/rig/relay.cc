// SPDX-License-Identifier: Apache-2.0
//
// slipway-relay: a bad wire between two kernel interfaces, for clients that live in the kernel
// (Debian's kernels have netem, but test machines need not).
//
//   slipway-relay A B [--seed=N] [--seconds=N] [--loss=P] [--duplicate=P] [--reorder=P]
//                     [--reorder-ms=T] [--delay-ms=T] [--jitter-ms=T] [--flip=P] [--vlan=N]
//                     [--mark=P]
//
// Every frame that arrives on one interface leaves on the other; in between it may be lost,
// doubled, have one bit flipped, be marked as by a congested router (what says ECT then says CE,
// RFC 3168 5; nothing else is changed by it), or wait. P is a probability (0 to 1), T milliseconds;
// both directions are treated alike and independently. Jitter keeps the order; only frames chosen
// for reordering wait `reorder-ms` longer and are overtaken. The same seed makes the same decisions
// for the n-th frame of a direction. Ends after --seconds (600), or on SIGTERM, and says what it
// did: how many frames it chose for each of these, how many were overtaken, and how long frames
// were held at least and at most.
//
// With --vlan=N it is a switch's access port: A's frames carry IEEE 802.1Q tags, B's none. What B
// sends gets the tag N; what A sends loses it, and goes no further when it has another one or none.
//
// Left out: bandwidth and queue limits (the simulator has them).
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
  double vlan = 0;
  double mark = 0;
};

// What becomes of the tags of frames that go one way.
enum class Tags { kAsTheyAre, kInsert, kRemove };

constexpr std::size_t kTagAt = 12;  // behind both station addresses
constexpr std::size_t kTagBytes = 4;

void InsertTag(std::vector<std::uint8_t>& frame, std::uint16_t control) {
  const std::array<std::uint8_t, kTagBytes> tag{0x81, 0x00, static_cast<std::uint8_t>(control >> 8),
                                                static_cast<std::uint8_t>(control & 0xff)};
  frame.insert(frame.begin() + kTagAt, tag.begin(), tag.end());
}

// False: it does not belong to this VLAN.
bool RemoveTag(std::vector<std::uint8_t>& frame, std::uint16_t vlan) {
  if (frame.size() < kTagAt + kTagBytes + 2 || frame[12] != 0x81 || frame[13] != 0x00) return false;
  if (((frame[14] & 0x0f) << 8 | frame[15]) != vlan) return false;
  frame.erase(frame.begin() + kTagAt, frame.begin() + kTagAt + kTagBytes);
  return true;
}

// False: it is no IPv4 packet that says ECT, or was marked before.
bool MarkFrame(std::vector<std::uint8_t>& frame) {
  constexpr std::size_t kHeader = 20;
  std::size_t at = sizeof(ether_header);
  if (frame.size() >= at && frame[kTagAt] == 0x81 && frame[kTagAt + 1] == 0x00) at += kTagBytes;
  if (frame.size() < at + kHeader || frame[at - 2] != 0x08 || frame[at - 1] != 0x00) return false;
  const unsigned said = frame[at + 1] & 3U;
  if (said == 0 || said == 3) return false;
  // RFC 1624, of the word that holds the field: ~m + m' is what the field grows by.
  frame[at + 1] |= 3;
  unsigned sum = static_cast<unsigned>(frame[at + 10] << 8 | frame[at + 11]) ^ 0xffffU;
  sum += 3 - said;
  sum = (sum & 0xffff) + (sum >> 16);
  sum ^= 0xffff;
  frame[at + 10] = static_cast<std::uint8_t>(sum >> 8);
  frame[at + 11] = static_cast<std::uint8_t>(sum);
  return true;
}

struct Waiting {
  Clock::time_point due;
  Clock::time_point arrived;
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
  const int yes = 1;
  setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes);
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

// The next frame that arrived, whole again: the kernel takes tags out and tells them beside it.
bool ReceiveFrame(int fd, std::vector<std::uint8_t>& frame) {
  static std::array<std::uint8_t, 65536> bytes;
  sockaddr_ll from{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> beside;
  iovec piece{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = beside.data();
  message.msg_controllen = beside.size();
  const ssize_t length = recvmsg(fd, &message, 0);
  if (length <= 0) return false;
  frame.assign(bytes.data(), bytes.data() + length);
  if (from.sll_pkttype == PACKET_OUTGOING) frame.clear();
  const cmsghdr* said = CMSG_FIRSTHDR(&message);
  if (said == nullptr || frame.size() < kTagAt) return true;
  tpacket_auxdata facts{};
  std::memcpy(&facts, CMSG_DATA(said), sizeof facts);
  if ((facts.tp_status & TP_STATUS_VLAN_VALID) != 0) InsertTag(frame, facts.tp_vlan_tci);
  return true;
}

// One way of the wire: from a socket, through the weather, to the other.
class Direction {
 public:
  Direction(int in, int out, const Weather& weather, Tags tags)
      : in_(in), out_(out), weather_(weather), tags_(tags) {}

  void Seed(std::uint64_t salt) { random_.seed(weather_.seed * 2 + salt); }

  void Receive() {
    std::vector<std::uint8_t> frame;
    for (int burst = 0; burst < 64 && ReceiveFrame(in_, frame); ++burst) {
      if (!frame.empty() && Retag(frame)) Take(frame);
    }
  }

  void Transmit(Clock::time_point now) {
    while (!queue_.empty() && queue_.top().due <= now) {
      const auto& frame = queue_.top().frame;
      if (send(out_, frame.data(), frame.size(), 0) < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        return;  // the interface is full: later
      }
      Sent(queue_.top(), now);
      queue_.pop();
    }
  }

  Clock::time_point due() const {
    return queue_.empty() ? Clock::time_point::max() : queue_.top().due;
  }

  void Report(const char* name) const {
    std::printf(
        "%s: %lu taken, %lu sent, %lu lost, %lu doubled, %lu reordered, %lu overtaken, %lu "
        "flipped, "
        "%lu of other VLANs, %lu marked, held %ld us at least, %ld us at most\n",
        name, arrived_, sent_, lost_, doubled_, reordered_, overtaken_, flipped_, foreign_, marked_,
        sent_ == 0 ? 0 : Microseconds(held_least_), Microseconds(held_most_));
  }

 private:
  static long Microseconds(Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  }

  void Sent(const Waiting& frame, Clock::time_point now) {
    ++sent_;
    overtaken_ += frame.number < newest_sent_;
    newest_sent_ = std::max(newest_sent_, frame.number);
    held_least_ = std::min(held_least_, now - frame.arrived);
    held_most_ = std::max(held_most_, now - frame.arrived);
  }

  bool Retag(std::vector<std::uint8_t>& frame) {
    const auto vlan = static_cast<std::uint16_t>(weather_.vlan);
    if (tags_ == Tags::kInsert) InsertTag(frame, vlan);
    if (tags_ != Tags::kRemove || RemoveTag(frame, vlan)) return true;
    ++foreign_;
    return false;
  }

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
    if (weather_.mark > 0 && Chance(weather_.mark)) marked_ += MarkFrame(frame) ? 1U : 0U;
    const int copies = Chance(weather_.duplicate) ? 2 : 1;
    doubled_ += copies == 2;
    const auto now = Clock::now();
    for (int copy = 0; copy < copies; ++copy) queue_.push({Due(now), now, arrived_, frame});
  }

  Clock::time_point Due(Clock::time_point now) {
    const double jitter =
        std::uniform_real_distribution<double>(-weather_.jitter_ms, weather_.jitter_ms)(random_);
    const Milliseconds wait(std::max(0.0, weather_.delay_ms + jitter));
    const auto due = now + std::chrono::duration_cast<Clock::duration>(wait);
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
  Tags tags_;
  std::mt19937_64 random_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> queue_;
  Clock::time_point last_due_{};
  std::uint64_t arrived_ = 0, sent_ = 0, lost_ = 0, doubled_ = 0, reordered_ = 0, flipped_ = 0;
  std::uint64_t foreign_ = 0, marked_ = 0, overtaken_ = 0, newest_sent_ = 0;
  Clock::duration held_least_ = Clock::duration::max(), held_most_{};
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
      {"--seconds", &weather.seconds},
      {"--loss", &weather.loss},
      {"--duplicate", &weather.duplicate},
      {"--reorder", &weather.reorder},
      {"--reorder-ms", &weather.reorder_ms},
      {"--delay-ms", &weather.delay_ms},
      {"--jitter-ms", &weather.jitter_ms},
      {"--flip", &weather.flip},
      {"--vlan", &weather.vlan},
      {"--mark", &weather.mark},
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
    std::fprintf(stderr,
                 "usage: slipway-relay A B [--seed=N] [--seconds=N] [--loss=P] [--duplicate=P] "
                 "[--reorder=P]\n         [--reorder-ms=T] [--delay-ms=T] [--jitter-ms=T] "
                 "[--flip=P] [--vlan=N] [--mark=P]\n");
    return 2;
  }
  std::signal(SIGTERM, AskStop);
  std::signal(SIGINT, AskStop);
  const int a = Open(argv[1]);
  const int b = Open(argv[2]);
  std::printf("relay %s - %s, seed %lu\n", argv[1], argv[2], weather.seed);
  std::fflush(stdout);
  const bool tagged = weather.vlan != 0;
  Direction there(a, b, weather, tagged ? Tags::kRemove : Tags::kAsTheyAre);
  Direction back(b, a, weather, tagged ? Tags::kInsert : Tags::kAsTheyAre);
  there.Seed(0);
  back.Seed(1);
  Run(there, back, {pollfd{a, POLLIN, 0}, pollfd{b, POLLIN, 0}}, weather.seconds);
  there.Report(argv[1]);
  back.Report(argv[2]);
  close(a);
  close(b);
}
