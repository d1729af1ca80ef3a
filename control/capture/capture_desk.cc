// SPDX-License-Identifier: Apache-2.0
#include "control/capture/capture_desk.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <thread>

#include "control/capture/pcapng.h"
#include "control/config/devices.h"
#include "control/moment.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t kTagBytes = 4;  // put into a frame after it was cut
// Of each ring, up to twice: what is written in one piece.
constexpr std::size_t kFramesAtOnce = 128;
constexpr auto kPollInterval = std::chrono::milliseconds(5);
constexpr auto kLookInterval = std::chrono::milliseconds(500);
constexpr auto kSilenceMax = std::chrono::seconds(5);
// Workers that run pass within a round; this is for one that does not.
constexpr auto kWorkersPatience = std::chrono::seconds(1);

std::vector<PcapngInterface> InterfacesOf(const Config& config, unsigned workers, unsigned ports) {
  std::vector<PcapngInterface> interfaces;
  const auto devices = DevicesOf(config);
  for (unsigned port = 0; port < ports; ++port) {
    const std::string device = port < devices.size() ? devices[port] : "port";
    for (unsigned worker = 0; worker < workers; ++worker) {
      interfaces.push_back({.name = workers == 1 ? device : Text(device, " worker ", worker),
                            .description = Text("port ", port, ", worker ", worker)});
    }
  }
  return interfaces;
}

nlohmann::json Told(const CaptureTerms& terms) {
  return {{"seconds_at_most", terms.seconds.count()}, {"bytes_at_most", terms.bytes}};
}

}  // namespace

CaptureSession::CaptureSession(CaptureDesk& desk, const CaptureTerms& terms, const Actor& actor,
                               std::shared_ptr<dataplane::Capture> capture)
    : desk_(desk),
      terms_(terms),
      actor_(actor),
      id_(desk.next_id_.fetch_add(1)),
      capture_(std::move(capture)),
      began_unix_nanoseconds_(UnixNanoseconds()),
      interfaces_(std::size_t{capture_->workers()} * capture_->ports()) {}

CaptureSession::~CaptureSession() {
  desk_.captures_->End(capture_, kWorkersPatience);
  CountLost();
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began_).count();
  desk_.core_.Audit(actor_, Text("capture of ", terms_.order.machine.ToString()), Told(terms_),
                    {{"seconds", seconds},
                     {"frames", frames_.load()},
                     {"bytes", bytes_.load()},
                     {"lost", lost_.load()}});
  desk_.Leave(*this);
}

std::string CaptureSession::Next() {
  std::string text;
  if (!begun_) {
    begun_ = true;
    text = Begin();
  }
  const auto due = began_ + terms_.seconds;
  const auto until = std::min(due, steady_clock::now() + kLookInterval);
  while (text.empty()) {
    text = Frames();
    const auto now = steady_clock::now();
    if (bytes_.load() >= terms_.bytes || ending_.load() || now >= due) {
      over_ = true;
      text += Finish();
    }
    if (!text.empty() || now >= until) break;
    std::this_thread::sleep_for(kPollInterval);
  }
  const auto now = steady_clock::now();
  if (text.empty() && now - written_ >= kSilenceMax) text = PcapngPause();
  if (!text.empty()) written_ = now;
  return text;
}

std::string CaptureSession::Begin() {
  utsname system{};
  ::uname(&system);
  std::string text =
      BeginPcapng({.hardware = system.machine,
                   .operating_system = Text(system.sysname, ' ', system.release),
                   .comment = Text("frames of ", terms_.order.machine.ToString(), ", captured by ",
                                   actor_.name),
                   .bytes_max = terms_.order.bytes_max < dataplane::CaptureOrder::kWhole
                                    ? terms_.order.bytes_max + kTagBytes
                                    : 0},
                  InterfacesOf(desk_.core_.config(), capture_->workers(), capture_->ports()));
  bytes_.store(text.size());
  return text;
}

std::string CaptureSession::Frames(bool all) {
  std::string text;
  const std::uint64_t before = bytes_.load();
  for (const dataplane::CapturedFrame& frame : capture_->Take(kFramesAtOnce, all)) {
    if (before + text.size() >= terms_.bytes) break;
    const std::uint32_t index = frame.interface * capture_->workers() + frame.worker;
    Interface& interface = interfaces_[index];
    const std::uint64_t lost = capture_->lost(frame.worker, frame.interface);
    AppendFrame(frame, index, lost - interface.lost, text);
    interface.lost = lost;
    ++interface.frames;
    frames_.fetch_add(1);
  }
  if (text.empty()) return text;
  bytes_.fetch_add(text.size());
  CountLost();
  return text;
}

// No worker fills the rings any more, or one is held up where it offers frames to the port; what is
// left in them belongs to the file.
std::string CaptureSession::Finish() {
  desk_.captures_->End(capture_, kWorkersPatience);
  std::string text;
  for (;;) {
    const std::string more = Frames(/*all=*/true);
    if (more.empty()) break;
    text += more;
  }
  CountLost();
  std::vector<PcapngStatistics> statistics;
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    const auto worker = static_cast<unsigned>(i % capture_->workers());
    const auto port = static_cast<unsigned>(i / capture_->workers());
    const std::uint64_t lost = capture_->lost(worker, port);
    statistics.push_back({.began_unix_nanoseconds = began_unix_nanoseconds_,
                          .ended_unix_nanoseconds = UnixNanoseconds(),
                          .frames = interfaces_[i].frames + lost,
                          .lost = lost});
  }
  text += EndPcapng(statistics);
  return text;
}

void CaptureSession::CountLost() {
  std::uint64_t lost = 0;
  for (unsigned port = 0; port < capture_->ports(); ++port) {
    for (unsigned worker = 0; worker < capture_->workers(); ++worker) {
      lost += capture_->lost(worker, port);
    }
  }
  lost_.store(lost);
}

CaptureSession::State CaptureSession::state() const {
  return {.id = id_,
          .machine = terms_.order.machine,
          .actor = actor_.name,
          .began = began_unix_nanoseconds_ / 1'000'000'000,
          .frames = frames_.load(),
          .bytes = bytes_.load(),
          .lost = lost_.load()};
}

absl::StatusOr<std::shared_ptr<CaptureSession>> CaptureDesk::Begin(const CaptureTerms& terms,
                                                                   const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  if (captures_ == nullptr || closed_) {
    return absl::UnavailableError("no packets are handled now; try again when slipwayd serves");
  }
  auto capture = captures_->Begin(terms.order);
  if (capture == nullptr) {
    return absl::FailedPreconditionError(
        Text("as many captures run as may (", dataplane::Captures::kAtOnceMax,
             "); GET /api/v1/captures lists them, DELETE /api/v1/captures/ID ends one"));
  }
  auto session = std::make_shared<CaptureSession>(*this, terms, actor, std::move(capture));
  sessions_.push_back(session.get());
  core_.Audit(actor, Text("capture of ", terms.order.machine.ToString()), nullptr, Told(terms));
  return session;
}

std::vector<CaptureSession::State> CaptureDesk::List() const {
  const std::scoped_lock lock(mutex_);
  std::vector<CaptureSession::State> states;
  for (const CaptureSession* session : sessions_) states.push_back(session->state());
  return states;
}

bool CaptureDesk::End(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(sessions_, id, &CaptureSession::id);
  if (found == sessions_.end()) return false;
  (*found)->End();
  return true;
}

void CaptureDesk::Close(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  for (CaptureSession* session : sessions_) session->End();
  left_.wait_for(lock, patience, [this] { return sessions_.empty(); });
}

void CaptureDesk::Leave(CaptureSession& session) {
  const std::scoped_lock lock(mutex_);
  std::erase(sessions_, &session);
  left_.notify_all();
}

}  // namespace slipway::control
